"""The review kinds: whose a token is, who I am, and what somebody may do. Created, answered and forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubewright.api.meta import Manifest
from kubewright.client.transport import Response
from kubewright.twin import status
from kubewright.twin.access.attributes import Attributes
from kubewright.twin.access.users import User
from kubewright.twin.answers import document
from kubewright.twin.call import Call
from kubewright.twin.conversion import stored_form
from kubewright.twin.fieldmanagers import Author, track
from kubewright.twin.options import write_options
from kubewright.twin.reading import as_dict, as_list, text
from kubewright.twin.rules import accept_body
from kubewright.twin.validation.fields import FieldError
from kubewright.twin.validation.fields import invalid as invalid_field

_CREATED = 201
_UNTRACKED = frozenset({"SelfSubjectReview", "SelfSubjectRulesReview"})


def is_review(kind: str) -> bool:
    """Tell whether a kind is only ever created, to be answered."""
    return kind in _ANSWERS


def review(call: Call) -> Response:
    """Answer a review."""
    request = call.manifest()
    options = write_options(call.query, call.headers, kind="CreateOptions")
    registry = call.registry
    accept_body(call.kind, request, options.field_validation, registry.warnings, registry.kinds, body=call.body)
    request.pop("status", None)
    if call.namespace:
        request["metadata"].setdefault("namespace", call.namespace)
    answer = _ANSWERS[call.kind.kind](call, request)
    if call.kind.kind == "SelfSubjectReview":
        request["metadata"]["creationTimestamp"] = call.registry.stamp()
    if call.kind.kind == "SelfSubjectRulesReview":
        request["metadata"], request["spec"] = {}, {}
    if call.kind.kind not in _UNTRACKED:
        request = track(None, request, call.kind, Author(options.field_manager, call.registry.stamp()))
    return document(stored_form(call.kind, {**request, "status": answer}, call.registry.kinds), _CREATED)


def _own_access(call: Call, request: Manifest) -> Manifest:
    spec = as_dict(request.get("spec"))
    _refuse(_spec_errors(spec))
    return _decided(call, spec, call.user)


def _access(call: Call, request: Manifest) -> Manifest:
    spec = as_dict(request.get("spec"))
    _refuse([*_spec_errors(spec), *_subject_errors(spec)])
    return _decided(call, spec, _subject(spec))


def _local_access(call: Call, request: Manifest) -> Manifest:
    spec = as_dict(request.get("spec"))
    errors = [*_spec_errors(spec), *_subject_errors(spec)]
    asked, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    namespace = text(asked, "namespace")
    if asked is not None and namespace != request["metadata"].get("namespace", ""):
        errors.append(invalid_field("spec.resourceAttributes.namespace", namespace, "must match metadata.namespace"))
    if path is not None:
        errors.append(invalid_field("spec.nonResourceAttributes", _shown(path), "disallowed on this kind of request"))
    _refuse(errors)
    return _decided(call, spec, _subject(spec))


def _subject(spec: Manifest) -> User:
    extra = {name: tuple(as_list(values)) for name, values in as_dict(spec.get("extra")).items()}
    return User(text(spec, "user"), text(spec, "uid"), tuple(as_list(spec.get("groups"))), extra)


def _subject_errors(spec: Manifest) -> list[FieldError]:
    if text(spec, "user") or as_list(spec.get("groups")):
        return []
    return [invalid_field("spec.user", "", "at least one of user or group must be specified")]


def _spec_errors(spec: Manifest) -> list[FieldError]:
    path = spec.get("nonResourceAttributes")
    if (path is None) != (spec.get("resourceAttributes") is None):
        return []
    detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
    return [invalid_field("spec", None if path is None else _shown(path), detail)]


def _shown(path: Any) -> Manifest:
    return {"Path": text(path, "path"), "Verb": text(path, "verb")}


def _refuse(errors: list[FieldError]) -> None:
    """Refuse a review; the API server leaves the kind out of what it says."""
    if errors:
        raise status.invalid("authorization.k8s.io", "", "", errors)


def _decided(call: Call, spec: Manifest, user: User) -> Manifest:
    asked, path = as_dict(spec.get("resourceAttributes")), spec.get("nonResourceAttributes")
    if path is not None:
        wanted = Attributes(user, text(path, "verb"), path=text(path, "path") or "/")
    else:
        names = ("verb", "group", "resource", "subresource", "namespace", "name")
        wanted = Attributes(user, *(text(asked, name) for name in names))
    decision = call.services.authorizer.decide(wanted)
    return {"allowed": decision.allowed, **({"reason": decision.reason} if decision.reason else {})}


def _own_rules(call: Call, request: Manifest) -> Manifest:
    namespace = text(request, "spec", "namespace")
    if not namespace:
        raise status.bad_request("no namespace on request")
    rules, problems = call.services.authorizer.rules_for(call.user, namespace)
    answer: Manifest = {
        "resourceRules": [rule.manifest() for rule in rules if rule.resources],
        "nonResourceRules": [rule.manifest() for rule in rules if rule.urls],
        "incomplete": False,
    }
    return {**answer, "evaluationError": problems} if problems else answer


def _self(call: Call, _request: Manifest) -> Manifest:
    return {"userInfo": call.user.info()}


def _token(call: Call, request: Manifest) -> Manifest:
    token = text(request, "spec", "token")
    if not token:
        raise status.bad_request("token is required for TokenReview in authentication")
    reviewed = call.services.tokens.review(token, as_list(as_dict(request.get("spec")).get("audiences")))
    if reviewed.user is None:
        return {"user": {}, "error": reviewed.problem}
    return {"authenticated": True, "user": reviewed.user.info(), "audiences": list(reviewed.audiences)}


_ANSWERS: dict[str, Callable[[Call, Manifest], Manifest]] = {
    "SelfSubjectAccessReview": _own_access,
    "SubjectAccessReview": _access,
    "LocalSubjectAccessReview": _local_access,
    "SelfSubjectRulesReview": _own_rules,
    "SelfSubjectReview": _self,
    "TokenReview": _token,
}
