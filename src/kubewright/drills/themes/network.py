"""Drills of the ways between pods."""

from __future__ import annotations

from kubewright.api.meta import Manifest
from kubewright.drills.drill import Drill, Step
from kubewright.drills.making import WRONG_PORT, broken, on_pod_of, readdressed, serves
from kubewright.drills.usual import API, DNS, WEB, deployment, named, service

_SERVICE = ("Service/drill/web",)


def _policy(name: str, **spec: object) -> Step:
    return Step("create", named("networking.k8s.io/v1", "NetworkPolicy", name, spec=spec))


def _dns() -> Manifest:
    found = deployment(DNS, 2)
    found["metadata"]["labels"] = {"k8s-app": "kube-dns"}
    return found


DRILLS = (
    Drill(
        "wrong-selector",
        "a Service is changed to choose pods that are not there",
        (readdressed(WEB, selector={"app": "webb"}),),
        serves(WEB),
        ("WrongSelector",),
        touches=_SERVICE,
        harmless=True,
    ),
    Drill(
        "wrong-port",
        "a Service is changed to a port where nobody listens",
        (readdressed(WEB, ports=[{"port": 80, "targetPort": WRONG_PORT}]),),
        serves(WEB),
        ("WrongPort",),
        touches=_SERVICE,
        harmless=True,
    ),
    Drill(
        "policy-blocks",
        "a NetworkPolicy lets nobody call an application",
        (_policy("closed", podSelector={"matchLabels": {"app": WEB}}, policyTypes=["Ingress"]),),
        lambda view: not view.has("NetworkPolicy", "closed"),
        ("NetworkPolicyBlocks",),
        touches=("NetworkPolicy/drill/closed",),
        harmless=True,
        person=True,
    ),
    Drill(
        "dns-fails",
        "a pod that resolves names crashes again and again",
        (on_pod_of(DNS, "CrashLoop", crashLoop={"afterSeconds": 2}),),
        serves(DNS),
        ("DnsFailure",),
        before=(_dns(), service(DNS)),
        touches=(f"Pod/drill/{DNS}-*",),
    ),
    Drill(
        "pods-cut-off",
        "an application's pods are reached by nobody",
        (broken("NetworkPartition", {"pods": {"labelSelector": {"matchLabels": {"app": API}}}}),),
        serves(API),
        ("RequestsFail",),
        touches=("Pod/drill/api-*",),
        person=True,
    ),
)
