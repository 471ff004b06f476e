"""PostgreSQL on this machine: Debian's server, on loopback, for tests and the benchmark alone."""
