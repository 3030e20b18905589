"""Which Kubernetes the platform is for, and which one a server is: asked by `doctor`, and by `install` once more."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

OLDEST, NEWEST = (1, 32), (1, 37)
"""Kubernetes as it is supported, and as it is tested."""


def release_of(version: Mapping[str, Any]) -> tuple[int, ...]:
    """Return major and minor of what a server answers at `/version`, such as `37+`; 0 for what it does not say."""
    return tuple(int(re.sub(r"\D.*", "", str(version.get(each, ""))) or 0) for each in ("major", "minor"))


def written(release: tuple[int, ...]) -> str:
    """Return a release as people write it: 1.37."""
    return ".".join(map(str, release))
