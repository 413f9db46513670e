"""The audit log: what happens to the security of accounts."""
