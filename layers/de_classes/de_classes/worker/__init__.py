"""The ingestion worker's request handling: an event in, one run, a receipt or an error out."""
