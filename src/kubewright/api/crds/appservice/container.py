"""What runs in an application's pods: its environment, the ports it answers on, and what it may use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from kubewright.api.described import Rule, described
from kubewright.api.meta import EMPTY, Leaf
from kubewright.api.quantity import Quantity

NODE_PORTS = (30000, 32767)
PORT_RULES = {"format": "int32", "minimum": 1, "maximum": 65535}
NOT_EMPTY = {"minLength": 1}
PORT_NAME = {"maxLength": 15, "pattern": "^([a-z0-9]+-)*[a-z0-9]*[a-z][a-z0-9]*(-[a-z0-9]+)*$"}
_PROTOCOL = {"enum": ["TCP", "UDP", "SCTP"]}
_INT32 = {"format": "int32"}
_SOURCES = "(has(self.value) ? 1 : 0) + (has(self.fromConfigMap) ? 1 : 0) + (has(self.fromSecret) ? 1 : 0)"


class AppServicePort(Leaf, frozen=True):
    """A port of the application and of its Service."""

    port: Annotated[int, described("The Service's port.", PORT_RULES, required=True)] = 0
    name: Annotated[str, described("The port's name, such as http; else port- and its number.", PORT_NAME)] = ""
    target_port: Annotated[int, described("The container's port, if it is not the same.", PORT_RULES)] = 0
    protocol: Annotated[str, described("TCP, UDP or SCTP.", _PROTOCOL, publish_default=True)] = "TCP"
    app_protocol: Annotated[
        str, described("What is spoken on the port: http, grpc, kubernetes.io/h2c ...", {"maxLength": 256})
    ] = ""
    node_port: Annotated[
        int, described("The port on every node, where the application is exposed by NodePort or LoadBalancer.", _INT32)
    ] = 0

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            f"!has(self.nodePort) || (self.nodePort >= {NODE_PORTS[0]} && self.nodePort <= {NODE_PORTS[1]})",
            "a node's port is one of 30000 to 32767: choose one of these, or leave it out and one is chosen",
            ".nodePort",
        ),
    )


class KeyOf(Leaf, frozen=True):
    """One key of a ConfigMap or a Secret."""

    name: Annotated[str, described("The object's name.", NOT_EMPTY, required=True)] = ""
    key: Annotated[str, described("The key in it.", NOT_EMPTY, required=True)] = ""
    optional: Annotated[bool, described("Whether pods start without it.")] = False


class EnvVar(Leaf, frozen=True):
    """An environment variable of the container: a value, or where to find it."""

    name: Annotated[str, described("Its name.", NOT_EMPTY, required=True)] = ""
    value: Annotated[str, described("Its value.")] = ""
    from_config_map: Annotated[KeyOf | None, described("Take the value from a ConfigMap.")] = None
    from_secret: Annotated[KeyOf | None, described("Take the value from a Secret.")] = None
    from_field: Annotated[
        str, described("Take the value from a field of the pod, such as metadata.name.", {"maxLength": 512})
    ] = ""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            f"{_SOURCES} + (has(self.fromField) ? 1 : 0) <= 1",
            "a variable has one source: keep one of value, fromConfigMap, fromSecret and fromField",
        ),
    )


class EnvSource(Leaf, frozen=True):
    """A ConfigMap or a Secret, every key of which becomes a variable."""

    config_map: Annotated[str, described("The ConfigMap's name.")] = ""
    secret: Annotated[str, described("The Secret's name.")] = ""
    prefix: Annotated[str, described("What is put before each key.")] = ""
    optional: Annotated[bool, described("Whether pods start without it.")] = False

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.configMap) != has(self.secret)",
            "variables come from one object: name a configMap or a secret",
        ),
    )


class AppServiceResources(Leaf, frozen=True):
    """What each pod requests, and what it may use at most."""

    requests: Annotated[
        Mapping[str, Quantity], described("What is set aside for each pod: cpu, memory ...", {"maxProperties": 16})
    ] = EMPTY
    limits: Annotated[Mapping[str, Quantity], described("What each pod may use at most.", {"maxProperties": 16})] = (
        EMPTY
    )

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.requests) || !has(self.limits) || self.requests.all(name, !(name in self.limits) || "
            "quantity(string(self.requests[name])).compareTo(quantity(string(self.limits[name]))) <= 0)",
            "a request is at most its limit: raise limits, or ask for less",
            ".requests",
        ),
    )


class AppServiceSecurity(Leaf, frozen=True):
    """What the application's processes may do; by default what Pod Security's `restricted` allows and no more."""

    profile: Annotated[
        str,
        described(
            "The Pod Security standard that the pods keep.",
            {"enum": ["restricted", "baseline", "privileged"]},
            publish_default=True,
        ),
    ] = "restricted"
    run_as_user: Annotated[
        int, described("The user that processes run as; 10001 by default.", {"format": "int64", "minimum": 0})
    ] = 0
    run_as_group: Annotated[
        int, described("Their group, and that of volumes; the user's number by default.", {"format": "int64"})
    ] = 0
    writable_root: Annotated[bool, described("Let processes write into the image's files.")] = False
    service_account: Annotated[
        str, described("Run as this account, which is somebody else's to keep; else as one of its own.")
    ] = ""
    token: Annotated[bool, described("Give pods their account's token, for those who call the API server.")] = False
    capabilities: Annotated[
        tuple[str, ...],
        described("Capabilities to add; restricted allows NET_BIND_SERVICE alone.", {"maxItems": 40}, atomic=True),
    ] = ()

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.profile != 'restricted' || !has(self.capabilities) || "
            "self.capabilities.all(name, name == 'NET_BIND_SERVICE')",
            "the restricted profile adds no capability but NET_BIND_SERVICE: drop the others, or choose another "
            "profile where your platform team allows it",
            ".capabilities",
        ),
    )
