"""Measurements that decisions rest on; nothing here is imported or shipped."""
