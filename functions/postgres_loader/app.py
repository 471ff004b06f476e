"""The loader on AWS Lambda: what is committed to the bucket is loaded into PostgreSQL."""

from de_classes.pipelines.postgres.handler import lambda_handler

__all__ = ["lambda_handler"]
