"""AdmissionReviews: what a webhook is asked, and what its answer means."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from kubewright.api.meta import Manifest
from kubewright.twin.jsonerrors import json_error
from kubewright.twin.reading import as_dict, as_list, text
from kubewright.twin.status import StatusError
from kubewright.twin.validation.fields import quoted
from kubewright.twin.webhooks.hooks import Hook
from kubewright.twin.webhooks.questions import Address, Question, Reply

KIND = "AdmissionReview"
_GROUP = "admission.k8s.io"
_FIRST_FAILURE, _PARTIAL_CONTENT = 400, 206
_MAX_SHOWN_BYTES = 2048
_WORDS = {
    400: "the server rejected our request for an unknown reason",
    401: "the server has asked for the client to provide credentials",
    404: "the server could not find the requested resource",
    405: "the server does not allow this method on the requested resource",
    409: "the server reported a conflict",
    422: "the server rejected our request due to an error in our request",
    429: "the server has received too many requests and has asked us to try again later",
    503: "the server is currently unable to handle the request",
    504: "the server was unable to return a response in the time allotted, but may still be processing the request",
}
_OMITTED = ("subResource", "requestSubResource", "name", "namespace")


class FailedCallError(Exception):
    """A webhook gave no usable answer; its text is the reason after `failed calling webhook "name": `."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a webhook decided."""

    allowed: bool
    warnings: Sequence[str] = ()
    result: Manifest | None = None
    patch: Sequence[Any] = ()


def question(hook: Hook, address: Address, request: Manifest) -> Question:
    """Ask about a write: the request with its objects, in the version that the webhook wants."""
    shown = {name: value for name, value in request.items() if value or name not in _OMITTED}
    content = msgspec.json.encode(shown)
    return Question(
        hook.configuration, hook.name, address, f"{_GROUP}/{hook.review_version}", KIND, content, hook.timeout_seconds
    )


def review_of(asked: Question, reply: Reply) -> Manifest:
    """Return the document that a webhook answered; raises FailedCallError when there is none."""
    answer = reply.answer
    if answer is None:
        raise FailedCallError(f'failed to call webhook: Post "{asked.shown_url}": {reply.failure}')
    if not 200 <= answer.status <= _PARTIAL_CONTENT:  # noqa: PLR2004  as Go's client has it
        raise FailedCallError(f"failed to call webhook: {_refusal(answer.status, answer.body, answer.content_type)}")
    if not answer.body:
        shown = f"0-length response with status code: {answer.status} and content type: {answer.content_type}"
        raise FailedCallError(f"failed to call webhook: {shown}")
    try:
        document = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        problem = json_error(answer.body) or str(error)
        raise FailedCallError(
            f"failed to call webhook: couldn't get version/kind; json parse error: {problem}"
        ) from error
    if not text(document, "kind"):
        shown = answer.body.decode(errors="replace")
        raise FailedCallError(f"failed to call webhook: Object 'Kind' is missing in '{shown}'")
    found = text(document, "apiVersion")
    if found != asked.api_version and found.startswith(f"{_GROUP}/") and text(document, "kind") == asked.kind:
        versions = [f"{each.rpartition('/')[2]}.{asked.kind}" for each in (found, asked.api_version)]
        raise FailedCallError(
            f"failed to call webhook: converting ({versions[0]}) to ({versions[1]}): unknown conversion"
        )
    return as_dict(document)


def _refusal(status: int, body: bytes, content_type: str) -> str:
    """Word an answer that is an error: its own Status if it is one."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        document = None
    if text(document, "kind") == "Status" and text(document, "status") == "Failure":
        return text(document, "message")
    is_text = not content_type or content_type.startswith("text/")
    said = body[:_MAX_SHOWN_BYTES].decode(errors="replace").strip() if is_text else "unknown"
    if status in {403, 415}:
        return said
    if status in _WORDS:
        return _WORDS[status]
    if status >= 500:  # noqa: PLR2004
        return f"an error on the server ({quoted(said)}) has prevented the request from succeeding"
    return f"the server responded with the status code {status} but did not return more information"


def verdict_of(asked: Question, reply: Reply, *, mutating: bool) -> Verdict:
    """Read a webhook's answer; raises FailedCallError."""
    document = review_of(asked, reply)
    response = document.get("response")
    if not isinstance(response, dict):
        raise _invalid("webhook response was absent")
    known = as_dict(response)
    strict = asked.api_version.endswith("/v1")
    if strict:
        _check_identity(asked, reply, document, known)
    patch, patch_type = text(known, "patch"), known.get("patchType")
    if strict:
        _check_patch(patch, patch_type, mutating=mutating)
    operations: list[Any] = []
    if mutating and patch:
        if strict and patch_type != "JSONPatch":
            raise FailedCallError(f"unsupported patch type {quoted(str(patch_type))}")
        operations = _operations(patch)
    result = known.get("status")
    return Verdict(
        allowed=known.get("allowed") is True,
        warnings=tuple(str(each) for each in as_list(known.get("warnings"))),
        result=as_dict(result) if isinstance(result, dict) else None,
        patch=operations,
    )


def _check_identity(asked: Question, reply: Reply, document: Manifest, response: Mapping[str, Any]) -> None:
    uid = text(response, "uid")
    if uid != reply.uid:
        raise _invalid(f"expected response.uid={quoted(reply.uid)}, got {quoted(uid)}")
    found = f"{text(document, 'apiVersion')}, Kind={text(document, 'kind')}"
    wanted = f"{asked.api_version}, Kind={asked.kind}"
    if found != wanted:
        raise _invalid(f"expected webhook response of {wanted}, got {found}")


def _check_patch(patch: str, patch_type: object, *, mutating: bool) -> None:
    if not mutating:
        for name, value in (("patch", patch or None), ("patchType", patch_type)):
            if value is not None:
                raise _invalid(f"validating webhook may not return response.{name}")
        return
    if patch and patch_type is None:
        raise _invalid("webhook returned response.patch but not response.patchType")
    if not patch and patch_type is not None:
        raise _invalid("webhook returned response.patchType but not response.patch")
    if patch_type is not None and not patch_type:
        raise _invalid('webhook returned invalid response.patchType of ""')


def _invalid(detail: str) -> FailedCallError:
    return FailedCallError(f"received invalid webhook response: {detail}")


def _operations(patch: str) -> list[Any]:
    try:
        content = base64.b64decode(patch, validate=True)
    except binascii.Error as error:
        raise FailedCallError("failed to call webhook: illegal base64 data at input byte 0") from error
    try:
        operations = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        problem = json_error(content) or str(error)
        raise FailedCallError(f"received undecodable patch in webhook response: {problem}") from error
    if operations is not None and not isinstance(operations, list):
        problem = "json: cannot unmarshal object into Go value of type jsonpatch.Patch"
        raise FailedCallError(f"received undecodable patch in webhook response: {problem}")
    return as_list(operations)


def denial(hook_name: str, result: Manifest | None) -> StatusError:
    """Return the refusal that a webhook's `status` describes, as the API server completes it."""
    found = as_dict(result)
    denied = f"admission webhook {quoted(hook_name)} denied the request"
    said = text(found, "message") or text(found, "reason")
    code = found.get("code")
    details = found.get("details")
    return StatusError(
        code if isinstance(code, int) and code >= _FIRST_FAILURE else _FIRST_FAILURE,
        text(found, "reason"),
        f"{denied}: {said}" if said else f"{denied} without explanation",
        as_dict(details) if isinstance(details, dict) else None,
    )
