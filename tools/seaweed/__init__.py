"""SeaweedFS on this machine: a real S3 server that needs no root, for the contract tests alone."""
