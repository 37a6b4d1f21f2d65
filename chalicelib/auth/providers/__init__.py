"""Identity providers: who proves that a caller is who they say, and which groups that makes them a member of.

``port.py`` says what a provider is; one file each implements one. ``sessions.py`` logs in through them, ``enabling.py``
configures them, ``memberships.py`` keeps groups fresh; the API calls those three.
"""
