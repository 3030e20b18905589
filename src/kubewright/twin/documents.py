"""What is not a resource: health, version, discovery and OpenAPI. `server.py` asks here when no kind is served."""

from __future__ import annotations

import hashlib
import re

from kubewright.api.meta import Manifest
from kubewright.client.transport import Request, Response
from kubewright.twin.answers import document, plain
from kubewright.twin.discovery import Discovery
from kubewright.twin.gnostic import ASKED_AS, MEDIA_TYPE, encode_openapi
from kubewright.twin.kinds import KindTable
from kubewright.twin.media import JSON, encode
from kubewright.twin.openapi import OpenApi
from kubewright.twin.openapiv2 import swagger
from kubewright.twin.status import method_not_allowed

_CHECKS = ("ping", "log", "etcd")
"""Every check of health passes while this process answers at all."""


class Documents:
    """The documents that describe the server, made from its kind table."""

    def __init__(self, kinds: KindTable) -> None:
        self._kinds = kinds
        self._discovery = Discovery(kinds)
        self._openapi = OpenApi(kinds)
        self._swagger_bodies: dict[tuple[int, str], bytes] = {}
        """By the kind table's generation and the form."""

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
            case ["openapi", "v2"]:
                return self._swagger(request)
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

    def _swagger(self, request: Request) -> Response:
        form = _swagger_form(request.headers.get("accept", ""))
        if not form:
            return Response(406, {"vary": "Accept"})
        generation = self._kinds.generation
        if (generation, form) not in self._swagger_bodies:
            kept = {key: body for key, body in self._swagger_bodies.items() if key[0] == generation}
            content = swagger(self._openapi, self._kinds.release)
            kept[generation, form] = encode(content) if form == JSON else encode_openapi(content)
            self._swagger_bodies = kept
        body = self._swagger_bodies[generation, form]
        return _unless_known(body, form, request.headers.get("if-none-match", ""))


def _swagger_form(accept: str) -> str:
    """Choose JSON or protobuf by an Accept header; "" when it wants neither."""
    asked = [(clause.partition(";")[0].strip(), clause) for clause in accept.split(",")]
    forms = {"": JSON, "*/*": JSON, "application/*": JSON, JSON: JSON, **dict.fromkeys(ASKED_AS, MEDIA_TYPE)}
    known = [(_quality(clause), forms[name]) for name, clause in asked if name in forms]
    return max(known, key=lambda each: each[0])[1] if known else ""


def _quality(clause: str) -> float:
    given = re.search(r";\s*q=(\d(?:\.\d+)?)", clause)
    return float(given[1]) if given else 1.0


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
