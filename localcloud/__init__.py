"""A local cloud for this repository: MiniStack, the SAM CLI, and the demonstration that uses both.

It never reaches a real account: see `sam.require_loopback` and `workspace.isolated`.
"""
