"""Settings: read once, validated, injected."""
