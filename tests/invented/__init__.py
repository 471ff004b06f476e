"""Sources that nobody has thought of, runs over them, and an oracle that knows what such a run may bring."""
