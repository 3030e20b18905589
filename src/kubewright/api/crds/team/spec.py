"""What a Team wants: people, environments, a queue, rails, a network, and money."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from kubewright.api.crds.queue import ANY, FAIR_SHARE, LOWER_PRIORITY, NEVER, Quota
from kubewright.api.crds.rails import Rails
from kubewright.api.described import Rule, described
from kubewright.api.meta import EMPTY, Leaf
from kubewright.api.quantity import Quantity

ADMIN, EDITOR, VIEWER = "admin", "editor", "viewer"
ROLES = (ADMIN, EDITOR, VIEWER)
RESTRICTED, BASELINE, PRIVILEGED = "restricted", "baseline", "privileged"
LEVELS = (RESTRICTED, BASELINE, PRIVILEGED)
"""Of Pod Security, the strictest first."""
USER, GROUP, SERVICE_ACCOUNT = "User", "Group", "ServiceAccount"
INGRESS, EGRESS, BOTH = "Ingress", "Egress", "Both"
_DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
_LABEL = {"pattern": _DNS_LABEL, "minLength": 1, "maxLength": 63}
_AMOUNTS = {"maxProperties": 64}
_TIME = {"pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$", "maxLength": 20}


class Member(Leaf, frozen=True):
    """Somebody who works in the team."""

    name: Annotated[
        str, described("As the cluster authenticates them.", {"minLength": 1, "maxLength": 253}, required=True)
    ] = ""
    kind: Annotated[
        str, described("What the name is of.", {"enum": [USER, GROUP, SERVICE_ACCOUNT]}, publish_default=True)
    ] = USER
    namespace: Annotated[str, described("Of a ServiceAccount.", {"maxLength": 63})] = ""
    role: Annotated[
        str, described("What they may in the team's namespaces.", {"enum": list(ROLES)}, publish_default=True)
    ] = EDITOR

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!self.name.startsWith('system:')",
            "names that begin with system: are the cluster's own; a service account is a member of kind ServiceAccount",
            ".name",
        ),
        Rule(
            "(self.kind == 'ServiceAccount') == (has(self.__namespace__) && self.__namespace__ != '')",
            "a ServiceAccount is in a namespace, and nobody else is",
            ".namespace",
        ),
    )


class LimitBounds(Leaf, frozen=True):
    """What a container of an environment is given, and may ask for."""

    default: Annotated[Mapping[str, Quantity], described("Limits of one that says none.", _AMOUNTS)] = EMPTY
    default_request: Annotated[Mapping[str, Quantity], described("Requests of one that says none.", _AMOUNTS)] = EMPTY
    min: Annotated[Mapping[str, Quantity], described("It requests no less.", _AMOUNTS)] = EMPTY
    max: Annotated[Mapping[str, Quantity], described("Its limits are no more.", _AMOUNTS)] = EMPTY


class NamespaceQuota(Leaf, frozen=True):
    """What one of an environment's namespaces may hold."""

    namespace: Annotated[str, described("Which.", _LABEL, required=True)] = ""
    quota: Annotated[
        Mapping[str, Quantity],
        described("In place of the environment's quota, by resource; what is not named holds on.", _AMOUNTS),
    ] = EMPTY


class Environment(Leaf, frozen=True):
    """Namespaces that serve one purpose, such as production."""

    name: Annotated[str, described("Its name.", {**_LABEL, "maxLength": 30}, required=True)] = ""
    namespaces: Annotated[
        tuple[str, ...],
        described(
            "Its namespaces; one named TEAM-ENVIRONMENT by default.",
            {"maxItems": 32, "items": {"type": "string", **_LABEL}},
            atomic=True,
        ),
    ] = ()
    quota: Annotated[
        Mapping[str, Quantity],
        described("What each of its namespaces may hold, as a ResourceQuota says it: requests.cpu, pods.", _AMOUNTS),
    ] = EMPTY
    namespace_quotas: Annotated[
        tuple[NamespaceQuota, ...],
        described("What single namespaces of it may hold instead.", {"maxItems": 32}, list_map_keys=("namespace",)),
    ] = ()
    limits: Annotated[LimitBounds | None, described("What containers are given, and may ask for.")] = None

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.namespaceQuotas) || self.namespaceQuotas.all(each, "
            "has(self.namespaces) && each.__namespace__ in self.namespaces)",
            "each is of one of the namespaces that the environment names",
            ".namespaceQuotas",
        ),
    )


class TeamQueue(Leaf, frozen=True):
    """What the team may have of the cluster, beside others."""

    parent: Annotated[str, described("The queue above; that of the parent team by default.", {"maxLength": 63})] = ""
    weight: Annotated[
        int,
        described(
            "How much of what is left it gets beside others.", {"minimum": 1, "maximum": 10_000}, publish_default=True
        ),
    ] = 1
    quotas: Annotated[
        tuple[Quota, ...],
        described(
            "What is its own, of any GPU or of one model, and what it borrows and lends.",
            {"maxItems": 64},
            list_map_keys=("resource", "model"),
        ),
    ] = ()
    reclaim: Annotated[
        str,
        described(
            "From whom it takes back what it lent.",
            {"enum": [NEVER, LOWER_PRIORITY, ANY, FAIR_SHARE]},
            publish_default=True,
        ),
    ] = ANY


class Port(Leaf, frozen=True):
    """A port that peers may use."""

    port: Annotated[int, described("Its number.", {"minimum": 1, "maximum": 65535}, required=True)] = 0
    protocol: Annotated[
        str, described("How it is spoken to.", {"enum": ["TCP", "UDP", "SCTP"]}, publish_default=True)
    ] = "TCP"


