"""Sources that change for a month, runs over them, and an oracle that looks at the dataset every evening."""
