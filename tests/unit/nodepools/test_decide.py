"""Which nodes are spared, which are added, and what stands in the way."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kubewright.api.core import TYPE_LABEL, Pod
from kubewright.api.crds.nodepool import NodePool, problems
from kubewright.api.meta import OwnerReference
from kubewright.api.policy import PodDisruptionBudget
from kubewright.disruption.budget import Allowance
from kubewright.nodepools.allowed import nodes_at_once
from kubewright.nodepools.costs import move_cost, obstacle
from kubewright.nodepools.decide import decide, deciding_in_steps
from kubewright.nodepools.preview import preview
from kubewright.nodepools.seen import Memory, Seen
from kubewright.placement.snapshot import ClusterSnapshot
from tests.unit.placement import build

NOW = 1_900_000_000.0
TYPES = [
    {"name": "small", "price": "0.1", "allocatable": {"cpu": "2", "memory": "8Gi"}},
    {"name": "large", "price": "0.36", "allocatable": {"cpu": "8", "memory": "32Gi"}, "zones": ["a", "b"]},
]
HELD = {"karpenter.sh/do-not-disrupt": "true"}
OWNER = OwnerReference("apps/v1", "ReplicaSet", "r", "r", controller=True)


def pool(consolidation=None, **spec):
    rules = {"afterSeconds": 0, "budgets": [{"nodes": "100%"}]} | (consolidation or {})
    whole = {"nodeSelector": {"pool": "web"}, "types": TYPES, "max": 50, "consolidation": rules} | spec
    return msgspec.convert({"metadata": {"name": "web"}, "spec": whole}, NodePool)


def node(name, kind="large", **options):
    cpu, memory = {"small": ("2", "8Gi"), "large": ("8", "32Gi")}[kind]
    return build.node(name, cpu=cpu, memory=memory, labels={"pool": "web", TYPE_LABEL: kind}, **options)


def pod(name, on="", cpu="1", owner=OWNER, notes=None, **spec):
    made = build.pod(name, on=on, requests={"cpu": cpu}, **spec)
    owners = (owner,) if owner is not None else ()
    return replace(
        made, metadata=replace(made.metadata, owner_references=owners, annotations=notes or {}, labels={"app": "web"})
    )


def seen(nodes, pods, rules=None, budgets=()):
    waiting = tuple(each for each in pods if not each.spec.node_name)
    return Seen((rules or pool(),), ClusterSnapshot.of(nodes, pods), waiting, tuple(budgets))


def begun(found):
    return sorted(each.node.metadata.name for each in found.begun)


def launched(found):
    return sorted(str(each.offer) for each in found.launches)


def budget(allowed):
    document = {
        "metadata": {"name": "b", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}},
    }
    return msgspec.convert({**document, "status": {"disruptionsAllowed": allowed}}, PodDisruptionBudget)


def test_what_fits_on_fewer_nodes_leaves_the_others():
    nodes = [node(name) for name in "abcd"]
    pods = [pod(f"p{name}", on=name, cpu="2") for name in "abcd"]
    assert len(begun(decide(seen(nodes, pods), Memory(), NOW))) == 3


def test_nobody_moves_whose_move_costs_more_than_his_node_saves():
    nodes, pods = [node("a"), node("b")], [pod("pa", on="a"), pod("pb", on="b")]
    dear = pool({"moveCost": "2", "paybackHours": 1})
    assert begun(decide(seen(nodes, pods, dear), Memory(), NOW)) == []


def test_a_pool_never_goes_below_its_minimum_nor_over_its_budget():
    nodes = [node(name) for name in "abcd"]
    assert len(begun(decide(seen(nodes, [], pool(min=3)), Memory(), NOW))) == 1
    assert len(begun(decide(seen(nodes, [], pool({"budgets": [{"nodes": "2"}]})), Memory(), NOW))) == 2


def test_time_runs_before_a_node_goes_and_starts_anew_when_somebody_waits():
    nodes, rules = [node("a"), node("b")], pool({"afterSeconds": 300})
    first = decide(seen(nodes, [], rules), Memory(), NOW)
    pods = [pod("wide", cpu="64"), *(pod(name, cpu="8") for name in "wxy")]
    waiting = decide(seen(nodes, pods, rules), first.memory, NOW + 100)
    assert (begun(first), begun(waiting)) == ([], [])
    assert waiting.memory.spare_since == {}
    assert len(begun(decide(seen(nodes, [], rules), first.memory, NOW + 400))) == 2


@pytest.mark.parametrize(
    ("movers", "budgets", "words"),
    [
        pytest.param([pod("p", owner=None)], [], "made anew by nobody", id="a pod without a controller"),
        pytest.param(
            [pod("p", notes={"karpenter.sh/do-not-disrupt": "true"})], [], "not to be disrupted", id="annotated"
        ),
        pytest.param([pod("p")], [budget(0)], "disruption budget", id="a budget that is used up"),
        pytest.param([pod("p")], [budget(1), budget(1)], "disruption budget", id="two budgets"),
        pytest.param([pod("p"), pod("q")], [budget(1)], "", id="one after the other will do"),
    ],
)
def test_what_keeps_a_node(movers, budgets, words):
    said = obstacle(node("a"), movers, Allowance(budgets, 1))
    assert words in said
    assert bool(words) == bool(said)


def test_what_is_important_costs_more_and_a_job_loses_its_work():
    plain, vital = pod("p"), pod("v", priority=2**30)
    job = replace(pod("j", cpu="4", owner=OwnerReference("batch/v1", "Job", "j", "j", controller=True)))
    job = replace(job, status=replace(job.status, start_time="2030-03-17T15:46:40Z"))
    at = 1_900_000_000.0 + 2 * 3600
    assert move_cost(plain, node("a"), 0.36, 0.01, at) == pytest.approx(0.01)
    assert move_cost(vital, node("a"), 0.36, 0.01, at) == pytest.approx(0.1)
    assert move_cost(job, node("a"), 0.36, 0.01, at) > 0.01


def test_whole_nodes_are_filled_by_price_and_a_rest_gets_a_small_one():
    pods = [pod(f"p{number:02}") for number in range(18)]
    assert launched(decide(seen([], pods), Memory(), NOW)) == ["large in a", "large in a", "small"]


def test_zones_that_pods_ask_for_are_where_nodes_come():
    pods = [pod("p", node_selector={"topology.kubernetes.io/zone": "b"})]
    assert launched(decide(seen([], pods), Memory(), NOW)) == ["large in b"]


def test_a_pool_has_no_more_nodes_than_it_may():
    found = decide(seen([], [pod(f"p{number:02}", cpu="8") for number in range(9)], pool(max=3)), Memory(), NOW)
    assert len(found.launches) == 3
    assert len(found.limited) == 6


def test_a_budget_of_hours_holds_in_its_hours():
    budgets = pool(
        {"budgets": [{"nodes": "0", "schedule": "0 8 * * *", "durationMinutes": 60}]}
    ).spec.consolidation.budgets
    eight = NOW - NOW % 86_400 + 8 * 3600
    assert [nodes_at_once(budgets, 10, eight + seconds) for seconds in (-1, 1, 3500, 3700)] == [10, 0, 0, 10]
    assert nodes_at_once((), 3, NOW) == 1


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"min": 9, "max": 3}, "spec.min"),
        ({"types": [{"name": "x", "price": "dear", "allocatable": {"cpu": 1, "memory": 1}}]}, "spec.types[0].price"),
        ({"types": [{"name": "x", "price": 0, "allocatable": {"cpu": 1, "memory": 1}}]}, "costs something"),
        ({"types": [{"name": "x", "price": 1, "allocatable": {"cpu": 1}}]}, "cpu and memory"),
        ({"headroom": [{"count": 1, "requests": {"cpu": "-1"}}]}, "spec.headroom[0]"),
        ({"consolidation": {"budgets": [{"nodes": "5", "schedule": "0 8 * * *"}]}}, "belong together"),
    ],
)
def test_what_a_pool_cannot_mean_is_said_at_its_field(spec, words):
    assert any(words in each for each in problems(pool(**spec)))


def test_what_is_said_as_it_would_be_by_itself_is_nothing_wrong():
    spec = {
        "headroom": [{"count": 1, "requests": {"cpu": "1"}}],
        "taints": [{"key": "team", "effect": "NoSchedule"}],
        "consolidation": {"budgets": [{"nodes": "10%"}], "mode": "WhenWorthIt", "afterSeconds": 300},
    }
    assert problems(pool(**spec)) == ()


def test_what_could_be_spared_is_shown_with_what_cannot():
    nodes, pods = [node("a"), node("b"), node("c")], [pod("p", on="a"), pod("q", on="b", owner=None)]
    (shown,) = preview(seen(nodes, pods), NOW)
    text = "\n".join(shown.lines())
    assert "node/c could go" in text
    assert "node/b stays: pod default/q is made anew by nobody" in text
    assert "pod/p of default -> b" in text
    told = shown.document()
    assert [each["name"] for each in told["nodes"]] == [each.name for each in shown.spared.nodes]
    assert {"namespace": "default", "pod": "p", "from": "a", "to": "b"} in told["moves"]
    assert "made anew by nobody" in told["stay"]["b"]
    assert told["saves"] == shown.spared.price > 0
    assert json.loads(json.dumps(told)) == told


SIZES = st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["500m", "1", "2", "4"])), max_size=24)


@given(sizes=SIZES, least=st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_nobody_loses_its_place_by_what_is_spared(sizes, least):
    """Whatever is spared: all pods fit on the nodes that stay, together, and the pool keeps its minimum."""
    nodes = [node(f"n{number}") for number in range(6)]
    free = dict.fromkeys(range(6), 8.0)
    pods: list[Pod] = []
    for number, (where, cpu) in enumerate(sizes):
        amount = 0.5 if cpu == "500m" else float(cpu)
        if free[where] >= amount:
            free[where] -= amount
            pods.append(pod(f"p{number:02}", on=f"n{where}", cpu=cpu))
    (shown,) = preview(seen(nodes, pods, pool(min=least)), NOW)
    gone = {each.name for each in shown.spared.nodes}
    where = {each.key: each.spec.node_name for each in pods} | {move.pod: move.target for move in shown.spared.moves}
    assert len(gone) <= 6 - least
    assert not gone & set(where.values())
    for each in nodes:
        taken = [one for one in pods if where[one.key] == each.metadata.name]
        amounts = [str(one.spec.containers[0].resources.requests["cpu"]) for one in taken]
        assert sum(0.5 if text == "500m" else float(text) for text in amounts) <= 8


def test_a_round_in_steps_decides_the_same_while_the_cluster_goes_on_beside_its_fork():
    nodes = [node(f"n{number}") for number in range(6)]
    pods = [pod(f"p{number}", on=f"n{number % 6}", cpu="1") for number in range(12)]
    whole = decide(seen(nodes, pods), Memory(), NOW)
    cluster = ClusterSnapshot.of(nodes, pods)
    steps = deciding_in_steps(Seen((pool(),), cluster.fork(), ()), Memory(), NOW)
    for number in range(1000):
        try:
            next(steps)
        except StopIteration as done:
            found = done.value
            break
        cluster.book(pod(f"late{number}", on=f"n{number % 6}", cpu="1"))
    assert number > 1
    assert begun(found) == begun(whole) != []
