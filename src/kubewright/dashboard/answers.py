"""Answers of the dashboard's HTTP that nothing may keep."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

UNKEPT = {"cache-control": "no-store"}


def as_json(content: Any, status: int = 200) -> Response:
    """Return an answer with some content."""
    return Response(msgspec.json.encode(content), status, UNKEPT, media_type="application/json")


def refusal(status: int, message: str) -> Response:
    """Return an answer that says why there is none."""
    return as_json({"message": message}, status)
