"""The ``lariat`` command: logs in, and runs kubectl against a cluster wherever the server runs."""
