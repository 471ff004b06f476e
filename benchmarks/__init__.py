"""Measurements that decisions and documents rest on; nothing here is imported by the library or shipped."""
