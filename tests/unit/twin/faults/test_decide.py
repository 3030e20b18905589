"""What is in force, from faults and a cluster."""

from typing import get_args

import msgspec
import pytest

from kubewright.twin.faults.decide import Cluster, decide
from kubewright.twin.faults.fault import FaultSpec
from kubewright.twin.faults.types import TYPES, FaultType, parameter_field
from tests.unit.twin.faults.build import NOW, fault, node, pod

NODES = tuple(node(f"n{number}", zone="ab"[number % 2]) for number in range(10))
PODS = (
    *(pod(f"web-{number}", app="web") for number in range(10)),
    pod("db-0", namespace="data", image="shop/db:2", app="db"),
)
CLUSTER = Cluster(NODES, PODS)


def test_every_type_stands_in_the_table_with_its_parameters():
    assert set(get_args(FaultType)) == set(TYPES)
    fields = {field.encode_name for field in msgspec.structs.fields(FaultSpec)}
    own = {parameter_field(name) for name, takes in TYPES.items() if takes.parameters != "none"}
    assert fields - own == {"type", "target", "schedule", "seed"}
    assert own <= fields


def test_without_faults_nothing_is_in_force_and_nothing_is_due():
    verdict = decide([], CLUSTER, NOW)
    assert (verdict.in_force.active, verdict.states, verdict.next_at) == ((), (), None)


@pytest.mark.parametrize(
    ("target", "hit"),
    [
        ({"nodes": {}}, tuple(f"n{number}" for number in range(10))),
        ({"nodes": {"names": ["n[12]"]}}, ("n1", "n2")),
        ({"nodes": {"labelSelector": {"matchLabels": {"zone": "b"}}}}, ("n1", "n3", "n5", "n7", "n9")),
        ({"nodes": {"names": ["n1", "n2"], "labelSelector": {"matchLabels": {"zone": "a"}}}}, ("n2",)),
        ({"nodes": {"names": ["m*"]}}, ()),
    ],
    ids=["all", "by pattern", "by label", "by both", "none"],
)
def test_nodes_are_chosen_by_all_that_is_asked(target, hit):
    verdict = decide([fault(type="NodeDown", target=target)], CLUSTER, NOW)
    assert verdict.states[0].hit == hit
    assert tuple(verdict.in_force.on_nodes) == hit


@pytest.mark.parametrize(
    ("pods", "hit"),
    [
        ({"namespaces": ["data"]}, ["data/db-0"]),
        ({"images": ["shop/db:*"]}, ["data/db-0"]),
        (
            {"labelSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}},
            ["data/db-0"],
        ),
        ({"names": ["web-3"]}, ["default/web-3"]),
        ({"nodes": ["n1"]}, []),
    ],
    ids=["by namespace", "by image", "by expression", "by name", "by node"],
)
def test_pods_are_chosen_by_all_that_is_asked(pods, hit):
    verdict = decide([fault(type="CrashLoop", target={"pods": pods})], CLUSTER, NOW)
    assert list(verdict.states[0].hit) == hit
    assert [str(each.key) for each in PODS if verdict.in_force.on_pod(each)] == hit


def chosen(seed=0, name="f", pods=PODS, **share):
    spec = {"type": "CrashLoop", "target": {"pods": {}, **share}, "seed": seed}
    return decide([fault(name, **spec)], Cluster(NODES, pods), NOW).states[0].hit


def test_a_share_is_exact_and_follows_from_seed_and_name():
    assert len(chosen(percent=50)) == 6
    assert len(chosen(percent=1)) == 1
    assert len(chosen(count=3)) == 3
    assert len(chosen(count=99)) == len(PODS)
    assert chosen(count=3) == chosen(count=3)
    assert len({chosen(seed, count=3) for seed in range(5)}) > 1
    assert len({chosen(name=name, count=3) for name in "abcde"}) > 1


def test_when_one_that_is_hit_goes_the_others_stay_hit_and_another_takes_its_place():
    before = chosen(count=3)
    remaining = tuple(each for each in PODS if str(each.key) != before[0])
    after = chosen(count=3, pods=remaining)
    assert len(after) == 3
    assert set(before[1:]) < set(after)


def test_a_pod_that_has_just_come_is_hit_before_anybody_decides_again_unless_a_few_are_chosen():
    every, few = (
        decide([fault(type="CrashLoop", target={"pods": {"names": ["web-*"]}, **share})], CLUSTER, NOW).in_force
        for share in ({}, {"count": 99})
    )
    assert every.on_pod(pod("web-77"))
    assert not few.on_pod(pod("web-77"))


def test_finished_pods_are_not_hit():
    done = msgspec.structs.replace(PODS[0], status=msgspec.structs.replace(PODS[0].status, phase="Failed"))
    assert chosen(pods=(done,)) == ()


def test_the_next_deadline_is_the_earliest_of_all_faults():
    soon = fault("a", type="Compaction", schedule={"startAfterSeconds": 20})
    later = fault("b", type="Compaction", schedule={"durationSeconds": 100, "periodSeconds": 1000})
    assert decide([later, soon], CLUSTER, NOW).next_at == NOW + 20
    assert decide([later], CLUSTER, NOW).next_at == NOW + 100
    assert decide([later], CLUSTER, NOW + 100).next_at == NOW + 1000
    assert [each.name for each in decide([later, soon], CLUSTER, NOW + 30).in_force.active] == ["a", "b"]


def test_a_fault_that_is_being_deleted_is_lifted_though_somebody_holds_it():
    verdict = decide([fault(type="NodeDown", target={"nodes": {}}, going=True)], CLUSTER, NOW)
    assert verdict.in_force.active == ()
    assert verdict.states[0].window.phase == "Over"


def test_an_edited_fault_is_another():
    first, second = (
        decide([fault(type="Compaction", generation=number)], CLUSTER, NOW).in_force.active[0] for number in (1, 2)
    )
    assert first.key != second.key
