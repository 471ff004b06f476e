"""One program for each client, run with that client's own Python.

Each is written as its documentation advises. ``protocol`` is all that they have in common.
"""
