"""Tokens of ServiceAccounts."""

from __future__ import annotations

from kubewright.api.meta import Manifest, ObjectKey, rfc3339
from kubewright.client.transport import Response
from kubewright.twin import status
from kubewright.twin.access.credentials import ISSUER, BoundObject
from kubewright.twin.admission import review
from kubewright.twin.admission.operation import Operation
from kubewright.twin.answers import document
from kubewright.twin.call import Call
from kubewright.twin.options import write_options
from kubewright.twin.reading import as_dict, as_list, text
from kubewright.twin.registry import Target
from kubewright.twin.validation.fields import invalid as invalid_field

_CREATED = 201
_DEFAULT_SECONDS = 3600
_FEWEST_SECONDS = 600
_MOST_SECONDS = 1 << 32
_GROUP = "authentication.k8s.io"


def create_token(call: Call) -> Response:
    """Hand out a token of a ServiceAccount, which this server accepts until it expires or its account is gone."""
    request = call.manifest("TokenRequest")
    account = call.registry.read(call.target)
    options = write_options(call.query, call.headers, kind="CreateOptions")
    review(call.registry, Operation("CREATE", call.target, request, None, options.given, options.dry_run))
    spec = as_dict(request.get("spec"))
    seconds = _seconds(spec)
    audiences = as_list(spec.get("audiences")) or [ISSUER]
    bound = _bound(call, spec)
    expires_at = call.now() + seconds
    uid = account.obj["metadata"]["uid"]
    key = ObjectKey(call.namespace, call.name)
    token = call.services.tokens.issue(key, uid, audiences, expires_at, bound)
    spec = {"audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": spec.get("boundObjectRef")}
    answer: Manifest = {
        "kind": "TokenRequest",
        "apiVersion": f"{_GROUP}/v1",
        "metadata": {
            "name": call.name,
            "namespace": call.namespace,
            "uid": uid,
            "creationTimestamp": call.registry.stamp(),
        },
        "spec": spec,
        "status": {"token": token, "expirationTimestamp": rfc3339(expires_at)},
    }
    return document(answer, _CREATED)


def _seconds(spec: Manifest) -> int:
    seconds = spec.get("expirationSeconds") or _DEFAULT_SECONDS
    detail = ""
    if seconds < _FEWEST_SECONDS:
        detail = "may not specify a duration less than 10 minutes"
    elif seconds > _MOST_SECONDS:
        detail = "may not specify a duration larger than 2^32 seconds"
    if detail:
        raise status.invalid(_GROUP, "TokenRequest", "", [invalid_field("spec.expirationSeconds", seconds, detail)])
    return seconds


def _bound(call: Call, spec: Manifest) -> BoundObject | None:
    """Return the object that the token is to die with; raises 400, 404, 409."""
    reference = as_dict(spec.get("boundObjectRef"))
    if not reference:
        return None
    api_version, kind = text(reference, "apiVersion"), text(reference, "kind")
    if api_version != "v1" or kind not in {"Pod", "Secret"}:
        raise status.bad_request(f"cannot bind token to object of type {_type(api_version, kind)}")
    info = call.registry.kinds.lookup("", "v1", f"{kind.lower()}s")
    assert info is not None  # noqa: S101  both kinds are built in
    record = call.registry.read(Target(info, call.namespace, text(reference, "name")))
    uid = record.obj["metadata"]["uid"]
    wanted = text(reference, "uid")
    if wanted and wanted != uid:
        detail = f"the UID in the bound object reference ({wanted}) does not match the UID in record. "
        raise status.conflict(info, record.key.name, detail + "The object might have been deleted and then recreated")
    return BoundObject(kind, record.key.name, uid)


def _type(api_version: str, kind: str) -> str:
    group, _, version = api_version.rpartition("/")
    return f"{group}/{version}, Kind={kind}"
