"""What a GPUPolicy asks of the nodes of its pool."""

import json

from msgspec.structs import replace

from kubewright.api.core import CONFIG_MAPS, NODES
from kubewright.api.crds.gpupolicy import GPU_POLICIES, GPUPolicy, GPUPolicySpec, MigProfile
from kubewright.api.meta import ObjectMeta
from kubewright.devices.requests import GPU, PRODUCT
from kubewright.gpu.configs import LAYOUT, MIG_LABEL, PLUGIN_LABEL, STATE_LABEL, layout_name, read_layout, write_layout
from kubewright.gpu.decide import Pool, decide
from tests.unit.placement.build import node, pod

POOL = {"pool": "train"}
ONE, THREE = "1g.5gb", "3g.20gb"
SMALL, LARGE = f"nvidia.com/mig-{ONE}", f"nvidia.com/mig-{THREE}"


def policy(name="p", *, selector=POOL, **spec):
    return GPUPolicy(metadata=ObjectMeta(name=name, generation=1), spec=GPUPolicySpec(node_selector=selector, **spec))


def mig(*profiles, **spec):
    return policy(mode="MIG", profiles=tuple(MigProfile(*each) for each in profiles), **spec)


def gpu_node(name, *, gpus=1, product="NVIDIA-A100-SXM4-40GB", layout=None, state="", follows=None):
    labels = {**POOL, PRODUCT: product, "nvidia.com/gpu.count": str(gpus)}
    made = node(name, labels=labels)
    if layout is None:
        return made
    labels = {**made.metadata.labels, MIG_LABEL: layout_name(layout), STATE_LABEL: state}
    if follows:
        labels[PLUGIN_LABEL] = follows
    return replace(made, metadata=replace(made.metadata, labels=labels, annotations={LAYOUT: write_layout(layout)}))


def planned(policy, nodes, pods=(), others=()):
    return decide(policy, Pool.of(policy, [policy, *others], nodes, pods), 0.0)


def written(plan, resource):
    return {each.key.name: each.manifest for each in plan.actions if each.resource is resource and not each.subresource}


def layouts(plan):
    found = written(plan, NODES)
    return {
        name: read_layout(each["metadata"]["annotations"][LAYOUT])
        for name, each in found.items()
        if "annotations" in each["metadata"]
    }


def condition(plan):
    (status,) = (each.manifest["status"] for each in plan.actions if each.resource is GPU_POLICIES)
    (ready,) = status["conditions"]
    return ready["status"], ready["reason"], ready["message"]


def user(name, resource, count=1, on="", phase="Pending"):
    return pod(name, on=on, phase=phase, requests={resource: str(count)})


def test_time_slices_are_a_file_of_the_device_plugin_and_a_label_that_chooses_it():
    plan = planned(policy(mode="TimeSlicing", replicas=8), [gpu_node("a")])
    (file,) = written(plan, CONFIG_MAPS).values()
    sharing = json.loads(file["data"]["p"])["sharing"]["timeSlicing"]
    assert sharing["resources"] == [{"name": GPU, "replicas": 8}]
    assert written(plan, NODES)["a"]["metadata"]["labels"] == {PLUGIN_LABEL: "p"}
    assert condition(plan)[:2] == ("True", "Following")


def test_nodes_get_the_partitions_that_the_policy_begins_with():
    plan = planned(mig((THREE, 1), (ONE, 2)), [gpu_node("a", gpus=2)])
    wanted = [{THREE: 1, ONE: 2}] * 2
    assert layouts(plan) == {"a": wanted}
    text = written(plan, CONFIG_MAPS)["kubewright-mig-p"]["data"]["config.yaml"]
    assert json.loads(text)["mig-configs"][layout_name(wanted)][1] == {
        "devices": [1],
        "mig-enabled": True,
        "mig-devices": {ONE: 2, THREE: 1},
    }


def test_where_all_is_as_it_should_be_nodes_are_left_alone():
    settled = gpu_node("a", layout=[{ONE: 7}], state="success", follows="p")
    assert not written(planned(mig((ONE, 7)), [settled]), NODES)


