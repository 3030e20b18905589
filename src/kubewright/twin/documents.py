"""What is not a resource: health, version, discovery and OpenAPI. `server.py` asks here when no kind is served."""

from __future__ import annotations

import hashlib

from kubewright.api.meta import Manifest
from kubewright.client.transport import Request, Response
from kubewright.twin.answers import document, plain
from kubewright.twin.discovery import Discovery
from kubewright.twin.kinds import KindTable
from kubewright.twin.media import JSON, encode
from kubewright.twin.openapi import OpenApi
from kubewright.twin.status import method_not_allowed

_CHECKS = ("ping", "log", "etcd")
"""Every check of health passes while this process answers at all."""


class Documents:
    """The documents that describe the server, made from its kind table."""

    def __init__(self, kinds: KindTable) -> None:
        self._kinds = kinds
        self._discovery = Discovery(kinds)
        self._openapi = OpenApi(kinds)

    def answer(self, request: Request) -> Response | None:
        """Answer a request for a document; None when there is none of that name."""
        answer = self._find(request.path.rstrip("/"), request)
        if answer is not None and request.method not in {"GET", "HEAD"}:
            raise method_not_allowed()
        return answer

    def _find(self, path: str, request: Request) -> Response | None:
        match path.split("/")[1:]:
            case ["version"]:
                return document(version_info(self._kinds.release))
            case ["healthz" | "livez" | "readyz" as probe, *check]:
                return _health(probe, check, verbose="verbose" in request.query)
            case ["openapi", "v3", *names]:
                return self._schemas("/".join(names))
            case _:
                pass
        if path.startswith("/api"):
            return self._discovered(path, request)
        return None

    def _discovered(self, path: str, request: Request) -> Response | None:
        found = self._discovery.document(path, request.headers.get("accept", ""))
        if found is None:
            return None
        content, content_type = found
        if content_type == JSON:
            return document(content)
        return _unless_known(encode(content), content_type, request.headers.get("if-none-match", ""))

    def _schemas(self, name: str) -> Response | None:
        content = self._openapi.document(name) if name else self._openapi.index()
        return None if content is None else document(content)


def _unless_known(body: bytes, content_type: str, known: str) -> Response:
    """Answer an aggregated document under its hash, without a body to a client that has it already."""
    etag = f'"{hashlib.sha256(body).hexdigest()}"'
    headers = {"content-type": content_type, "etag": etag, "vary": "Accept"}
    return Response(304, headers, b"") if known == etag else Response(200, headers, body)


def _health(probe: str, check: list[str], *, verbose: bool) -> Response | None:
    if check:
        return plain("ok") if len(check) == 1 and check[0] in _CHECKS else None
    if not verbose:
        return plain("ok")
    return plain("".join(f"[+]{name} ok\n" for name in _CHECKS) + f"{probe} check passed\n")


def version_info(release: str) -> Manifest:
    """Return `/version` for a release such as `v1.37.2`."""
    major, minor, _ = release.removeprefix("v").split(".", 2)
    return {
        "major": major,
        "minor": minor,
        "emulationMajor": major,
        "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": str(int(minor) - 1),
        "gitVersion": f"{release}+twin",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": "none",
        "platform": "python",
    }
