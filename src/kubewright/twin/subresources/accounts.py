"""Who someone is and what they may do: tokens of ServiceAccounts, and the review kinds.

Every authenticated user may do everything on the twin (`twin/__init__.py` says so), and the reviews answer that.
"""

from __future__ import annotations

from kubewright.api.meta import Manifest, ObjectKey, rfc3339
from kubewright.client.transport import Response
from kubewright.twin.answers import document
from kubewright.twin.call import Call, User
from kubewright.twin.conversion import stored_form
from kubewright.twin.fieldmanagers import Author, track
from kubewright.twin.options import write_options
from kubewright.twin.reading import as_dict, as_list, text
from kubewright.twin.rules import accept_body
from kubewright.twin.tokens import ISSUER

_CREATED = 201
_DEFAULT_SECONDS = 3600


def create_token(call: Call) -> Response:
    """Hand out a token of a ServiceAccount, which this server accepts until it expires."""
    request = call.manifest("TokenRequest")
    account = call.registry.read(call.target)
    spec = as_dict(request.get("spec"))
    seconds = spec.get("expirationSeconds") or _DEFAULT_SECONDS
    audiences = as_list(spec.get("audiences")) or [ISSUER]
    expires_at = call.now() + seconds
    uid = account.obj["metadata"]["uid"]
    token = call.services.tokens.issue(ObjectKey(call.namespace, call.name), uid, audiences, expires_at)
    answer: Manifest = {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {
            "name": call.name,
            "namespace": call.namespace,
            "uid": uid,
            "creationTimestamp": call.registry.stamp(),
        },
        "spec": {"audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": spec.get("boundObjectRef")},
        "status": {"token": token, "expirationTimestamp": rfc3339(expires_at)},
    }
    return document(answer, _CREATED)


def review(call: Call) -> Response:
    """Answer a review: it is created, answered and forgotten."""
    request = call.manifest()
    options = write_options(call.query, call.headers, kind="CreateOptions")
    accept_body(call.kind, request, options.field_validation, call.registry.warnings, call.registry.kinds)
    answer = _ANSWERS[call.kind.kind](call, request)
    request.pop("status", None)
    if call.kind.kind == "SelfSubjectReview":
        request["metadata"]["creationTimestamp"] = call.registry.stamp()
    else:
        request = track(None, request, call.kind, Author(options.field_manager, call.registry.stamp()))
    return document(stored_form(call.kind, {**request, "status": answer}, call.registry.kinds), _CREATED)


def is_review(kind: str) -> bool:
    """Tell whether a kind is only ever created, to be answered."""
    return kind in _ANSWERS


def _access(_call: Call, _request: Manifest) -> Manifest:
    return {"allowed": True, "reason": "the twin does not enforce authorisation"}


def _rules(_call: Call, _request: Manifest) -> Manifest:
    everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
    return {
        "resourceRules": [everything],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        "incomplete": False,
    }


def _user_info(user: User) -> Manifest:
    info: Manifest = {"username": user.name, "groups": list(user.groups)}
    if user.uid:
        info["uid"] = user.uid
    if user.extra:
        info["extra"] = {name: list(values) for name, values in user.extra.items()}
    return info


def _self(call: Call, _request: Manifest) -> Manifest:
    return {"userInfo": _user_info(call.user)}


def _token(call: Call, request: Manifest) -> Manifest:
    user = call.services.tokens.user_of(text(request, "spec", "token"))
    if user is None:
        return {"user": {}, "error": "invalid bearer token"}
    audiences = as_list(as_dict(request.get("spec")).get("audiences")) or [ISSUER]
    return {"authenticated": True, "user": _user_info(user), "audiences": audiences}


_ANSWERS = {
    "SelfSubjectAccessReview": _access,
    "SubjectAccessReview": _access,
    "LocalSubjectAccessReview": _access,
    "SelfSubjectRulesReview": _rules,
    "SelfSubjectReview": _self,
    "TokenReview": _token,
}
