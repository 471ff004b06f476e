"""What the local cloud raises on purpose."""


class LocalCloudError(Exception):
    """Something the user can mend; the message says what."""