def test_a_busy_node_is_not_touched_and_the_condition_says_so():
    busy = gpu_node("a", layout=[{ONE: 7}], state="success", follows="p")
    plan = planned(mig((THREE, 2)), [busy], [user("x", SMALL, on="a", phase="Running")])
    assert not written(plan, NODES)
    assert condition(plan) == ("False", "Busy", "a will follow when no pod uses their GPUs")


def test_an_idle_node_is_partitioned_anew_for_pods_that_wait_and_only_as_many_as_needed():
    idle = [gpu_node(name, layout=[{ONE: 7}], state="success", follows="p") for name in "ab"]
    rules = mig((ONE, 7), (THREE, 0), repartition=True)
    plan = planned(rules, idle, [user("x", LARGE), user("y", LARGE)])
    assert layouts(plan) == {"a": [{THREE: 2}]}


def test_what_an_idle_node_has_of_use_is_kept_when_it_is_partitioned_anew():
    idle = gpu_node("a", layout=[{ONE: 7}], state="success", follows="p")
    plan = planned(mig((ONE, 7), (THREE, 0), repartition=True), [idle], [user("x", LARGE), user("y", SMALL, 3)])
    (layout,) = layouts(plan)["a"]
    assert layout[THREE] == 1
    assert layout[ONE] >= 3


def test_instances_that_are_free_serve_waiting_pods_without_a_change():
    idle = gpu_node("a", layout=[{ONE: 7}], state="success", follows="p")
    assert not written(planned(mig((ONE, 7), (THREE, 0), repartition=True), [idle], [user("x", SMALL, 7)]), NODES)


def test_nobody_is_partitioned_for_what_the_policy_does_not_allow():
    idle = gpu_node("a", layout=[{ONE: 7}], state="success", follows="p")
    assert not written(planned(mig((ONE, 7), repartition=True), [idle], [user("x", LARGE)]), NODES)


def test_a_failed_partitioning_is_told_and_not_tried_again():
    failed = gpu_node("a", layout=[{ONE: 7}], state="failed", follows="p")
    plan = planned(mig((ONE, 7), (THREE, 0), repartition=True), [failed], [user("x", LARGE)])
    assert not written(plan, NODES)
    assert condition(plan) == ("False", "PartitioningFailed", "MIG manager failed on a; see its log there")


def test_partitioning_under_way_is_waited_for():
    pending = gpu_node("a", layout=[{ONE: 7}], state="pending", follows="p")
    assert condition(planned(mig((ONE, 7)), [pending]))[1:] == ("Partitioning", "waiting for a")


def test_a_policy_that_no_gpu_can_follow_says_why_and_writes_nothing():
    for rules, nodes, why in (
        (mig((ONE, 1)), [gpu_node("a", product="Tesla-T4")], "Tesla-T4 has no MIG"),
        (mig(("1g.6gb", 1)), [gpu_node("a")], "A100-40GB has no profile 1g.6gb"),
        (mig((THREE, 2), (ONE, 1)), [gpu_node("a")], "the profiles do not fit together on one A100-40GB"),
    ):
        plan = planned(rules, nodes)
        assert len(plan.actions) == 1
        assert condition(plan) == ("False", "NoGPUCanFollow", why)


def test_nodes_that_can_follow_do_and_those_that_cannot_are_told_of():
    plan = planned(mig((ONE, 7)), [gpu_node("a"), gpu_node("b", product="Tesla-T4")])
    assert set(written(plan, NODES)) == {"a"}
    assert condition(plan)[2] == "1 of 2 nodes do as it says; Tesla-T4 has no MIG"


def test_a_node_of_two_policies_follows_the_first_by_name():
    first, second = policy("a"), policy("b")
    assert written(planned(first, [gpu_node("n")], others=[second]), NODES)
    assert condition(planned(second, [gpu_node("n")], others=[first]))[1] == "NoNodes"


def test_nodes_that_lie_about_themselves_break_nothing():
    odd = gpu_node("a", layout=[{ONE: 7}])
    for text in ("[", "{}", "[1]", '[{"1g.5gb": "x"}]', "[" * 100_000):
        lying = replace(odd, metadata=replace(odd.metadata, annotations={LAYOUT: text}))
        assert layouts(planned(mig((ONE, 7)), [lying]))["a"] == [{ONE: 7}]
    many = gpu_node("a", gpus="x")
    assert condition(planned(mig((ONE, 7)), [many]))[1] == "NoNodes"
