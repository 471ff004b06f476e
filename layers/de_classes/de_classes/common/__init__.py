"""What every silo uses."""
