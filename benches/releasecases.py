"""The releases that `releases.py` tries: what is wrong with each, or what looks wrong and is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OLD, NEW = "shop/web:1", "shop/web:2"
USUAL = {
    "requests-per-second": "60",
    "cpu-per-request": "5m",
    "latency": "20ms",
    "memory": "32Mi",
    "cpu": "10m",
    "app": "web",
}


@dataclass(frozen=True, slots=True)
class Case:
    """One release: what changes in the spec, how its pods act, and what happens around it."""

    name: str
    spec: Mapping[str, Any] = field(default_factory=dict[str, Any])
    acts: Mapping[str, str] = field(default_factory=dict[str, str])
    """Annotations of the new pods, without the twin's prefix."""
    around: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of all pods."""
    faults: tuple[Mapping[str, Any], ...] = ()
    objects: tuple[Mapping[str, Any], ...] = ()
    """What is there before."""
    later: tuple[float, Mapping[str, Any]] | None = None
    """What is made so many seconds after the release."""


def _fault(type_: str, *, target: Mapping[str, Any] | None = None, **more: Any) -> Mapping[str, Any]:
    where = {"pods": {"images": [NEW]}} if target is None else target
    head = {"apiVersion": "twin.kubewright.dev/v1alpha1", "kind": "Fault"}
    return {**head, "metadata": {"name": type_.lower()}, "spec": {"type": type_, "target": where, **more}}


def _secret(name: str) -> Mapping[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"token": "t"}}


_QUOTA = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "few"},
    "spec": {"hard": {"pods": "4"}},
}
_FROM_SECRET = {"env": [{"name": "TOKEN", "fromSecret": {"name": "late", "key": "token"}}]}
_FROM_CONFIG = {"volumes": [{"name": "conf", "mountPath": "/etc/web", "configMap": {"name": "nowhere"}}]}
_FLAPS = {"startAfterSeconds": 30, "durationSeconds": 15, "periodSeconds": 40}

BAD: tuple[Case, ...] = (
    Case("crashes at its start", acts={"exit-after": "1", "exit-code": "1"}),
    Case("crashes after a minute", acts={"exit-after": "60", "exit-code": "1"}),
    Case("starts too slowly", acts={"ready-seconds": "900"}),
    Case("fails 5 % of its requests", acts={"error-rate": "5%"}),
    Case("fails half of its requests", acts={"error-rate": "50%"}),
    Case("ten times as slow", acts={"latency": "200ms"}),
    Case("leaves itself no CPU for requests", acts={"cpu": "0s:10m 300s:990m"}),
    Case("leaks memory until it is killed", acts={"memory": "32Mi +1Mi/s"}),
    Case("a probe at the wrong path", acts={"fail-probes": "readiness"}),
    Case("a liveness probe at the wrong port", acts={"fail-probes": "liveness"}),
    Case("a Secret that is not there", spec=_FROM_SECRET),
    Case("a ConfigMap that is not there", spec=_FROM_CONFIG),
    Case("an image that does not exist", acts={"fail-pull": "true"}),
    Case("requests that no node has", spec={"resources": {"requests": {"cpu": "64"}, "limits": {"cpu": "64"}}}),
    Case("more pods than the quota allows", objects=(_QUOTA,)),
    Case("a command that is not there", acts={"fail-start": "exec: /bin/serve: no such file or directory"}),
    Case("burns its CPU", acts={"cpu": "5"}),
    Case(
        "readiness that flaps", faults=(_fault("ProbeFailure", probeFailure={"probe": "Readiness"}, schedule=_FLAPS),)
    ),
    Case(
        "a dependency that is down", faults=(_fault("BadRelease", badRelease={"mode": "Errors", "afterSeconds": 20}),)
    ),
    Case("errors under load alone", acts={"cpu-per-request": "80m"}),
    Case(
        "crashes on one node alone",
        faults=(
            _fault(
                "CrashLoop",
                target={"pods": {"images": [NEW], "nodes": ["node-01"]}},
                crashLoop={"afterSeconds": 3, "exitCode": 1},
            ),
        ),
    ),
)

GOOD: tuple[Case, ...] = (
    Case("nothing special"),
    Case("a minute to start", acts={"ready-seconds": "60"}),
    Case("100 seconds to start", spec={"probes": {"startup": {}}}, acts={"ready-seconds": "100"}),
    Case("more pods as well", spec={"replicas": 7}),
    Case("fewer pods as well", spec={"replicas": 3}),
    Case("a peak of traffic meanwhile", around={"requests-per-second": "bursty 60..240 every=3m for=1m"}),
    Case("traffic that doubles", around={"requests-per-second": "0s:60 400s:60 460s:120"}),
    Case("a little slower", acts={"latency": "25ms"}),
    Case("uses more memory", acts={"memory": "64Mi"}),
    Case("uses more CPU", acts={"cpu-per-request": "7m"}),
    Case("errors within the budget", around={"error-rate": "0.05%"}),
    Case("errors that the old pods have, too", around={"error-rate": "2%"}),
    Case("slow as the old pods are", around={"latency": "180ms"}),
    Case("hardly any traffic", around={"requests-per-second": "200m"}),
    Case("no traffic at all", around={"requests-per-second": "0"}),
    Case("a crash once", later=(30.0, _fault("ContainerCrash", target={"pods": {"images": [NEW]}, "count": 1}))),
    Case(
        "a registry that is away for a while",
        faults=(_fault("ImagePullFailure", imagePullFailure={"reason": "Timeout"}, schedule={"durationSeconds": 60}),),
    ),
    Case("a Secret that comes late", spec=_FROM_SECRET, later=(15.0, _secret("late"))),
    Case(
        "a node that dies meanwhile",
        faults=(_fault("NodeDown", target={"nodes": {"names": ["node-02"]}}, schedule={"startAfterSeconds": 60}),),
    ),
    Case(
        "an API server that is slow and refuses",
        faults=(
            _fault(
                "ApiError",
                target={"clients": {"userAgents": ["kubewright*"]}, "percent": 20},
                apiError={"code": 503},
                schedule={"durationSeconds": 300},
            ),
        ),
    ),
)
