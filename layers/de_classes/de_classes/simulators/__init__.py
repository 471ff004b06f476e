"""Two APIs to rehearse against: one that logs in, one that misbehaves on purpose."""
