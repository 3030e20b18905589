"""What Linkerd does to a connection into a pod of its mesh: a port with a Server is open to the authorised alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kubewright.api.core import Pod
from kubewright.api.meshes import (
    LinkerdAuthorization,
    LinkerdClient,
    LinkerdNetwork,
    Server,
    ServerAuthorization,
    TargetRef,
)
from kubewright.api.meta import ObjectKey
from kubewright.reach.ends import Connection, Internet, PodEnd, declared_ports, in_block
from kubewright.reach.istio import has_sidecar
from kubewright.reach.istiorules import fits
from kubewright.reach.verdict import Hop, Truth, Verdict, all_of, any_of
from kubewright.reach.world import World

STAGE = "linkerd"
_PROXY = "linkerd-proxy"
_DEFAULT = "config.linkerd.io/default-inbound-policy"
_SKIPPED = "config.linkerd.io/skip-inbound-ports"
_INJECT = "linkerd.io/inject"
_DOMAIN = "linkerd.cluster.local"
_ALL = "all-unauthenticated"
_ROUTES = frozenset({"HTTPRoute", "GRPCRoute"})


def judged(connection: Connection, world: World) -> Hop | None:
    """Return what Linkerd says; None where it has nothing to say."""
    end = connection.destination
    if not isinstance(end, PodEnd) or connection.protocol != "TCP":
        return None
    pod = end.pod
    here = world.servers_of.get(pod.metadata.namespace, ())
    server = next((each for each in here if _is_for(each, pod, connection.port)), None)
    if not has_sidecar(pod, _PROXY):
        if server is None and pod.metadata.annotations.get(_INJECT) != "enabled":
            return None
        rule = f"server {server.key}" if server is not None else ""
        return Hop(STAGE, Verdict.WARNED, rule, "no proxy of Linkerd runs there, so none of its policies is enforced")
    if world.linkerd.unread:
        return Hop(STAGE, Verdict.UNKNOWN, detail=f"Linkerd's policies were not read: {world.linkerd.unread}")
    if _is_skipped(connection.port, pod.metadata.annotations.get(_SKIPPED, "")):
        return Hop(STAGE, Verdict.ALLOWED, _SKIPPED, "the port goes past the proxy")
    return _by_default(connection, pod, world) if server is None else _at(server, connection, world)


def _at(server: Server, connection: Connection, world: World) -> Hop:
    unsure = ""
    for rule, truth in (*_authorizations(server, connection, world), *_old_authorizations(server, connection, world)):
        if truth:
            return Hop(STAGE, Verdict.ALLOWED, rule)
        if truth is None:
            unsure = unsure or rule
    policy = server.spec.access_policy
    truth = _policy_allows(policy, connection)
    if truth:
        return Hop(STAGE, Verdict.ALLOWED, f"server {server.key}", f"accessPolicy {policy}")
    if truth is None or unsure:
        detail = "it is about single routes, addresses, or identities of a trust domain that is not known"
        return Hop(STAGE, Verdict.UNKNOWN, unsure or f"server {server.key}", detail)
    return Hop(STAGE, Verdict.REFUSED, f"server {server.key}", "nobody authorises the caller there")


def _by_default(connection: Connection, pod: Pod, world: World) -> Hop:
    theirs = world.namespace.get(pod.metadata.namespace)
    policy = pod.metadata.annotations.get(_DEFAULT) or (theirs.metadata.annotations.get(_DEFAULT, "") if theirs else "")
    if not policy:
        detail = f"no Server is for the port, and the mesh's default is as installed: {_ALL} unless somebody said else"
        return Hop(STAGE, Verdict.WARNED, detail=detail)
    truth = _policy_allows(policy, connection)
    verdict = Verdict.UNKNOWN if truth is None else Verdict.ALLOWED if truth else Verdict.REFUSED
    return Hop(STAGE, verdict, f"{_DEFAULT}: {policy}", "no Server is for the port")


def _is_for(server: Server, pod: Pod, port: int) -> bool:
    if server.spec.pod_selector is None or not server.spec.pod_selector.matches(pod.metadata.labels):
        return False
    wanted = server.spec.port
    if isinstance(wanted, int) or wanted.isdecimal():
        return int(wanted) == port
    return any((each.name, each.container_port) == (wanted, port) for each in declared_ports(pod))


def _is_skipped(port: int, text: str) -> bool:
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if first.isdecimal() and int(first) <= port <= (int(last) if last.isdecimal() else int(first)):
            return True
    return False


def _policy_allows(policy: str, connection: Connection) -> Truth:
    # Whether an address is in one of the cluster's networks is not told.
    inside: Truth = True if isinstance(connection.source, PodEnd) else None
    inside = False if isinstance(connection.source, Internet) else inside
    match policy:
        case "all-unauthenticated" | "audit":
            return True
        case "all-authenticated":
            return bool(_identity(connection))
        case "cluster-authenticated":
            return all_of((inside, bool(_identity(connection))))
        case "cluster-unauthenticated":
            return inside
        case "deny":
            return False
        case _:
            return None


def _identity(connection: Connection) -> str:
    """Return who the caller is to the mesh; nobody for one that is not part of it."""
    if not isinstance(connection.source, PodEnd) or not has_sidecar(connection.source.pod, _PROXY):
        return ""
    pod = connection.source.pod
    return _account_identity(pod.spec.service_account_name or "default", pod.metadata.namespace)


def _account_identity(account: str, namespace: str) -> str:
    return f"{account}.{namespace}.serviceaccount.identity.{_DOMAIN}"


def _is_identity(wanted: str, identity: str) -> Truth:
    if not identity or fits(wanted, identity):
        return bool(identity)
    head = identity.removesuffix(_DOMAIN)
    return None if wanted.startswith(head) else False


def _authorizations(server: Server, connection: Connection, world: World) -> Iterator[tuple[str, Truth]]:
    for each in world.linkerd.authorizations:
        target = each.spec.target_ref
        if each.metadata.namespace != server.metadata.namespace:
            continue
        rule = f"authorizationpolicy {each.key}"
        if target.kind in _ROUTES:
            yield rule, None
        elif (target.kind, target.name) in {("Server", server.metadata.name), ("Namespace", server.metadata.namespace)}:
            yield rule, all_of(_is_met(ref, each, connection, world) for ref in each.spec.required_authentication_refs)


def _is_met(ref: TargetRef, policy: LinkerdAuthorization, connection: Connection, world: World) -> Truth:
    key = ObjectKey(ref.namespace or policy.metadata.namespace, ref.name)
    identity = _identity(connection)
    match ref.kind:
        case "ServiceAccount":
            return identity == _account_identity(key.name, key.namespace)
        case "MeshTLSAuthentication":
            found = next((each for each in world.linkerd.mesh_tls if each.key == key), None)
            if found is None:
                return False
            refs = (_is_ref(each, found.metadata.namespace, identity) for each in found.spec.identity_refs)
            return any_of((*(_is_identity(each, identity) for each in found.spec.identities), *refs))
        case "NetworkAuthentication":
            networks = next((each for each in world.linkerd.networks if each.key == key), None)
            return False if networks is None else _is_within(networks.spec.networks, connection)
        case _:
            return None


def _is_ref(ref: TargetRef, namespace: str, identity: str) -> Truth:
    match ref.kind:
        case "ServiceAccount":
            return identity == _account_identity(ref.name, ref.namespace or namespace)
        case "Namespace":
            return fits(f"*.{ref.name}.serviceaccount.identity.{_DOMAIN}", identity)
        case _:
            return None


def _is_within(networks: Iterable[LinkerdNetwork], connection: Connection) -> Truth:
    return any_of(in_block(connection.source, connection.version, each.cidr, each.besides) for each in networks)


def _old_authorizations(server: Server, connection: Connection, world: World) -> Iterator[tuple[str, Truth]]:
    for each in world.linkerd.old_authorizations:
        if each.metadata.namespace == server.metadata.namespace and _is_chosen(each, server):
            yield f"serverauthorization {each.key}", _is_client(each.spec.client, server, connection)


def _is_chosen(authorization: ServerAuthorization, server: Server) -> bool:
    chosen = authorization.spec.server
    if chosen.name:
        return chosen.name == server.metadata.name
    return chosen.selector is not None and chosen.selector.matches(server.metadata.labels)


def _is_client(client: LinkerdClient, server: Server, connection: Connection) -> Truth:
    within = _is_within(client.networks, connection) if client.networks else True
    if client.unauthenticated or client.mesh_tls is None:
        return within if client.unauthenticated else False
    identity, tls = _identity(connection), client.mesh_tls
    accounts = (
        identity == _account_identity(each.name, each.namespace or server.metadata.namespace)
        for each in tls.service_accounts
    )
    known = any_of((*(_is_identity(each, identity) for each in tls.identities), *accounts))
    return all_of((within, bool(identity) if tls.unauthenticated_tls else known))
