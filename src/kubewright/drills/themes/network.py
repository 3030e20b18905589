"""Drills of the ways between pods."""

from __future__ import annotations

from kubewright.drills.drill import Drill, Step
from kubewright.drills.making import WRONG_PORT, broken, readdressed, serves
from kubewright.drills.usual import API, WEB, named

_SERVICE = ("Service/drill/web",)


def _policy(name: str, **spec: object) -> Step:
    return Step("create", named("networking.k8s.io/v1", "NetworkPolicy", name, spec=spec))


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
    ),
    Drill(
        "dns-fails",
        "an application's names are not resolved",
        (broken("DnsFailure", {"pods": {"namespaces": ["drill"]}}, dnsFailure={"percent": 100}),),
        serves(WEB),
        ("DnsFailure",),
        touches=("Pod/kube-system/*", "Deployment/kube-system/*"),
        person=True,
    ),
    Drill(
        "pods-cut-off",
        "an application's pods are reached by nobody",
        (broken("NetworkPartition", {"pods": {"labelSelector": {"matchLabels": {"app": API}}}}),),
        serves(API),
        ("NetworkPartition", "Unreachable"),
        touches=("Pod/drill/api-*",),
        person=True,
    ),
)
