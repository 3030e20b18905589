"""Certificate signing requests: who asks, who may approve and sign, and which names nobody may ask for."""

from __future__ import annotations

from kubewright.api.certificates import CLIENT_SIGNER
from kubewright.twin.access.attributes import Attributes
from kubewright.twin.access.users import MASTERS
from kubewright.twin.admission.attempt import Attempt
from kubewright.twin.reading import as_dict, dicts, text
from kubewright.twin.signing import RequestError, parse, subject

_GROUP = "certificates.k8s.io"


def settle(attempt: Attempt) -> None:
    """Say of a new request whose it is, and of conditions when they came."""
    if attempt.old is None:
        asked = ("username", "uid", "groups", "extra")
        spec = {name: value for name, value in attempt.spec.items() if name not in asked}
        attempt.obj["spec"] = {**spec, **attempt.registry.user.info()}
        return
    now = attempt.registry.stamp()
    before = {(each.get("type"), each.get("status")): each for each in dicts(attempt.old, "status", "conditions")}
    for condition in dicts(attempt.obj, "status", "conditions"):
        known = as_dict(before.get((condition.get("type"), condition.get("status"))))
        condition["lastUpdateTime"] = condition.get("lastUpdateTime") or now
        since = condition.get("lastTransitionTime") or known.get("lastTransitionTime")
        condition["lastTransitionTime"] = since or now


def check(attempt: Attempt) -> None:
    """Refuse who may not approve or sign for the signer, and a request for the group that may everything."""
    subresource, old = attempt.target.subresource, attempt.old
    if old is not None and subresource == "approval":
        _confirm(attempt, "approve", "approve")
    elif old is not None and subresource == "status" and _decided(attempt.obj) != _decided(old):
        _confirm(attempt, "sign", "sign")
    elif not subresource and text(attempt.spec, "signerName") == CLIENT_SIGNER:
        try:
            _, organisations = subject(parse(text(attempt.spec, "request")))
        except RequestError as error:
            raise attempt.refused(f"failed to parse CSR: {error}") from error
        if MASTERS in organisations:
            raise attempt.refused(f"use of {CLIENT_SIGNER} signer with {MASTERS} group is not allowed")


def _decided(obj: object) -> tuple[object, object]:
    return text(obj, "status", "certificate"), dicts(obj, "status", "conditions")


def _confirm(attempt: Attempt, verb: str, word: str) -> None:
    signer = text(attempt.old, "spec", "signerName")
    registry = attempt.registry
    for name in (signer, f"{signer.partition('/')[0]}/*"):
        if registry.authorizer.allows(Attributes(registry.user, verb, _GROUP, "signers", "", "", name)):
            return
    raise attempt.refused(f'user not permitted to {word} requests with signerName "{signer}"')
