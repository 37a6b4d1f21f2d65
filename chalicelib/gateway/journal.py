"""What becomes of users' streams, told to whoever writes it down: ``audited.py``, or without an audit log nobody.

No process sees a stream from its beginning to its end, so what has to be known of it later is noted in its reply tokens.
``callers.py`` and ``sockets.py`` call this.
"""

from __future__ import annotations

from chalicelib.proxy.gatekeeper import Admitted
from chalicelib.tunnel.frames import Frame
from chalicelib.tunnel.heads import RequestHead


class Entry:
    """One request for a stream."""

    def admitted(self, stream: str, admitted: Admitted) -> str:
        """It is about to go to the cluster; return what to note. Raises ``Unavailable`` if it must not."""
        return ""

    def refused(self, code: int) -> None:
        """The caller is about to see this. Raises ``Unavailable`` if that must not be seen."""


class Journal:
    """The journal of those who keep none."""

    def open(self, head: RequestHead, body: bytes, client: str) -> Entry:
        """Somebody asks for a stream; ``client`` is the address from where."""
        return Entry()

    def note(self, user: str, cluster: str) -> str:
        """Return what to note in a reply token, if anything."""
        return ""

    def passing(self, frame: Frame, note: str) -> None:
        """A frame of an agent's answer is about to reach the caller. Raises ``Unavailable`` if it must not."""

    def ended(self, stream: str, note: str = "", token: str = "") -> None:
        """A stream has ended; ``token`` is the id of its caller's."""
