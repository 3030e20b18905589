"""Policies of service meshes, as far as `reach` decides by them: Istio's `security.istio.io`, Linkerd's own group."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from kubewright.api.meta import EMPTY, KubeObject, Leaf, Resource
from kubewright.api.selectors import LabelSelector


class WorkloadSelector(Leaf, frozen=True):
    """Pods by labels; none means all of the namespace or, in the root namespace, of the mesh."""

    match_labels: Mapping[str, str] = EMPTY


class TargetRef(Leaf, frozen=True):
    """An object that a policy is for."""

    group: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""


class Source(Leaf, frozen=True):
    """Who calls: all fields that say something must hold, each by one of its values."""

    principals: tuple[str, ...] = ()
    not_principals: tuple[str, ...] = ()
    request_principals: tuple[str, ...] = ()
    not_request_principals: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    not_namespaces: tuple[str, ...] = ()
    service_accounts: tuple[str, ...] = ()
    not_service_accounts: tuple[str, ...] = ()
    ip_blocks: tuple[str, ...] = ()
    not_ip_blocks: tuple[str, ...] = ()
    remote_ip_blocks: tuple[str, ...] = ()
    not_remote_ip_blocks: tuple[str, ...] = ()


class Operation(Leaf, frozen=True):
    """What is called."""

    hosts: tuple[str, ...] = ()
    not_hosts: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    not_ports: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    not_methods: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    not_paths: tuple[str, ...] = ()


class RuleFrom(Leaf, frozen=True):
    """One of a rule's sources."""

    source: Source = Source()


class RuleTo(Leaf, frozen=True):
    """One of a rule's operations."""

    operation: Operation = Operation()


class RuleWhen(Leaf, frozen=True):
    """One more condition."""

    key: str = ""
    values: tuple[str, ...] = ()
    not_values: tuple[str, ...] = ()


class AuthorizationRule(Leaf, frozen=True):
    """One of the sources, one of the operations, and all conditions."""

    sources: tuple[RuleFrom, ...] = msgspec.field(default=(), name="from")
    operations: tuple[RuleTo, ...] = msgspec.field(default=(), name="to")
    when: tuple[RuleWhen, ...] = ()


class AuthorizationPolicySpec(Leaf, frozen=True):
    """Whom it is about, and what is allowed, denied, audited, or asked somebody else."""

    selector: WorkloadSelector | None = None
    target_ref: TargetRef | None = None
    target_refs: tuple[TargetRef, ...] = ()
    action: str = "ALLOW"
    rules: tuple[AuthorizationRule, ...] = ()


class AuthorizationPolicy(KubeObject, frozen=True, kw_only=True):
    """Istio's."""

    spec: AuthorizationPolicySpec = AuthorizationPolicySpec()


class MutualTls(Leaf, frozen=True):
    """What callers must speak."""

    mode: str = "UNSET"


class PeerAuthenticationSpec(Leaf, frozen=True):
    """What callers of some pods must speak, and on single ports."""

    selector: WorkloadSelector | None = None
    mtls: MutualTls = MutualTls()
    port_level_mtls: Mapping[str, MutualTls] = EMPTY


class PeerAuthentication(KubeObject, frozen=True, kw_only=True):
    """Istio's."""

    spec: PeerAuthenticationSpec = PeerAuthenticationSpec()


class ServerSpec(Leaf, frozen=True):
    """A port of some pods."""

    pod_selector: LabelSelector | None = None
    port: int | str = 0
    access_policy: str = "deny"


class Server(KubeObject, frozen=True, kw_only=True):
    """Linkerd's: a port that is closed unless somebody is authorised."""

    spec: ServerSpec = ServerSpec()


class LinkerdNetwork(Leaf, frozen=True):
    """A range of addresses."""

    cidr: str = ""
    besides: tuple[str, ...] = msgspec.field(default=(), name="except")


class AccountRef(Leaf, frozen=True):
    """A ServiceAccount."""

    name: str = ""
    namespace: str = ""


