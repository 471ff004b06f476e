"""Who takes part, each a program of its own: ``python -m benchmarks.clients.NAME TASK.json``."""
