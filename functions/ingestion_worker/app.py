"""The ingestion worker on AWS Lambda: ``POST /ingest`` pulls a configured source into the bucket."""

from de_classes.handler import lambda_handler

__all__ = ["lambda_handler"]
