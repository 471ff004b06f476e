"""What Lambda calls: the library's own handler, put together by the variables in template.yaml."""

from de_classes.handler import lambda_handler

__all__ = ["lambda_handler"]
