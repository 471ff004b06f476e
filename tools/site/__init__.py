"""The documentation site: docs/ and the docstrings, as pages that can be searched."""
