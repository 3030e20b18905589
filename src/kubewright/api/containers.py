"""Containers as pods specify them, as far as they are read. `core.py` names the common ones; import those from there.

Most of it is read by simulated kubelets only: what a container needs before it starts, how it is probed and stopped.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from kubewright.api.meta import EMPTY, Leaf
from kubewright.api.quantity import Quantity


class ResourceRequirements(Leaf, frozen=True):
    """What a container, or a whole pod, requests and may use at most."""

    requests: Mapping[str, Quantity] = EMPTY
    limits: Mapping[str, Quantity] = EMPTY


class ContainerResizePolicy(Leaf, frozen=True):
    """Whether a container must be restarted when one of its resources changes."""

    resource_name: str = ""
    restart_policy: str = "NotRequired"


class ContainerPort(Leaf, frozen=True):
    """A port; one with a host port takes it from the node."""

    container_port: int = 0
    name: str = ""
    protocol: str = "TCP"
    host_port: int = 0
    host_ip: str = msgspec.field(default="", name="hostIP")


class HttpGetAction(Leaf, frozen=True):
    """A request that must be answered well."""

    path: str = "/"
    port: int | str = 0
    scheme: str = "HTTP"
    host: str = ""


class TcpSocketAction(Leaf, frozen=True):
    """A port that must take connections."""

    port: int | str = 0


class GrpcAction(Leaf, frozen=True):
    """A gRPC service that must say that it is healthy."""

    port: int = 0


class ExecAction(Leaf, frozen=True):
    """A command within the container that must end with 0."""

    command: tuple[str, ...] = ()


class SleepAction(Leaf, frozen=True):
    """A pause."""

    seconds: int = 0


class Probe(Leaf, frozen=True):
    """A question that a container is asked again and again: one of four forms, and its timing."""

    initial_delay_seconds: int = 0
    period_seconds: int = 10
    timeout_seconds: int = 1
    success_threshold: int = 1
    failure_threshold: int = 3
    termination_grace_period_seconds: int | None = None
    http_get: HttpGetAction | None = None
    tcp_socket: TcpSocketAction | None = None
    grpc: GrpcAction | None = None
    exec_: ExecAction | None = msgspec.field(default=None, name="exec")


class LifecycleHandler(Leaf, frozen=True):
    """What is done at an end or a beginning."""

    sleep: SleepAction | None = None
    exec_: ExecAction | None = msgspec.field(default=None, name="exec")
    http_get: HttpGetAction | None = None


class Lifecycle(Leaf, frozen=True):
    """What is done before a container is told to stop."""

    pre_stop: LifecycleHandler | None = None


class KeyReference(Leaf, frozen=True):
    """A ConfigMap or Secret, and a key in it if only that is meant."""

    name: str = ""
    key: str = ""
    optional: bool = False


class EnvVarSource(Leaf, frozen=True):
    """Where a variable's value comes from; None for what the pod itself says."""

    config_map_key_ref: KeyReference | None = None
    secret_key_ref: KeyReference | None = None


class EnvVar(Leaf, frozen=True):
    """A variable, without its value."""

    value_from: EnvVarSource | None = None


class EnvFromSource(Leaf, frozen=True):
    """A ConfigMap or Secret of which every key becomes a variable."""

    config_map_ref: KeyReference | None = None
    secret_ref: KeyReference | None = None


class RestartRuleExitCodes(Leaf, frozen=True):
    """The exit codes that a rule is about."""

    operator: str = "In"
    values: tuple[int, ...] = ()


class ContainerRestartRule(Leaf, frozen=True):
    """What to do after certain exits, whatever the restart policies say."""

    action: str = ""
    exit_codes: RestartRuleExitCodes | None = None


class Container(Leaf, frozen=True):
    """A container; an init container with `restartPolicy: Always` is a sidecar."""

    name: str = ""
    image: str = ""
    ports: tuple[ContainerPort, ...] = ()
    resources: ResourceRequirements = ResourceRequirements()
    restart_policy: str = ""
    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None
    startup_probe: Probe | None = None
    image_pull_policy: str = "IfNotPresent"
    lifecycle: Lifecycle | None = None
    env: tuple[EnvVar, ...] = ()
    env_from: tuple[EnvFromSource, ...] = ()
    restart_policy_rules: tuple[ContainerRestartRule, ...] = ()
    resize_policy: tuple[ContainerResizePolicy, ...] = ()

    @property
    def is_sidecar(self) -> bool:
        """Whether this init container goes on running beside the pod's containers."""
        return self.restart_policy == "Always"
