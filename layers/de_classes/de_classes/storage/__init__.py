"""Getting records and frames into an object store and back."""
