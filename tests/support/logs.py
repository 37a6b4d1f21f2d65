"""Keeps a test that takes over the log from taking it over for the others."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept() -> Iterator[None]:
    """Put the logger ``lariat`` back as it was."""
    logger = logging.getLogger("lariat")
    before = list(logger.handlers), logger.propagate, logger.level
    try:
        yield
    finally:
        logger.handlers[:], logger.propagate = before[0], before[1]
        logger.setLevel(before[2])
