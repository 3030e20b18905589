"""What Istio does to a connection into a pod of its mesh: mutual TLS first, then who is denied, then who is allowed.

Only what the proxy at the destination does is decided (a sidecar, or the node's ztunnel). Conditions on HTTP requests
hold for some requests and not for others, so where they matter the answer is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from kubewright.api.core import Pod
from kubewright.api.meshes import AuthorizationPolicy, PeerAuthentication
from kubewright.reach.ends import Connection, PodEnd
from kubewright.reach.istiorules import Caller, rules
from kubewright.reach.verdict import Hop, Verdict
from kubewright.reach.world import World

STAGE = "istio"
ROOT = "istio-system"
TUNNEL = 15008
"""Where pods of an ambient mesh meet, whatever port is called."""
DATAPLANE_MODE = "istio.io/dataplane-mode"
_AMBIENT, _NONE = "ambient", "none"
_SIDECAR = "istio-proxy"
_INJECT = "sidecar.istio.io/inject"
_WAYPOINT = "istio.io/use-waypoint"
_TUNNELS = "networking.istio.io/tunnel"
_STRICT, _DISABLE, _PERMISSIVE, _UNSET = "STRICT", "DISABLE", "PERMISSIVE", "UNSET"


def has_sidecar(pod: Pod, container: str = _SIDECAR) -> bool:
    """Whether a mesh's proxy runs in a pod."""
    return any(each.name == container for each in (*pod.spec.containers, *pod.spec.init_containers))


def is_ambient(pod: Pod, world: World) -> bool:
    """Whether a pod's traffic goes by its node's proxy."""
    if pod.spec.host_network or has_sidecar(pod):
        return False
    own = pod.metadata.labels.get(DATAPLANE_MODE)
    theirs = world.labels_of_namespaces.get(pod.metadata.namespace, {}).get(DATAPLANE_MODE)
    return own == _AMBIENT or (theirs == _AMBIENT and own != _NONE)


def on_the_wire(connection: Connection, world: World) -> Connection:
    """Return the connection as policies of the network see it: between pods of an ambient mesh it is the tunnel's."""
    ends = (connection.source, connection.destination)
    if connection.protocol == "TCP" and all(isinstance(end, PodEnd) and _tunnels(end.pod, world) for end in ends):
        return replace(connection, port=TUNNEL)
    return connection


def _tunnels(pod: Pod, world: World) -> bool:
    return is_ambient(pod, world) or (has_sidecar(pod) and pod.metadata.labels.get(_TUNNELS) == "http")


def judged(connection: Connection, world: World) -> Hop | None:
    """Return what Istio says; None where it has nothing to say."""
    end = connection.destination
    if not isinstance(end, PodEnd):
        return None
    pod, policies = end.pod, applying(end.pod, world)
    if not has_sidecar(pod) and not is_ambient(pod, world):
        if not policies and pod.metadata.labels.get(_INJECT) != "true":
            return None
        rule = _names(policies[:1])
        return Hop(STAGE, Verdict.WARNED, rule, "no proxy of Istio runs there, so none of its policies is enforced")
    return _enforced(connection, pod, policies, world)


def _enforced(connection: Connection, pod: Pod, policies: tuple[AuthorizationPolicy, ...], world: World) -> Hop:
    unread = [world.unread[each] for each in ("authorizationpolicies", "peerauthentications") if each in world.unread]
    if unread:
        return Hop(STAGE, Verdict.UNKNOWN, detail=f"Istio's policies were not read: {unread[0]}")
    if waypoint := _waypoint(pod, world):
        return Hop(STAGE, Verdict.UNKNOWN, f"waypoint {waypoint}", "what a waypoint does is not looked at")
    if connection.protocol != "TCP":
        return Hop(STAGE, Verdict.ALLOWED, detail=f"Istio does not look at {connection.protocol}")
    mode, said = tls_mode(pod, connection.port, world)
    caller = _caller(connection, mode, world)
    if mode == _STRICT and not caller.principal:
        return Hop(STAGE, Verdict.REFUSED, said, "mutual TLS is required, and the caller is not part of the mesh")
    return _authorized(connection, caller, policies)


def applying(pod: Pod, world: World) -> tuple[AuthorizationPolicy, ...]:
    """Return the AuthorizationPolicies that the proxy of a pod enforces; those of waypoints and gateways are not it."""
    return tuple(
        each
        for each in world.istio_policies
        if each.metadata.namespace in {pod.metadata.namespace, ROOT}
        and not each.spec.target_refs
        and each.spec.target_ref is None
        and (each.spec.selector is None or each.spec.selector.match_labels.items() <= pod.metadata.labels.items())
    )


def allowing(pod: Pod, world: World) -> bool:
    """Whether some policy says who may call a pod, so that nobody else may."""
    return any(each.spec.action in {"", "ALLOW"} for each in applying(pod, world))


