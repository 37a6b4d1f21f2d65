"""The standalone edge: Lariat as one process, with an embedded database, TLS, real streaming and HTTP upgrades."""
