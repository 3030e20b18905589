"""Requests and answers in one piece, which is all that the small ASGI applications here have."""

from __future__ import annotations

from kubewright.runtime.serving import Receive, Send

PLAIN = "text/plain; charset=utf-8"


async def read_body(receive: Receive, most_bytes: int) -> bytes | None:
    """Return a request's body; None when it is too large, or its client is gone."""
    parts, size = list[bytes](), 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most_bytes:
            return None
        if not message.get("more_body"):
            return b"".join(parts)


async def answer(
    send: Send, status: int, content_type: str, body: bytes, *headers: tuple[bytes, bytes], method: str = "GET"
) -> None:
    """Send an answer; to HEAD, without its body."""
    described = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": described})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})