def lacking(connection: Connection, world: World) -> str:
    """Return the identity of a caller that is refused only as no rule allows it; empty for any other."""
    end, hop = connection.destination, judged(connection, world)
    if not isinstance(end, PodEnd) or hop is None or hop.verdict is not Verdict.REFUSED:
        return ""
    caller = _caller(connection, tls_mode(end.pod, connection.port, world)[0], world)
    by_action = {"DENY": [each for each in applying(end.pod, world) if each.spec.action == "DENY"]}
    return caller.principal if _stopped(by_action, connection, caller) is None else ""


def tls_mode(pod: Pod, port: int, world: World) -> tuple[str, str]:
    """Return what a pod's port takes, and who says so: its own, its namespace's, then the mesh's PeerAuthentication."""
    for each in _authentications(pod, world):
        rule = f"peerauthentication {each.key}"
        single = each.spec.port_level_mtls.get(str(port)) if each.spec.selector is not None else None
        for mtls in (single, each.spec.mtls):
            if mtls is not None and mtls.mode not in {"", _UNSET}:
                return mtls.mode, rule
    return _PERMISSIVE, ""


def _authentications(pod: Pod, world: World) -> Iterator[PeerAuthentication]:
    """Yield what holds for a pod, the most special first; of several alike the oldest, then the first by name."""
    here = world.istio_tls_of.get(pod.metadata.namespace, ())
    own = [
        each
        for each in here
        if each.spec.selector is not None
        and each.spec.selector.match_labels
        and each.spec.selector.match_labels.items() <= pod.metadata.labels.items()
    ]
    wide = [each for each in here if _is_wide(each)]
    mesh = [each for each in world.istio_tls_of.get(ROOT, ()) if _is_wide(each)]
    for few in (own, wide, mesh):
        yield from few[:1]


def _is_wide(policy: PeerAuthentication) -> bool:
    return policy.spec.selector is None or not policy.spec.selector.match_labels


def _waypoint(pod: Pod, world: World) -> str:
    """Return the waypoint that calls of an ambient pod go through."""
    if not is_ambient(pod, world):
        return ""
    theirs = world.labels_of_namespaces.get(pod.metadata.namespace, {})
    name = pod.metadata.labels.get(_WAYPOINT) or theirs.get(_WAYPOINT, "")
    return "" if name == _NONE else name


def _caller(connection: Connection, mode: str, world: World) -> Caller:
    end = connection.source
    nobody = Caller(end, connection.version)
    if not isinstance(end, PodEnd) or mode == _DISABLE:
        return nobody
    if not has_sidecar(end.pod) and not is_ambient(end.pod, world):
        return nobody
    return replace(nobody, namespace=end.pod.metadata.namespace, account=end.pod.spec.service_account_name or "default")


def _authorized(connection: Connection, caller: Caller, policies: tuple[AuthorizationPolicy, ...]) -> Hop:
    by_action: dict[str, list[AuthorizationPolicy]] = {}
    for each in policies:
        by_action.setdefault(each.spec.action or "ALLOW", []).append(each)
    stopped = _stopped(by_action, connection, caller)
    if stopped is not None and stopped.verdict is Verdict.REFUSED:
        return stopped
    let = _let(by_action.get("ALLOW", []), connection, caller)
    return stopped if stopped is not None and let.verdict is not Verdict.REFUSED else let


def _stopped(by_action: Mapping[str, list[AuthorizationPolicy]], connection: Connection, caller: Caller) -> Hop | None:
    """Return what refuses, or may refuse, before anybody can allow."""
    unsure: Hop | None = None
    for rule, truth in rules(by_action.get("CUSTOM", ()), connection, caller):
        if truth is not False:
            unsure = unsure or Hop(STAGE, Verdict.UNKNOWN, rule, "somebody else is asked for each request")
    for rule, truth in rules(by_action.get("DENY", ()), connection, caller):
        if truth:
            return Hop(STAGE, Verdict.REFUSED, rule, "it is denied, and no other policy can allow that")
        if truth is None:
            unsure = unsure or Hop(STAGE, Verdict.UNKNOWN, rule, "it denies some requests, by what they contain")
    return unsure


def _let(policies: list[AuthorizationPolicy], connection: Connection, caller: Caller) -> Hop:
    if not policies:
        return Hop(STAGE, Verdict.ALLOWED, detail="no AuthorizationPolicy says who alone may call it")
    unsure = ""
    for rule, truth in rules(policies, connection, caller):
        if truth:
            return Hop(STAGE, Verdict.ALLOWED, rule)
        if truth is None:
            unsure = unsure or rule
    if unsure:
        return Hop(STAGE, Verdict.UNKNOWN, unsure, "it allows some requests, by what they contain")
    detail = "no rule of an ALLOW policy allows it, and there is such a policy"
    if not caller.principal:
        detail += "; the caller comes in plain text, so nobody knows who it is"
    return Hop(STAGE, Verdict.REFUSED, _names(policies), detail)


def _names(policies: Iterable[AuthorizationPolicy]) -> str:
    return ", ".join(f"authorizationpolicy {each.key}" for each in policies)
