"""What the processes of a pod may do: what Pod Security's `restricted` asks for, and more where it costs nothing."""

from __future__ import annotations

from typing import Any

from kubewright.api.crds.appservice import AppService
from kubewright.workloads.children import ports
from kubewright.workloads.children.identity import present

USER = 10001
"""Above 10000: no user of a node has such a number, so an escaped process owns nothing there."""

_PRIVILEGED_PORTS = 1024


def pod_security(app: AppService) -> dict[str, Any]:
    """Return the pod's `securityContext`."""
    said = app.spec.security
    restricted = said.profile == "restricted"
    user = said.run_as_user or (USER if restricted else 0)
    group = said.run_as_group or user
    context: dict[str, Any] = {"seccompProfile": {"type": "RuntimeDefault"}}
    if restricted:
        context["runAsNonRoot"] = True
    if user:
        context |= {"runAsUser": user, "runAsGroup": group, "fsGroup": group}
    if user and any(ports.target(port) < _PRIVILEGED_PORTS for port in app.spec.ports):
        # Who is not root may listen below 1024 only where the pod's network namespace says so.
        context["sysctls"] = [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]
    return context


def container_security(app: AppService) -> dict[str, Any]:
    """Return the container's `securityContext`."""
    said = app.spec.security
    context: dict[str, Any] = {"readOnlyRootFilesystem": not said.writable_root}
    if said.profile == "restricted":
        context["allowPrivilegeEscalation"] = False
        context["runAsNonRoot"] = True
    capabilities = present(drop=["ALL"] if said.profile == "restricted" else [], add=sorted(said.capabilities))
    return context | present(capabilities=capabilities)
