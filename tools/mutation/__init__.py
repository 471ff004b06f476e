"""Change the code in small ways and see whether a test notices; see docs/mutation.md."""
