"""The functions in Lambda containers on this machine: the engine, the runtime's image, and what they call."""
