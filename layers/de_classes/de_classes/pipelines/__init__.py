"""Pipelines: extract, transform and load steps that plug together."""
