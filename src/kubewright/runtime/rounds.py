"""One round of what goes by time and not by keys: what fails in it is told of, and the next round comes all the same.

A round looks at all objects. One of them that nobody had thought of must not end the service of all the others, as it
does not where a Controller works keys off.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager

from kubewright.errors import OpError

_log = logging.getLogger(__name__)


@contextmanager
def surviving(what: str) -> Generator[None]:
    """Break off what is in the block where it fails, and log why; being cancelled is no failure."""
    try:
        yield
    except OpError as error:
        _log.warning("%s: %s", what, error)
    except Exception:  # noqa: BLE001  see the module
        _log.exception("%s: failed unexpectedly, and is tried again in the next round", what)
