"""``ApiDataService`` by the name that it was imported by before; it lives beside the runs that it starts."""

from __future__ import annotations

from de_classes.utils.lazy import loaded_on_use

# Loaded by name, since what gets pages knows nothing of what becomes of them.
__getattr__, __dir__ = loaded_on_use(
    "de_classes.runs", {"api_data_service": ("ApiDataService",), "destination": ("receipt_key",)}
)
