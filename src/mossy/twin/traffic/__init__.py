"""Packets on their way: where they travel, what every link carries, and what that delays."""
