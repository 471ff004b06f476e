"""What the simulator of this machine shows in a browser."""
