"""What is not a resource: health, version, discovery and OpenAPI. `server.py` asks here when no kind is served."""

from __future__ import annotations

from collections.abc import Mapping

from kubewright.api.meta import Manifest
from kubewright.client.transport import Request, Response
from kubewright.twin.answers import document, plain
from kubewright.twin.kinds import KindTable
from kubewright.twin.status import method_not_allowed

OPEN_PATHS = frozenset({"/healthz", "/livez", "/readyz", "/version"})
"""What is answered to anyone, authenticated or not."""


class Documents:
    """The documents that describe the server, made from its kind table."""

    def __init__(self, kinds: KindTable) -> None:
        self._kinds = kinds

    def answer(self, request: Request) -> Response | None:
        """Answer a request for a document; None when there is none of that name."""
        path = request.path.rstrip("/")
        answer = self._plain(path) or self._discovery(path, request.headers) or self._openapi(path, request)
        if answer is not None and request.method not in {"GET", "HEAD"}:
            raise method_not_allowed()
        return answer

    def _plain(self, path: str) -> Response | None:
        if path in OPEN_PATHS - {"/version"}:
            return plain("ok")
        return document(version_info(self._kinds.release)) if path == "/version" else None

    def _discovery(self, path: str, headers: Mapping[str, str]) -> Response | None:
        return None

    def _openapi(self, path: str, request: Request) -> Response | None:
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
