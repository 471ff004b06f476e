"""Trying a described source before it is trusted: a few requests, and what they show."""