class Peer(Leaf, frozen=True):
    """Somebody whom the team's pods may speak with: one of a team, a namespace, or addresses."""

    team: Annotated[str, described("Another team's namespaces, or all of one's own.", {"maxLength": 63})] = ""
    environment: Annotated[str, described("Only this environment of that team.", {"maxLength": 63})] = ""
    namespace: Annotated[str, described("A namespace, such as an ingress controller's.", {"maxLength": 63})] = ""
    cidr: Annotated[str, described("Addresses.", {"maxLength": 43})] = ""
    except_: Annotated[
        tuple[str, ...], described("Not these of the addresses.", {"maxItems": 32, "items": {"type": "string"}})
    ] = ()
    direction: Annotated[str, described("Who may begin.", {"enum": [INGRESS, EGRESS, BOTH]}, publish_default=True)] = (
        BOTH
    )
    ports: Annotated[tuple[Port, ...], described("Only these; all by default.", {"maxItems": 32})] = ()

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "[has(self.team) && self.team != '', has(self.__namespace__) && self.__namespace__ != '', "
            "has(self.cidr) && self.cidr != ''].filter(each, each).size() == 1",
            "a peer is one of: team, namespace, cidr",
        ),
        Rule("!has(self.cidr) || self.cidr == '' || isCIDR(self.cidr)", "addresses are written as 10.0.0.0/8", ".cidr"),
        Rule(
            "!has(self.environment) || self.environment == '' || (has(self.team) && self.team != '')",
            "an environment is one of a team's",
            ".environment",
        ),
        Rule(
            "!has(self.except) || (has(self.cidr) && self.cidr != '')",
            "only of a cidr is something left out",
            ".except",
        ),
    )


class Network(Leaf, frozen=True):
    """With whom the team's pods may speak."""

    default_deny: Annotated[
        bool,
        described(
            "Whether pods speak only within their environment, with DNS, and with the peers; else with everybody.",
            publish_default=True,
        ),
    ] = True
    peers: Annotated[tuple[Peer, ...], described("With whom besides.", {"maxItems": 64})] = ()


class Alerts(Leaf, frozen=True):
    """How the team is told of what is wrong with what is its own."""

    webhook: Annotated[
        str, described("An address that takes what Alertmanager posts.", {"pattern": "^https?://", "maxLength": 2048})
    ] = ""
    receiver: Annotated[
        Mapping[str, Any], described("More ways, as Alertmanager's configuration has them: slack_configs.", _AMOUNTS)
    ] = EMPTY
    on_call: Annotated[str, described("Who is on call, or where that is said.", {"maxLength": 1024})] = ""


class Budget(Leaf, frozen=True):
    """What the team may cost."""

    month: Annotated[Quantity, described("A month.", required=True)] = 0
    currency: Annotated[str, described("Of prices.", {"maxLength": 8}, publish_default=True)] = "USD"

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule("quantity(string(self.month)).isGreaterThan(quantity('0'))", "a budget is above 0", ".month"),
    )


class BreakGlass(Leaf, frozen=True):
    """Somebody from outside who may act in the team's namespaces for a while."""

    user: Annotated[
        str, described("As the cluster authenticates them.", {"minLength": 1, "maxLength": 253}, required=True)
    ] = ""
    since: Annotated[str, described("From when, in UTC.", _TIME, required=True)] = ""
    until: Annotated[str, described("Until when, in UTC: at most a day later.", _TIME, required=True)] = ""
    reason: Annotated[str, described("Why.", {"minLength": 3, "maxLength": 1024}, required=True)] = ""
    by: Annotated[str, described("Who let them.", {"maxLength": 253})] = ""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule("!self.user.startsWith('system:')", "a person, not one of the cluster's own", ".user"),
        Rule("self.since < self.until", "it ends after it begins", ".until"),
    )


class TeamSpec(Leaf, frozen=True):
    """What a team is given."""

    parent: Annotated[str, described("The team that this one is part of.", {"maxLength": 40})] = ""
    members: Annotated[
        tuple[Member, ...], described("Who works in it.", {"maxItems": 256}, list_map_keys=("kind", "name"))
    ] = ()
    cluster_roles: Annotated[
        Mapping[str, str],
        described(
            "ClusterRoles in place of kubewright-team-admin, -editor and -viewer, by role.",
            {"maxProperties": 3, "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 253}},
        ),
    ] = EMPTY
    environments: Annotated[
        tuple[Environment, ...], described("Its namespaces.", {"maxItems": 16}, list_map_keys=("name",))
    ] = ()
    quota: Annotated[
        Mapping[str, Quantity],
        described("What all its namespaces together, and the teams below it, may be given at most.", _AMOUNTS),
    ] = EMPTY
    queue: Annotated[TeamQueue | None, described("Its share of the cluster, for the scheduler.")] = None
    pod_security: Annotated[
        str,
        described(
            "The Pod Security level of its namespaces, unless a team above has a stricter one.",
            {"enum": list(LEVELS)},
            publish_default=True,
        ),
    ] = RESTRICTED
    rails: Annotated[Rails, described("Within what its workloads stay, and those of the teams below it.")] = Rails()
    network: Annotated[Network, described("With whom its pods may speak.")] = Network()
    alerts: Annotated[Alerts, described("How it is told.")] = Alerts()
    budget: Annotated[Budget | None, described("What it may cost.")] = None
    break_glass: Annotated[
        tuple[BreakGlass, ...],
        described("Who may act in it for a while.", {"maxItems": 16}, list_map_keys=("user",)),
    ] = ()

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.clusterRoles) || self.clusterRoles.all(role, role in ['admin', 'editor', 'viewer'])",
            "roles are admin, editor and viewer",
            ".clusterRoles",
        ),
    )
