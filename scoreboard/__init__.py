"""The same faults against several clients: what each loses, doubles, and says of it."""
