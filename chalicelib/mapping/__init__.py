"""What lives in users' clusters, in the shape of the v3 API and back; pure. ``api/`` begins with ``kinds.find``."""
