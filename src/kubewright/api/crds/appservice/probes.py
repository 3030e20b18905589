"""How the kubelet learns whether an application has started, is well, and may be sent requests."""

from __future__ import annotations

from typing import Annotated, ClassVar

from kubewright.api.described import Rule, described
from kubewright.api.meta import Leaf

_SECONDS = {"format": "int32", "minimum": 0}
_AT_LEAST_ONE = {"format": "int32", "minimum": 1}
_COUNT = "(has(self.http) ? 1 : 0) + (has(self.tcp) ? 1 : 0) + (has(self.grpc) ? 1 : 0) + (has(self.exec) ? 1 : 0)"


class HttpProbe(Leaf, frozen=True):
    """A GET that must be answered with 200 to 399."""

    path: Annotated[str, described("The path to ask for.", {"pattern": "^/"}, publish_default=True)] = "/"
    port: Annotated[int | str, described("A port's name or number; the first by default.")] = ""
    https: Annotated[bool, described("Ask over TLS.")] = False


class TcpProbe(Leaf, frozen=True):
    """A connection that must be accepted."""

    port: Annotated[int | str, described("A port's name or number; the first by default.")] = ""


class GrpcProbe(Leaf, frozen=True):
    """gRPC's health service, which must say SERVING."""

    port: Annotated[int | str, described("A port's name or number; the first by default.")] = ""
    service: Annotated[str, described("The service to ask about.")] = ""


class ExecProbe(Leaf, frozen=True):
    """A command in the container that must end with 0."""

    command: Annotated[
        tuple[str, ...], described("The command and its arguments.", {"minItems": 1}, required=True, atomic=True)
    ] = ()


class Probe(Leaf, frozen=True):
    """One probe, or the decision to have none."""

    http: Annotated[HttpProbe | None, described("Ask over HTTP.")] = None
    tcp: Annotated[TcpProbe | None, described("Connect.")] = None
    grpc: Annotated[GrpcProbe | None, described("Ask gRPC's health service.")] = None
    exec: Annotated[ExecProbe | None, described("Run a command.")] = None
    disabled: Annotated[bool, described("Have no such probe, not even the default.")] = False
    initial_delay_seconds: Annotated[int, described("How long to wait after the start.", _SECONDS)] = 0
    period_seconds: Annotated[int, described("How often to ask.", _AT_LEAST_ONE)] = 0
    timeout_seconds: Annotated[int, described("How long to wait for an answer.", _AT_LEAST_ONE)] = 0
    failure_threshold: Annotated[int, described("How many failures in a row count.", _AT_LEAST_ONE)] = 0

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            f"{_COUNT} + (has(self.disabled) && self.disabled ? 1 : 0) <= 1",
            "a probe asks in one way: keep one of http, tcp, grpc and exec, or disabled alone",
        ),
    )


class AppServiceProbes(Leaf, frozen=True):
    """The three probes. What is not said is asked of the first TCP port: gRPC where it is spoken, else a connection."""

    readiness: Annotated[Probe | None, described("May it be sent requests?")] = None
    liveness: Annotated[Probe | None, described("Must it be restarted?")] = None
    startup: Annotated[Probe | None, described("Has it started? Until then the others wait.")] = None
