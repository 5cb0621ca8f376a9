"""What a run costs: its time, its energy, and how fast the chip was clocked."""
