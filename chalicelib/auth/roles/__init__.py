"""Roles, bindings and what follows from them, as values only: no store, no client, no clock.

``access.py`` decides for Lariat's own API, ``cluster.py`` says what holds inside of a cluster; controllers propagate the
latter. Whatever is unknown, missing or malformed grants nothing.
"""
