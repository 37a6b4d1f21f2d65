"""The audit log: who asked for what, from where, and what came of it; never a secret."""
