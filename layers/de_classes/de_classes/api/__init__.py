"""Getting pages out of an API: transport, retry, pagination, login, the client and its service."""
