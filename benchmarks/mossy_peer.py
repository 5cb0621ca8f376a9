"""A recurrent network here: python -m benchmarks.mossy_peer NETWORK THREADS SECONDS STATISTICS"""
raise SystemExit("mossy cannot build such networks yet")
