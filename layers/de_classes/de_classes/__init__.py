"""Composable classes for data engineering: pull a flaky API into S3 with nothing lost and nothing doubled."""
