"""The checks that the restricted level adds: what well-kept pods do without."""

from __future__ import annotations

from kubewright.api.meta import Manifest
from kubewright.twin.admission.podsecurity.finding import (
    Finding,
    containers,
    has_own_users,
    is_windows,
    listed,
    named,
    offenders,
    security,
    setters,
)
from kubewright.twin.reading import as_list, dicts, dig, text

_VOLUMES = frozenset(
    {"name", "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected",
     "secret"}
)  # fmt: skip
_SECCOMP = frozenset({"RuntimeDefault", "Localhost"})


def privilege_escalation(_metadata: Manifest, spec: Manifest) -> Finding | None:
    """No process may gain what its parent has not."""
    names = offenders(spec, lambda own: own.get("allowPrivilegeEscalation") is not False)
    if not names:
        return None
    detail = f"{named(names)} must set securityContext.allowPrivilegeEscalation=false"
    return Finding("allowPrivilegeEscalation != false", detail)


def capabilities(_metadata: Manifest, spec: Manifest) -> Finding | None:
    """All capabilities are dropped; the one to bind low ports may be had back."""
    keeping = offenders(spec, lambda own: "ALL" not in as_list(dig(own, "capabilities", "drop")))
    adding: list[str] = []
    added: set[str] = set()
    for each in containers(spec):
        own = {str(name) for name in as_list(dig(security(each), "capabilities", "add"))} - {"NET_BIND_SERVICE"}
        if own:
            adding.append(text(each, "name"))
            added |= own
    parts: list[str] = []
    if keeping:
        parts.append(f'{named(keeping)} must set securityContext.capabilities.drop=["ALL"]')
    if adding:
        what = listed(sorted(added))
        parts.append(f"{named(adding)} must not include {what} in securityContext.capabilities.add")
    return Finding("unrestricted capabilities", "; ".join(parts)) if parts else None


def volumes(_metadata: Manifest, spec: Manifest) -> Finding | None:
    """Only kinds of volumes that lead to nothing of the node's."""
    names: list[str] = []
    kinds: set[str] = set()
    for each in dicts(spec, "volumes"):
        own = each.keys() - _VOLUMES
        if own:
            names.append(text(each, "name"))
            kinds |= own
    if not names:
        return None
    verb = "uses" if len(names) == 1 else "use"
    what = named(sorted(kinds), "restricted volume type")
    return Finding("restricted volume types", f"{named(names, 'volume')} {verb} {what}")


def non_root(_metadata: Manifest, spec: Manifest) -> Finding | None:
    """Nobody runs as root: pod or container says so."""
    own = security(spec).get("runAsNonRoot")
    denying = offenders(spec, lambda container: container.get("runAsNonRoot") is False)
    if own is False:
        covered = all(security(each).get("runAsNonRoot") is True for each in containers(spec))
        if denying or not covered:
            return _root(f"{setters(denying, pod=True)} must not set securityContext.runAsNonRoot=false")
        return _root("pod must not set securityContext.runAsNonRoot=false")
    if denying:
        return _root(f"{named(denying)} must not set securityContext.runAsNonRoot=false")
    silent = [] if own else offenders(spec, lambda container: container.get("runAsNonRoot") is None)
    if silent:
        return _root(f"pod or {named(silent)} must set securityContext.runAsNonRoot=true")
    return None


def _root(detail: str) -> Finding:
    return Finding("runAsNonRoot != true", detail)


def non_root_but_for_own_users(metadata: Manifest, spec: Manifest) -> Finding | None:
    """Nobody runs as root, unless root in the pod is nobody on the node."""
    return None if has_own_users(spec) else non_root(metadata, spec)


def user(_metadata: Manifest, spec: Manifest) -> Finding | None:
    """Nobody is given root's number."""
    pod = security(spec).get("runAsUser") == 0
    names = offenders(spec, lambda own: own.get("runAsUser") == 0)
    if not pod and not names:
        return None
    return Finding("runAsUser=0", f"{setters(names, pod=pod)} must not set runAsUser=0")


def user_but_for_own_users(metadata: Manifest, spec: Manifest) -> Finding | None:
    """Nobody is given root's number, unless root in the pod is nobody on the node."""
    return None if has_own_users(spec) else user(metadata, spec)


def seccomp(_metadata: Manifest, spec: Manifest) -> Finding | None:
    """System calls are filtered, by the runtime's profile or by one of the node's."""
    own = text(security(spec), "seccompProfile", "type")
    pod = bool(own) and own not in _SECCOMP
    bad: dict[str, str] = {}
    silent: list[str] = []
    for each in containers(spec):
        kind = text(security(each), "seccompProfile", "type")
        if kind and kind not in _SECCOMP:
            bad[text(each, "name")] = kind
        elif not kind and not own:
            silent.append(text(each, "name"))
    if pod or bad:
        kinds = listed(sorted({*bad.values(), *([own] if pod else [])}))
        detail = f"{setters(list(bad), pod=pod)} must not set securityContext.seccompProfile.type to {kinds}"
        return Finding("seccompProfile", detail)
    if silent:
        detail = (
            f'pod or {named(silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
        )
        return Finding("seccompProfile", detail)
    return None


def privilege_escalation_on_linux(metadata: Manifest, spec: Manifest) -> Finding | None:
    """No process may gain what its parent has not; Windows knows no such thing."""
    return None if is_windows(spec) else privilege_escalation(metadata, spec)


def capabilities_on_linux(metadata: Manifest, spec: Manifest) -> Finding | None:
    """All capabilities are dropped; Windows has none."""
    return None if is_windows(spec) else capabilities(metadata, spec)


def seccomp_on_linux(metadata: Manifest, spec: Manifest) -> Finding | None:
    """System calls are filtered; Windows has no such filter."""
    return None if is_windows(spec) else seccomp(metadata, spec)
