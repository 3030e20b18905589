"""Drills of releases: what a deploy breaks."""

from __future__ import annotations

from kubewright.drills.drill import Drill
from kubewright.drills.making import WRONG_PORT, acting_release, broken, of_release, patched, released, serves
from kubewright.drills.usual import API, BAD, NOWHERE, PORT, WEB, container

_WEB = ("Deployment/drill/web", "Pod/drill/web-*", "ReplicaSet/drill/web-*")
_FROM_CONFIG = [{"name": "MODE", "valueFrom": {"configMapKeyRef": {"name": "nowhere", "key": "mode"}}}]
_FROM_SECRET = [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "nowhere", "key": "token"}}}]
_TO_NOWHERE = {"httpGet": {"path": "/", "port": WRONG_PORT}, "periodSeconds": 2, "failureThreshold": 3}
_UNSURE = {"httpGet": {"path": "/healthz", "port": PORT}, "periodSeconds": 1, "failureThreshold": 1}

DRILLS = (
    Drill(
        "release-crashes",
        "a release that crashes at its start",
        (acting_release(WEB, {"command": ["sh", "-c", "exit 1"]}, exit_after="1", exit_code="1"),),
        serves(WEB),
        ("BadRelease", "CrashLoop"),
        touches=_WEB,
        goal_seconds=60.0,
        harmless=True,
    ),
    Drill(
        "release-not-ready",
        "a release that never becomes ready",
        (acting_release(WEB, {"command": ["sleep", "infinity"]}, ready_seconds="never"),),
        serves(WEB),
        ("BadRelease", "ReleaseNotReady"),
        touches=_WEB,
        harmless=True,
    ),
    Drill(
        "release-errors",
        "a release that answers half of its requests with errors",
        (released(WEB), broken("BadRelease", of_release(WEB), badRelease={"mode": "Errors", "afterSeconds": 5})),
        serves(WEB),
        ("BadRelease",),
        touches=_WEB,
        goal_seconds=60.0,
    ),
    Drill(
        "image-not-found",
        "a release whose image does not exist",
        (acting_release(WEB, {"image": NOWHERE}, fail_pull="not found"),),
        serves(WEB),
        ("ImageNotFound",),
        touches=_WEB,
        harmless=True,
    ),
    Drill(
        "image-not-allowed",
        "a release whose image may not be pulled",
        (released(WEB), broken("ImagePullFailure", of_release(WEB), imagePullFailure={"reason": "Unauthorized"})),
        serves(WEB),
        ("ImagePullUnauthorized",),
        touches=_WEB,
    ),
    Drill(
        "registry-away",
        "no pod gets an image: the registry is away",
        (released(WEB), broken("ImagePullFailure", {"pods": {}}, imagePullFailure={"reason": "Timeout"})),
        serves(WEB),
        ("RegistryUnreachable",),
        touches=_WEB,
        person=True,
    ),
    Drill(
        "config-missing",
        "a release that names a ConfigMap that is not there",
        (released(WEB, env=_FROM_CONFIG),),
        serves(WEB),
        ("ConfigMapMissing", "MissingConfiguration"),
        touches=_WEB,
        harmless=True,
    ),
    Drill(
        "secret-missing",
        "a release that names a Secret that is not there",
        (released(WEB, env=_FROM_SECRET),),
        serves(WEB),
        ("SecretMissing", "MissingConfiguration"),
        touches=_WEB,
        harmless=True,
    ),
    Drill(
        "wrong-command",
        "a release whose command is not in its image",
        (acting_release(WEB, {"command": ["/bin/serve"]}, fail_start="exec: /bin/serve: no such file or directory"),),
        serves(WEB),
        ("WrongCommand", "BadRelease"),
        touches=_WEB,
        harmless=True,
    ),
    Drill(
        "probe-port",
        "a release whose readiness probe asks a port where nobody listens",
        (acting_release(WEB, {"readinessProbe": _TO_NOWHERE}, fail_probes="readiness"),),
        serves(WEB),
        ("WrongProbe", "BadRelease"),
        touches=_WEB,
        harmless=True,
    ),
    Drill(
        "liveness-restless",
        "a release whose liveness probe kills what is well",
        (
            released(WEB, livenessProbe=_UNSURE),
            broken("ProbeFailure", of_release(WEB), probeFailure={"probe": "Liveness"}),
        ),
        serves(WEB),
        ("WrongProbe", "LivenessTooStrict", "BadRelease"),
        touches=_WEB,
    ),
    Drill(
        "memory-too-small",
        "a release whose memory limit is too small for what it uses",
        (
            patched(
                API,
                {
                    "template": {
                        "metadata": {"annotations": {"twin.kubewright.dev/memory": "0s:32Mi 20s:160Mi"}},
                        "spec": {"containers": [container(API, image=BAD)]},
                    }
                },
            ),
        ),
        serves(API),
        ("ReleaseOutOfMemory", "OutOfMemory"),
        touches=("Deployment/drill/api", "Pod/drill/api-*", "ReplicaSet/drill/api-*"),
    ),
    Drill(
        "requests-too-large",
        "a release that asks for more than any node has",
        (released(WEB, resources={"requests": {"cpu": "500"}}),),
        serves(WEB),
        ("Unschedulable", "RequestsTooLarge"),
        touches=_WEB,
        harmless=True,
    ),
    Drill(
        "node-that-is-not",
        "a release for nodes that do not exist",
        (
            patched(
                WEB,
                {"template": {"spec": {"nodeSelector": {"disk": "fast"}, "containers": [container(WEB, image=BAD)]}}},
            ),
        ),
        serves(WEB),
        ("Unschedulable", "SelectsNoNode"),
        touches=_WEB,
        harmless=True,
    ),
)
