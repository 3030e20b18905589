"""What a write may add to its namespace's quotas, and the charge that it leaves on them.

The last check of all: `charge` refuses, or returns what is to be written when the object itself is sure to be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kubewright.api.meta import Manifest
from kubewright.api.quantity import format_quantity, parse_quantity
from kubewright.store.versioned import Record
from kubewright.twin.admission.attempt import Attempt
from kubewright.twin.admission.podusage import style_of, total
from kubewright.twin.admission.quota.scopes import counts
from kubewright.twin.admission.quota.usage import Usage, unsaid, usage
from kubewright.twin.media import private_copy
from kubewright.twin.options import WriteOptions
from kubewright.twin.reading import as_dict, dig
from kubewright.twin.registry import Registry, Target

_BUCKET = ("", "resourcequotas")
_CHARGED_ON_UPDATE = frozenset({"services", "persistentvolumeclaims"})
_MANAGER = "kube-apiserver"


@dataclass(frozen=True, slots=True)
class Charge:
    """The usage that one quota comes to."""

    quota: Record
    used: Usage


def charge(attempt: Attempt) -> Callable[[], None] | None:
    """Refuse what a quota does not allow; return what puts the charge down, if there is one."""
    kind, namespace = attempt.kind, attempt.target.namespace
    if not namespace:
        return None
    quotas = attempt.registry.store.list(_BUCKET, namespace)[0]
    if not quotas:
        return None
    resized = attempt.target.subresource == "resize"
    on_update = resized or (not kind.group and kind.plural in _CHARGED_ON_UPDATE)
    if (attempt.target.subresource and not resized) or (attempt.old is not None and not on_update):
        return None
    charges = _charges(attempt, quotas)
    registry = attempt.registry
    return (lambda: _write(registry, charges)) if charges else None


def _charges(attempt: Attempt, quotas: list[Record]) -> list[Charge]:
    kind, obj, old = attempt.kind, attempt.obj, attempt.old
    taken = usage(kind.group, kind.plural, obj)
    interested: list[Record] = []
    for quota in quotas:
        limited = taken.keys() & as_dict(dig(quota.obj, "status", "hard")).keys()
        if not counts(quota.obj, kind.group, kind.plural, obj):
            continue
        _check_said(attempt, quota.obj)
        if limited:
            _check_known(attempt, quota, limited)
            interested.append(quota)
    before = usage(kind.group, kind.plural, old) if old is not None else {}
    added = _added(taken, before)
    return [charge for quota in interested if (charge := _charge(attempt, quota, added)) is not None]


def _check_said(attempt: Attempt, quota: Manifest) -> None:
    """Refuse a pod that leaves open how much it takes of what is limited."""
    if attempt.kind.group or attempt.kind.plural != "pods":
        return
    problem = unsaid(attempt.spec, set(as_dict(dig(quota, "status", "hard"))))
    if problem:
        raise attempt.refused(f"failed quota: {quota['metadata']['name']}: {problem}")


def _check_known(attempt: Attempt, quota: Record, limited: set[str]) -> None:
    unknown = sorted(limited - as_dict(dig(quota.obj, "status", "used")).keys())
    if unknown:
        raise attempt.refused(f"status unknown for quota: {quota.key.name}, resources: {','.join(unknown)}")


def _added(taken: Usage, before: Usage) -> Usage:
    """Return by how much the object takes more than it did."""
    added: Usage = {}
    for name, amount in taken.items():
        more = parse_quantity(amount) - parse_quantity(before.get(name, 0))
        if more > 0:
            added[name] = format_quantity(more, style_of(amount))
    return added


def _charge(attempt: Attempt, quota: Record, added: Usage) -> Charge | None:
    hard, used = as_dict(dig(quota.obj, "status", "hard")), as_dict(dig(quota.obj, "status", "used"))
    requested = {name: amount for name, amount in added.items() if name in hard}
    if not requested:
        return None
    sums = {name: total((used[name], amount)) for name, amount in requested.items()}
    exceeded = sorted(name for name, amount in sums.items() if parse_quantity(amount) > parse_quantity(hard[name]))
    if exceeded:
        parts = (("requested", requested), ("used", used), ("limited", hard))
        told = ", ".join(f"{what}: {','.join(f'{name}={of[name]}' for name in exceeded)}" for what, of in parts)
        raise attempt.refused(f"exceeded quota: {quota.key.name}, {told}")
    return Charge(quota, {**used, **sums})


def _write(registry: Registry, charges: list[Charge]) -> None:
    kind = registry.kinds.lookup("", "v1", "resourcequotas")
    if kind is None:
        return
    for each in charges:
        target = Target(kind, each.quota.key.namespace, each.quota.key.name, "status")
        registry.update(target, _using(each.used), WriteOptions(field_manager=_MANAGER, asks=False))


def _using(used: Usage) -> Callable[[Manifest], Manifest]:
    def change(old: Manifest) -> Manifest:
        obj = private_copy(old)
        obj["status"]["used"] = used
        return obj

    return change
