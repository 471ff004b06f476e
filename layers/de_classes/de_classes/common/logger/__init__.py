"""Logging: one logger a name, two handlers at most, no secret in any line."""
