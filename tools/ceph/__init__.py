"""Ceph's object gateway on this machine: a real S3-compatible server, for the contract tests alone."""
