"""Stores that nobody has thought of, runs over them, and an oracle that reads what lies in the bucket."""
