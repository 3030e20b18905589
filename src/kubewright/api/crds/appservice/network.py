"""Who reaches an application from outside, whom it may talk to, and the mesh it is part of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import msgspec

from kubewright.api.crds.appservice.container import NOT_EMPTY
from kubewright.api.described import Rule, described
from kubewright.api.meta import EMPTY, Leaf

CLUSTER_IP, NODE_PORT, LOAD_BALANCER, EXTERNAL_NAME = "ClusterIP", "NodePort", "LoadBalancer", "ExternalName"
_TYPES = {"enum": [CLUSTER_IP, NODE_PORT, LOAD_BALANCER, EXTERNAL_NAME]}
_HOST = {"maxLength": 253, "pattern": r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"}
_NAME = {"maxLength": 253}
_FEW = {"maxItems": 32}
_RANGES = {"maxItems": 16, "items": {"type": "string", "maxLength": 43}}
_PORTS = {"maxItems": 16}
MESHES = ("none", "istio", "istio-ambient", "linkerd")


class Gateway(Leaf, frozen=True):
    """The Gateway (Gateway API) that the application is reached through."""

    name: Annotated[str, described("Its name.", NOT_EMPTY, required=True)] = ""
    namespace: Annotated[str, described("Its namespace; the application's by default.")] = ""
    listener: Annotated[str, described("One of its listeners; all by default.")] = ""


class Tls(Leaf, frozen=True):
    """The certificate that an Ingress serves."""

    secret: Annotated[str, described("The Secret that holds it; by default the application's name and -tls.")] = ""
    issuer: Annotated[str, described("The ClusterIssuer (cert-manager) that makes it.")] = ""


class AppServiceExposure(Leaf, frozen=True):
    """How the application is reached: the kind of its Service, and a host and path for it."""

    type: Annotated[str, described("The kind of Service.", _TYPES, publish_default=True)] = CLUSTER_IP
    external_name: Annotated[str, described("The name that an ExternalName stands for.", _HOST)] = ""
    host: Annotated[str, described("The host name that clients ask for.", _HOST)] = ""
    path: Annotated[str, described("The paths that begin so.", {"pattern": "^/", "maxLength": 1024})] = "/"
    port: Annotated[int | str, described("The port, by name or number; the first by default.")] = ""
    gateway: Annotated[Gateway | None, described("Lead there by an HTTPRoute of this Gateway; else an Ingress.")] = None
    ingress_class: Annotated[str, described("The IngressClass; the cluster's default by default.", _NAME)] = ""
    tls: Annotated[Tls | None, described("Serve the host over TLS.")] = None
    source_ranges: Annotated[
        tuple[str, ...], described("The addresses that a LoadBalancer lets in.", _RANGES, atomic=True)
    ] = ()
    local_traffic: Annotated[bool, described("Keep clients' addresses: traffic from outside stays on its node.")] = (
        False
    )

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "(self.type == 'ExternalName') == has(self.externalName)",
            "externalName and the type ExternalName belong together: say both or neither",
            ".externalName",
        ),
        Rule(
            "has(self.host) || !(has(self.tls) || has(self.gateway) || has(self.ingressClass))",
            "a certificate, a gateway or an ingress class serves a host: say which in expose.host",
            ".host",
        ),
        Rule(
            "!(has(self.gateway) && has(self.ingressClass))",
            "a host is led there by a gateway or by an ingress class: keep one of the two",
            ".ingressClass",
        ),
        Rule(
            "!(has(self.gateway) && has(self.tls))",
            "a Gateway's listener has the certificate: remove tls, and choose a listener with gateway.listener",
            ".tls",
        ),
        Rule(
            "!has(self.sourceRanges) || (self.type == 'LoadBalancer' && self.sourceRanges.all(each, isCIDR(each)))",
            "source ranges are CIDRs, such as 10.0.0.0/8, of an application exposed by LoadBalancer",
            ".sourceRanges",
        ),
        Rule(
            "!has(self.localTraffic) || !self.localTraffic || self.type in ['NodePort', 'LoadBalancer']",
            "traffic from outside comes by NodePort or LoadBalancer: set expose.type, or remove localTraffic",
            ".localTraffic",
        ),
    )


class Peer(Leaf, frozen=True):
    """Somebody who calls or is called: applications by name, team, labels or namespace, or a range of addresses."""

    app: Annotated[str, described("An AppService's name.", _NAME)] = ""
    team: Annotated[str, described("All applications of a team.", _NAME)] = ""
    labels: Annotated[Mapping[str, str], described("Pods with these labels.", {"maxProperties": 16})] = EMPTY
    namespace: Annotated[str, described("Their namespace; * is every one; the application's by default.", _NAME)] = ""
    cidr: Annotated[str, described("A range of addresses.", {"maxLength": 43})] = ""
    besides: Annotated[tuple[str, ...], described("Ranges in cidr that are not meant.", _RANGES, atomic=True)] = ()
    ports: Annotated[tuple[int | str, ...], described("On these ports, by name or number.", _PORTS, atomic=True)] = ()
    protocol: Annotated[
        str, described("Of ports that are numbers.", {"enum": ["TCP", "UDP", "SCTP"]}, publish_default=True)
    ] = "TCP"

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.cidr) != (has(self.app) || has(self.team) || has(self.labels) || has(self.__namespace__))",
            "a peer is a cidr, or applications by app, team, labels or namespace: say one or the other",
        ),
        Rule(
            "!has(self.cidr) || isCIDR(self.cidr)",
            "cidr is a range of addresses, such as 10.0.0.0/8",
            ".cidr",
        ),
        Rule(
            "!has(self.besides) || (has(self.cidr) && self.besides.all(each, isCIDR(each)))",
            "besides has ranges within cidr, such as 10.1.0.0/16",
            ".besides",
        ),
    )


class AppServiceAccess(Leaf, frozen=True):
    """Who may call the application, and whom it may call. Nobody else; name resolution is always allowed."""

    callers: Annotated[
        tuple[Peer, ...], described("Who may call me, on which of my ports; nobody by default.", _FEW, atomic=True)
    ] = msgspec.field(default=(), name="from")
    calls: Annotated[
        tuple[Peer, ...], described("Whom I may call, on which ports; nobody by default.", _FEW, atomic=True)
    ] = msgspec.field(default=(), name="to")


class AppServiceMesh(Leaf, frozen=True):
    """The service mesh that the application is part of."""

    type: Annotated[str, described("Which mesh; istio means sidecars.", {"enum": list(MESHES)}, required=True)] = ""
    revision: Annotated[str, described("The revision of Istio's control plane.", {"maxLength": 63})] = ""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.revision) || self.type in ['istio', 'istio-ambient']",
            "only Istio has revisions: set mesh.type to istio, or remove revision",
            ".revision",
        ),
    )
