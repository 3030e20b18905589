"""The difference of two specs, as the last lines of a refused pod update show it."""

from __future__ import annotations

import difflib
import json
from typing import Any


def go_diff(old: Any, new: Any) -> str:
    """Write the lines that differ, with three lines around them, the removed ones first."""
    before, after = (json.dumps(item, indent=2, sort_keys=True).splitlines() for item in (old, new))
    lines = list(difflib.unified_diff(before, after, lineterm="", n=3))[2:]
    return "\n".join(line for line in lines if not line.startswith("@@"))
