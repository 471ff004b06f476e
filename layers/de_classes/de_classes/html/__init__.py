"""Pages to look at: elements that cannot forget to escape, their style, and charts."""
