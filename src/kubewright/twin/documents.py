"""What is not a resource: health, version, discovery and OpenAPI. `server.py` asks here when no kind is served."""

from __future__ import annotations

from kubewright.api.meta import Manifest
from kubewright.client.transport import Request, Response
from kubewright.twin.answers import document, plain
from kubewright.twin.discovery import Discovery
from kubewright.twin.kinds import KindTable
from kubewright.twin.media import encode
from kubewright.twin.openapi import OpenApi
from kubewright.twin.status import method_not_allowed

_STATE_PATHS = frozenset({"/healthz", "/livez", "/readyz", "/version"})


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
        if path in _STATE_PATHS:
            return document(version_info(self._kinds.release)) if path == "/version" else plain("ok")
        if path.startswith("/api"):
            found = self._discovery.document(path, request.headers.get("accept", ""))
            if found is None:
                return None
            content, content_type = found
            return Response(200, {"content-type": content_type}, encode(content))
        if path == "/openapi/v3":
            return document(self._openapi.index())
        if path.startswith("/openapi/v3/"):
            content = self._openapi.document(path.removeprefix("/openapi/v3/"))
            return None if content is None else document(content)
        return None


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
