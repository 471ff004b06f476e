"""What two silos share, and nothing else."""
