"""Reviews: what the API server asks, and what it is answered. An ASGI application over pure functions.

A function that fails is an answer, too: HTTP 500 with its name, which the API server shows whoever made the request.
"""

from __future__ import annotations

import base64
import logging
from typing import Annotated, Any, cast

import msgspec

from kubewright.api.meta import Manifest
from kubewright.runtime.exchange import answer, read_body
from kubewright.runtime.serving import Receive, Scope, Send
from kubewright.runtime.webhooks.declared import Conversion, Default, Hook, Validate, Webhooks
from kubewright.store.patch.json_patch import as_token

VALIDATE, DEFAULT, CONVERT = "/validate/", "/default/", "/convert/"
_MOST_BYTES = 16 * 1024 * 1024
_MOST_SAID = 2000
"""Characters of what a function says; what fails may hold a whole object."""
_CHANGEABLE_METADATA = frozenset({"labels", "annotations"})

_log = logging.getLogger(__name__)


class _Head(msgspec.Struct):
    """What each object under review has."""

    metadata: dict[str, Any]


class _Request(msgspec.Struct, rename="camel"):
    """The shape of what is asked; the documents themselves are passed on as they came."""

    uid: str
    object: _Head | None = None
    old_object: _Head | None = None
    desired_api_version: Annotated[str, msgspec.Meta(max_length=300)] = msgspec.field(
        name="desiredAPIVersion", default=""
    )
    objects: list[_Head] = []


class _Review(msgspec.Struct):
    request: _Request


class ReviewApp:
    """Answers reviews at `/validate/...`, `/default/...` and `/convert/...`."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._validating = {VALIDATE + hook.path: hook for hook in webhooks.validating}
        self._defaulting = {DEFAULT + hook.path: hook for hook in webhooks.defaulting}
        self._converting = {CONVERT + name: conversion for name, conversion in webhooks.converting.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        body = await read_body(receive, _MOST_BYTES)
        status, text = self._answer(scope["method"], scope["path"], body)
        await answer(send, status, "application/json", text)

    def _answer(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        if body is None:
            return 413, b'{"error": "the review is too large"}'
        known = path in self._validating or path in self._defaulting or path in self._converting
        if method != "POST" or not known:
            return 404, b'{"error": "no such webhook"}'
        try:
            review = cast("Manifest", msgspec.json.decode(body))
            msgspec.convert(review, _Review)
            _complete(path, review["request"])
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            return 400, msgspec.json.encode({"error": f"not a review: {_said(error)}"})
        try:
            response = self._response(path, review["request"])
            return 200, msgspec.json.encode({**review, "request": None, "response": response})
        except msgspec.ValidationError as error:
            return 400, msgspec.json.encode({"error": f"an object of another form: {_said(error)}"})
        except Exception as error:  # noqa: BLE001  one request's failure is not the server's end
            _log.exception("%s failed", path)
            return 500, msgspec.json.encode({"error": f"{path}: {error!r:.{_MOST_SAID}}"})

    def _response(self, path: str, request: Manifest) -> Manifest:
        if path in self._validating:
            return validated(self._validating[path], request)
        if path in self._defaulting:
            return defaulted(cast("Default", self._defaulting[path].answer), request)
        return converted(self._converting[path], request)


def _complete(path: str, request: Manifest) -> None:
    """Raise a ValidationError if a request lacks what a webhook at this path is asked about."""
    needed = {DEFAULT: "object", CONVERT: "desiredAPIVersion"}
    for prefix, name in needed.items():
        if path.startswith(prefix) and not request.get(name):
            raise msgspec.ValidationError(f"Object missing required field `{name}` - at `$.request`")


def _said(error: Exception) -> str:
    return str(error)[:_MOST_SAID]


def validated(hook: Hook, request: Manifest) -> Manifest:
    """Return the response to a validating review."""
    old, new = (_typed(hook, request.get(part)) for part in ("oldObject", "object"))
    problems = list(cast("Validate[Any]", hook.answer)(old, new))
    if not problems:
        return {"uid": request["uid"], "allowed": True}
    status = {"code": 422, "reason": "Invalid", "message": "; ".join(problems)[:_MOST_SAID]}
    return {"uid": request["uid"], "allowed": False, "status": status}


def _typed(hook: Hook, document: Manifest | None) -> Any:
    return None if document is None else msgspec.convert(document, hook.resource.type)


def defaulted(default: Default, request: Manifest) -> Manifest:
    """Return the response to a mutating review: a JSON patch of the top-level fields that changed."""
    document = cast("Manifest", request["object"])
    filled = default(msgspec.json.decode(msgspec.json.encode(document)))
    metadata = document["metadata"]
    patch = _patch("", document, {**filled, "metadata": metadata})
    patch += _patch("/metadata", _changeable(metadata), _changeable(filled["metadata"]))
    if not patch:
        return {"uid": request["uid"], "allowed": True}
    encoded = base64.b64encode(msgspec.json.encode(patch)).decode()
    return {"uid": request["uid"], "allowed": True, "patchType": "JSONPatch", "patch": encoded}


def _changeable(metadata: Manifest) -> Manifest:
    return {name: value for name, value in metadata.items() if name in _CHANGEABLE_METADATA}


def _patch(path: str, old: Manifest, new: Manifest) -> list[Manifest]:
    changed = [name for name in new if name not in old or old[name] != new[name]]
    removed = [name for name in old if name not in new]
    return [{"op": "add", "path": f"{path}/{as_token(name)}", "value": new[name]} for name in changed] + [
        {"op": "remove", "path": f"{path}/{as_token(name)}"} for name in removed
    ]


def converted(conversion: Conversion, request: Manifest) -> Manifest:
    """Return the response to a conversion review: every object, or why one of them cannot be converted."""
    version = request["desiredAPIVersion"].rpartition("/")[2]
    try:
        objects = [conversion.convert(each, version) for each in request["objects"]]
    except (LookupError, TypeError, ValueError) as error:
        failure = {"status": "Failure", "message": f"to {version}: {error!r:.{_MOST_SAID}}"}
        return {"uid": request["uid"], "result": failure, "convertedObjects": []}
    return {"uid": request["uid"], "result": {"status": "Success"}, "convertedObjects": objects}
