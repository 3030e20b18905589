"""What faults do to usage and requests."""

import msgspec
import pytest

from kubewright.api.core import ContainerState, ContainerStateRunning, ContainerStatus, PodStatus
from kubewright.api.meta import rfc3339
from kubewright.api.pods import ClaimVolumeSource, Volume
from kubewright.twin.faults.decide import Cluster, decide
from kubewright.twin.faults.overlays import Layer, layers_of
from kubewright.twin.usage.profile import Overlay
from tests.unit.twin.faults.build import NOW, fault, pod

WEB, DB, OTHER = (pod(name, app=name, image=f"shop/{name}:1") for name in ("web", "db", "other"))
OF_WEB = {"pods": {"labelSelector": {"matchLabels": {"app": "web"}}}}
TO_DB = {"to": {"labelSelector": {"matchLabels": {"app": "db"}}}}


def layers(one, *faults, now=NOW):
    return layers_of(decide(faults, Cluster((), (WEB, DB, OTHER, one)), now).in_force, one, now)


@pytest.mark.parametrize(
    ("type_", "parameters", "change", "container"),
    [
        ("MemoryLeak", {"memoryLeak": {"bytesPerSecond": "1Mi"}}, Overlay(memory_bytes_per_second=2**20), "main"),
        ("CpuStress", {"cpuStress": {"cores": "500m", "container": "x"}}, Overlay(cpu_cores=0.5), "x"),
        ("BadRelease", {"badRelease": {"errorPercent": 30}}, Overlay(error_ratio=0.3), ""),
        ("DnsFailure", {"dnsFailure": {"percent": 50}}, Overlay(error_ratio=0.5), ""),
        (
            "NetworkDelay",
            {"networkDelay": {"milliseconds": 100, "jitterMilliseconds": 50}},
            Overlay(latency_seconds=0.25),
            "",
        ),
        ("NetworkLoss", {"networkLoss": {"percent": 25}}, Overlay(error_ratio=0.25), ""),
        ("NetworkPartition", {}, Overlay(error_ratio=1.0), ""),
    ],
    ids=["leak", "stress", "bad release", "names", "delay", "loss", "partition"],
)
def test_a_fault_lays_something_on_the_pods_that_it_hits(type_, parameters, change, container):
    hitting = fault(type=type_, target=OF_WEB, **parameters)
    assert layers(WEB, hitting).by_fault == {"f": Layer(change, container)}
    assert layers(OTHER, hitting).by_fault == {}


def test_both_sides_of_a_network_fault_feel_it():
    partition = fault(type="NetworkPartition", target=OF_WEB, networkPartition=TO_DB)
    assert [bool(layers(each, partition).by_fault) for each in (WEB, DB, OTHER)] == [True, True, False]


def test_what_does_not_touch_usage_lays_nothing():
    crash = fault(type="CrashLoop", target=OF_WEB)
    unready = fault("g", type="BadRelease", target=OF_WEB, badRelease={"mode": "NotReady"})
    assert layers(WEB, crash, unready).by_fault == {}


def running(one, since):
    state = ContainerState(running=ContainerStateRunning(rfc3339(since)))
    status = PodStatus(container_statuses=(ContainerStatus("main", state=state),))
    return msgspec.structs.replace(one, status=status)


def test_a_release_turns_bad_so_long_after_its_container_has_started():
    bad = fault(age=100, type="BadRelease", target=OF_WEB, badRelease={"afterSeconds": 60})
    assert layers(WEB, bad) == layers_of(decide([], Cluster(), NOW).in_force, WEB, NOW), "not running yet"
    young = layers(running(WEB, NOW - 20), bad)
    assert (young.by_fault, young.next_at) == ({}, NOW + 40)
    old = layers(running(WEB, NOW - 60), bad)
    assert (list(old.by_fault), old.next_at) == (["f"], None)


def test_pods_that_mount_a_full_volume_cannot_write():
    volume = Volume("data", persistent_volume_claim=ClaimVolumeSource("data-0"))
    mounting = msgspec.structs.replace(DB, spec=msgspec.structs.replace(DB.spec, volumes=(volume,)))
    full = fault(type="PvcFull", target={"claims": {"names": ["data-*"]}})
    assert layers(mounting, full).by_fault == {"f": Layer(Overlay(error_ratio=1.0))}
    verdict = decide([full], Cluster((), (mounting, WEB)), NOW)
    assert verdict.states[0].hit == ("default/data-0",)
    assert layers(WEB, full).by_fault == {}
