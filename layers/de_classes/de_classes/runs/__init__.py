"""Runs: pages into sealed parts, parts into a committed dataset; resumable, replayable, with a receipt."""
