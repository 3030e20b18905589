"""The report of what workloads should request, and whose a pod is."""

import msgspec
import pytest

from kubewright.api.core import Node, Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.workload import Workload, workload_named, workload_of
from kubewright.scaling.sizing import BYTES, CORES, DAY_SECONDS
from kubewright.series.protocol import CONTAINER, Sample, Series, Vector
from kubewright.sizing.book import Book
from kubewright.sizing.gpus import Gpus, GpuUse
from kubewright.sizing.report import reports

NOW = 1_800_000_000.0
WEB = Workload("default", "Deployment", "web")


def series(name, value):
    labels = {"namespace": "default", "pod": name, CONTAINER: "main"}
    points = tuple((NOW - n * 300, value) for n in range(int(8 * DAY_SECONDS / 300), -1, -1))
    return Series(labels, points)


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        pytest.param("web-7d9f8c6b5-x2x4z", WEB, WEB, id="a Deployment's"),
        pytest.param(
            "db-12", Workload("default", "StatefulSet", "db"), Workload("default", "StatefulSet", "db"), id="a set's"
        ),
        pytest.param(
            "log-x2x4z", Workload("default", "DaemonSet", "log"), Workload("default", "DaemonSet", "log"), id="a daemon"
        ),
        pytest.param("other-7d9f8c6b5-x2x4z", WEB, None, id="another's"),
        pytest.param("web", WEB, None, id="a namesake"),
    ],
)
def test_a_pod_that_is_gone_is_known_by_its_name(name, known, found):
    assert workload_named(ObjectKey("default", name), {known}) == found


def web(name, owner="web-7d9f8c6b5"):
    labels = {"pod-template-hash": "7d9f8c6b5"}
    owners = [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": "u", "controller": True}]
    metadata = {"name": name, "namespace": "default", "uid": name, "labels": labels, "ownerReferences": owners}
    resources = {"requests": {"cpu": "1", "memory": "1Gi"}}
    spec = {"containers": [{"name": "main", "resources": resources}, {"name": "aside"}]}
    return msgspec.convert({"metadata": metadata, "spec": spec, "status": {"phase": "Running"}}, Pod)


def test_a_workload_is_reported_with_what_it_would_save_and_what_is_not_known():
    pods = {each.key: each for each in (web("web-7d9f8c6b5-aaaaa"), web("web-7d9f8c6b5-bbbbb"))}
    book = Book(pods.get)
    assert {workload_of(each) for each in pods.values()} == {WEB}
    gone = series("web-66666666-ccccc", 0.3)
    book.take_history(CORES, [gone, series("stranger", 5.0)], {WEB: NOW}, 300.0)
    labels = {"namespace": "default", "pod": "web-7d9f8c6b5-aaaaa", CONTAINER: "main"}
    book.take(CORES, Vector((Sample(labels, 0.3, NOW),)), 60.0)
    [report] = reports(pods.values(), book, NOW)
    assert (report.workload, report.pods) == (WEB, 2)
    cpu, memory, *aside = report.advice
    assert (cpu.requested, cpu.days, cpu.why) == ("1", "8.0", "")
    assert report.saves_cpu == "1302m"
    assert (memory.target, memory.why) == ("", "nothing was measured")
    assert all("class of service" in each.why for each in aside)
    assert report.saves_memory == "0"


def bare(name, gpus="1", phase="Running"):
    container = {"name": "main", "resources": {"limits": {"nvidia.com/gpu": gpus} if gpus else {}}}
    metadata, spec = {"name": name, "namespace": "lab"}, {"nodeName": "n", "containers": [container]}
    return msgspec.convert({"metadata": metadata, "spec": spec, "status": {"phase": phase}}, Pod)


def test_a_pod_by_itself_is_told_what_would_have_sufficed_of_its_gpu_and_nothing_else():
    notebook = bare("notebook")
    known = Gpus(
        {"n": msgspec.convert({"metadata": {"name": "n", "labels": {"nvidia.com/gpu.memory": "81920"}}}, Node)},
        {notebook.key: GpuUse(0.2, 8 * (1 << 30), DAY_SECONDS)},
    )
    pods = [web("web-7d9f8c6b5-aaaaa"), notebook, bare("plain", gpus=""), bare("done", phase="Succeeded")]
    deployed, alone = reports(pods, Book({each.key: each for each in pods}.get), NOW, known)
    assert deployed.workload == WEB
    assert (alone.workload, alone.pods, alone.advice) == (Workload("lab", "Pod", "notebook"), 1, ())
    assert (alone.gpus[0].share_percent, alone.saves_gpus) == (23, 0.77)


def test_a_kill_counts_once_and_what_is_in_use_is_known_for_minutes():
    pod = web("web-7d9f8c6b5-aaaaa")
    ended = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2027-01-15T08:00:00Z"}}
    killed = {**msgspec.to_builtins(pod), "status": {"containerStatuses": [{"name": "main", "lastState": ended}]}}
    book = Book({pod.key: pod}.get)
    labels = {"namespace": "default", "pod": pod.metadata.name, CONTAINER: "main"}
    book.take(BYTES, Vector(tuple(Sample(labels, 1e8, NOW - n) for n in (120, 60, 0))), 60.0)
    before = book.advise(WEB, "main", BYTES, NOW).target
    for _ in range(3):
        book.look(msgspec.convert(killed, Pod))
    once = book.advise(WEB, "main", BYTES, NOW).target
    assert before < 2e8 < 1.2 * (1 << 30) <= once < 1.5 * (1 << 30)
    assert book.holds(pod.key, "main", NOW + 60) == 1e8
    assert book.holds(pod.key, "main", NOW + 900) is None
    book.gone(pod)
    assert book.holds(pod.key, "main", NOW) is None
