"""The arithmetic of rollouts, and a rollout played to its end whatever the numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubewright.twin.controllers.deployment.decide import decide
from kubewright.twin.controllers.deployment.rollout import (
    DESIRED,
    MAX_REPLICAS,
    Limits,
    grow_new,
    initial_size,
    rescale,
    shrink_old,
)
from kubewright.twin.controllers.writes import Create, Patch
from tests.unit.twin.controllers.build import NOW, deployment, replica_set


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        pytest.param(4, "25%", "25%", Limits(1, 1), id="quarters of four are one each"),
        pytest.param(3, "25%", "25%", Limits(1, 0), id="surge rounds up and unavailable down"),
        pytest.param(1, "0%", "25%", Limits(0, 1), id="both nothing would never move, so one may be unavailable"),
        pytest.param(10, 3, 2, Limits(3, 2), id="numbers are taken as they are"),
        pytest.param(2, 0, 5, Limits(0, 2), id="no more can be unavailable than are wanted"),
        pytest.param(0, "25%", "25%", Limits(0, 0), id="nothing wanted, nothing allowed"),
    ],
)
def test_limits(replicas, surge, unavailable, expected):
    assert Limits.of(deployment(replicas, surge=surge, unavailable=unavailable)) == expected


@pytest.mark.parametrize(
    ("wanted", "old", "size"),
    [
        pytest.param(4, [], 4, id="alone it starts with all"),
        pytest.param(4, [4], 1, id="beside a full set it gets the surge"),
        pytest.param(4, [2], 3, id="beside a half set the rest and the surge"),
        pytest.param(4, [9], 0, id="beside too many nothing"),
    ],
)
def test_a_new_set_starts_with_what_the_surge_allows(wanted, old, size):
    others = [replica_set(f"old-{number}", replicas) for number, replicas in enumerate(old)]
    assert initial_size(deployment(wanted), others) == size


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        pytest.param((1, 1), (4, 4), {}, id="it waits while the surge is used up"),
        pytest.param((1, 1), (3, 3), {"new": 2}, id="it grows by what the old ones gave"),
        pytest.param((4, 4), (0, 0), {}, id="it is done"),
        pytest.param((6, 6), (0, 0), {"new": 4}, id="it shrinks to what is wanted"),
    ],
)
def test_grow_new(new, old, expected):
    assert grow_new(deployment(4), replica_set("new", *new), [replica_set("old", *old)]) == expected


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        pytest.param((1, 0), [(4, 4)], {"old-0": 3}, id="one may be unavailable, so one goes at once"),
        pytest.param((2, 0), [(3, 3)], {}, id="then nothing goes until a new one is available"),
        pytest.param((2, 1), [(3, 3)], {"old-0": 2}, id="one available lets one go"),
        pytest.param((1, 0), [(4, 0)], {"old-0": 3}, id="unhealthy old ones go first, as far as the minimum allows"),
        pytest.param((4, 4), [(1, 1), (1, 1)], {"old-0": 0, "old-1": 0}, id="all go when all new are available"),
    ],
)
def test_shrink_old(new, old, expected):
    sets = [replica_set(f"old-{number}", *counts, age=100 - number) for number, counts in enumerate(old)]
    assert shrink_old(deployment(4), replica_set("new", *new), sets) == expected


def sized(wanted, surge=0):
    return {DESIRED: str(wanted), MAX_REPLICAS: str(wanted + surge)}


def test_in_the_middle_of_a_rollout_a_rescale_is_shared_by_size():
    old = replica_set("old", 8, notes=sized(10, 3), age=50)
    new = replica_set("new", 5, notes=sized(10, 3))
    # From 13 of 13 to 26 of 26.
    assert rescale(deployment(20, surge=6), new, [old]) == {"old": 16, "new": 10}


def test_without_a_rollout_the_one_set_gets_all():
    assert rescale(deployment(7), replica_set("new", 3, notes=sized(3)), [replica_set("old", 0)]) == {"new": 7}


@given(
    st.integers(0, 12), st.integers(0, 12), st.integers(0, 5), st.integers(0, 5), st.integers(0, 12),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_every_rollout_ends_within_its_bounds(before, wanted, surge, unavailable, healthy, rng):
    target = deployment(wanted, image="web:2", surge=surge, unavailable=unavailable)
    limits = Limits.of(target)
    sets = {"old": replica_set("old", before, min(healthy, before), image="web:1", age=99, notes=sized(wanted, surge))}
    floor = min(healthy, before, wanted - limits.unavailable)
    for _ in range(200):
        writes = decide(target, list(sets.values()), NOW).writes
        for write in writes:
            apply(write, sets)
        total = sum(each.spec.replicas for each in sets.values())
        assert total <= max(wanted + limits.surge, before)
        available = sum(min(each.status.available_replicas, each.spec.replicas) for each in sets.values())
        assert available >= floor
        become_available(sets, rng)
    assert {each.spec.template["spec"]["containers"][0]["image"]: each.spec.replicas for each in sets.values()
            if each.spec.replicas} == ({"web:2": wanted} if wanted else {})  # fmt: skip


def apply(write, sets):
    if isinstance(write, Create):
        manifest = write.manifest
        image = manifest["spec"]["template"]["spec"]["containers"][0]["image"]
        notes = manifest["metadata"]["annotations"]
        name = manifest["metadata"]["name"]
        sets[name] = replica_set(name, manifest["spec"]["replicas"], 0, image=image, notes=notes)
    elif isinstance(write, Patch) and write.resource.plural == "replicasets":
        sets[write.key.name] = changed(sets[write.key.name], write.changes)


def changed(old, changes):
    replicas = changes.get("spec", {}).get("replicas", old.spec.replicas)
    notes = {**old.metadata.annotations, **changes.get("metadata", {}).get("annotations", {})}
    available = min(old.status.available_replicas, replicas)
    image = old.spec.template["spec"]["containers"][0]["image"]
    age = 99 if old.metadata.name == "old" else 0
    return replica_set(old.metadata.name, replicas, available, image=image, age=age, notes=notes)


def become_available(sets, rng):
    for name, each in sets.items():
        if name != "old" and each.status.available_replicas < each.spec.replicas and rng.random() < 0.7:
            sets[name] = replica_set(
                name, each.spec.replicas, each.status.available_replicas + 1, image="web:2",
                notes=each.metadata.annotations,
            )  # fmt: skip