class MeshTlsClient(Leaf, frozen=True):
    """Clients of the mesh, by who they are."""

    unauthenticated_tls: bool = msgspec.field(default=False, name="unauthenticatedTLS")
    identities: tuple[str, ...] = ()
    service_accounts: tuple[AccountRef, ...] = ()


class LinkerdClient(Leaf, frozen=True):
    """Who is authorised."""

    unauthenticated: bool = False
    networks: tuple[LinkerdNetwork, ...] = ()
    mesh_tls: MeshTlsClient | None = msgspec.field(default=None, name="meshTLS")


class ServerChoice(Leaf, frozen=True):
    """Servers by name or labels."""

    name: str = ""
    selector: LabelSelector | None = None


class ServerAuthorizationSpec(Leaf, frozen=True):
    """Who may use which servers."""

    server: ServerChoice = ServerChoice()
    client: LinkerdClient = LinkerdClient()


class ServerAuthorization(KubeObject, frozen=True, kw_only=True):
    """Linkerd's older form."""

    spec: ServerAuthorizationSpec = ServerAuthorizationSpec()


class LinkerdAuthorizationSpec(Leaf, frozen=True):
    """What is opened, to those who meet every one of some authentications."""

    target_ref: TargetRef = TargetRef()
    required_authentication_refs: tuple[TargetRef, ...] = ()


class LinkerdAuthorization(KubeObject, frozen=True, kw_only=True):
    """Linkerd's AuthorizationPolicy."""

    spec: LinkerdAuthorizationSpec = LinkerdAuthorizationSpec()


class MeshTlsAuthenticationSpec(Leaf, frozen=True):
    """Identities, written out or by the accounts that have them."""

    identities: tuple[str, ...] = ()
    identity_refs: tuple[TargetRef, ...] = ()


class MeshTlsAuthentication(KubeObject, frozen=True, kw_only=True):
    """Linkerd's."""

    spec: MeshTlsAuthenticationSpec = MeshTlsAuthenticationSpec()


class NetworkAuthenticationSpec(Leaf, frozen=True):
    """Ranges of addresses."""

    networks: tuple[LinkerdNetwork, ...] = ()


class NetworkAuthentication(KubeObject, frozen=True, kw_only=True):
    """Linkerd's."""

    spec: NetworkAuthenticationSpec = NetworkAuthenticationSpec()


_ISTIO, _LINKERD = "security.istio.io", "policy.linkerd.io"
AUTHORIZATION_POLICIES: Resource[AuthorizationPolicy] = Resource(
    _ISTIO, "v1", "authorizationpolicies", "AuthorizationPolicy", AuthorizationPolicy
)
PEER_AUTHENTICATIONS: Resource[PeerAuthentication] = Resource(
    _ISTIO, "v1", "peerauthentications", "PeerAuthentication", PeerAuthentication
)
SERVERS: Resource[Server] = Resource(_LINKERD, "v1beta3", "servers", "Server", Server)
OLD_SERVERS: Resource[Server] = Resource(_LINKERD, "v1beta1", "servers", "Server", Server)
"""Of Linkerd before 2.16, which had no access policies of single servers."""
SERVER_AUTHORIZATIONS: Resource[ServerAuthorization] = Resource(
    _LINKERD, "v1beta1", "serverauthorizations", "ServerAuthorization", ServerAuthorization
)
LINKERD_AUTHORIZATIONS: Resource[LinkerdAuthorization] = Resource(
    _LINKERD, "v1alpha1", "authorizationpolicies", "AuthorizationPolicy", LinkerdAuthorization
)
MESH_TLS_AUTHENTICATIONS: Resource[MeshTlsAuthentication] = Resource(
    _LINKERD, "v1alpha1", "meshtlsauthentications", "MeshTLSAuthentication", MeshTlsAuthentication
)
NETWORK_AUTHENTICATIONS: Resource[NetworkAuthentication] = Resource(
    _LINKERD, "v1alpha1", "networkauthentications", "NetworkAuthentication", NetworkAuthentication
)
