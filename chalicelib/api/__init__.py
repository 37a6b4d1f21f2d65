"""The v3 HTTP API, without HTTP: a request value in, a response value out. The edges do the rest."""
