"""What a kubelet says of a probe that failed, in the words of its kind of probe. Pure."""

from __future__ import annotations

from kubewright.api.containers import Container, Probe
from kubewright.twin.kubelet.behaviour import Acts

_SERVER_ERROR = 503


def answer_text(container: Container, kind: str, probe: Probe, acts: Acts, pod_ip: str) -> str:
    """Return what went wrong: nobody answers while the container warms up, later the answer is bad."""
    refused = kind not in acts.failing_probes
    if probe.http_get is not None:
        if not refused:
            return f"HTTP probe failed with statuscode: {_SERVER_ERROR}"
        action = probe.http_get
        at = f"{action.host or pod_ip}:{_port(container, action.port)}"
        path = action.path if action.path.startswith("/") else f"/{action.path}"
        return f'Get "{action.scheme.lower()}://{at}{path}": dial tcp {at}: connect: connection refused'
    if probe.tcp_socket is not None:
        return f"dial tcp {pod_ip}:{_port(container, probe.tcp_socket.port)}: connect: connection refused"
    if probe.grpc is not None:
        if not refused:
            return 'service unhealthy (responded with "NOT_SERVING")'
        seconds = f"{probe.timeout_seconds}s"
        at = f"{pod_ip}:{probe.grpc.port}"
        return f'timeout: failed to connect service "{at}" within {seconds}: context deadline exceeded'
    return ""


def _port(container: Container, port: int | str) -> int:
    if isinstance(port, int):
        return port
    return next((each.container_port for each in container.ports if each.name == port), 0)
