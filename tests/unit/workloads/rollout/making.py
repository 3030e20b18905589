"""Short ways to say which pods, measurements and moments a case is about."""

import math

import msgspec

from kubewright.api.core import Pod
from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.appservice.rolloutstatus import RolloutStatus
from kubewright.api.meta import ObjectKey, rfc3339
from kubewright.series.protocol import Missing, Sample, Signal, Vector, Why
from kubewright.series.windows import Total
from kubewright.workloads.rollout.decide import Sight
from kubewright.workloads.rollout.fleet import Fleet
from kubewright.workloads.rollout.readings import WINDOWS, Served

NOW = 1_900_000_000.0
NEW, OLD = "new", "old"


def app(strategy="canary", *, replicas=4, slo=None, annotations=None, **rollout):
    spec = {
        "image": "web:2",
        "replicas": replicas,
        "ports": [{"port": 80}],
        "rollout": {"strategy": strategy, **rollout},
        **({"slo": slo} if slo else {}),
    }
    metadata = {"name": "web", "namespace": "shop", "annotations": annotations or {}}
    return msgspec.convert({"metadata": metadata, "spec": spec}, AppService)


def state(phase, *, age=0.0, release=NEW, stable=OLD, **fields):
    return RolloutStatus(phase, release, stable, since=rfc3339(NOW - age), **fields)


def fleet(release, *, wanted=4, ready=4, complete=None, **fields):
    return Fleet(release, wanted, ready, ready == wanted if complete is None else complete, **fields)


def sight(wanted=NEW, main=None, trial=None, *, well=None, **fields):
    since = None if well is None else NOW - well
    return Sight(wanted, main or fleet(OLD), trial, well_since=since, **fields)


def pod(
    name="web-1",
    *,
    age=100.0,
    status=None,
    waiting="",
    said="said",
    restarts=0,
    ended=None,
    conditions=None,
    started=90.0,
):
    running = {} if waiting else {"running": {"startedAt": rfc3339(NOW - started)}}
    container = {
        "name": "app",
        "ready": not waiting,
        "restartCount": restarts,
        "state": {"waiting": {"reason": waiting, "message": said}} if waiting else running,
        "lastState": {"terminated": ended} if ended else {},
    }
    known = {"Ready": ("True", 80.0), "ContainersReady": ("True", 80.0), "PodScheduled": ("True", age)} | (
        conditions or {}
    )
    found = [
        {"type": kind, "status": value, "lastTransitionTime": rfc3339(NOW - since), "message": "said"}
        for kind, (value, since) in known.items()
    ]
    document = {
        "metadata": {"name": name, "namespace": "shop", "creationTimestamp": rfc3339(NOW - age)},
        "status": {"phase": "Running", "conditions": found, "containerStatuses": [container]},
    }
    return msgspec.convert(document, Pod)


def serving(rate, errors=0.0, *, seconds=60.0, slow=0.0, bound=0.1):
    """Pods that take so many requests a second, of which shares fail and are slower than the bound."""
    if rate is None:
        nothing = Missing(Why.NO_DATA)
        return Served(seconds, nothing, nothing, nothing)
    buckets = ((bound, rate * (1 - slow)), (10 * bound, rate), (math.inf, rate))
    return Served(seconds, Total(rate, 1), Total(rate * errors, 1), buckets)


def answers(rates, *, errors=None):
    """What a source says of pods, by their names: requests a second, and how many of them fail."""

    def vector(values):
        samples = [
            Sample({"namespace": "shop", "pod": name}, value, NOW)
            for name, value in values.items()
            if value is not None
        ]
        return Vector(tuple(samples)) if samples else Missing(Why.NO_DATA, "no pods")

    found = {Signal.REQUESTS: vector(rates), Signal.ERRORS: vector(errors or {}), Signal.LATENCY: Missing(Why.NO_DATA)}
    return {(signal, window): answer for signal, answer in found.items() for window in WINDOWS}


KEY = ObjectKey("shop", "web")
