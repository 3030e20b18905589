"""Which pods a node takes, and why not the others."""

import msgspec
import pytest

from kubewright.api.core import Node, Pod
from kubewright.twin.kubelet.devices import DEVICES, NodeDevices, device_ids, is_extended
from kubewright.twin.kubelet.nodestate import NodeState

GPU = "nvidia.com/gpu"


def node(taints=(), labels=None, **allocatable):
    offered = {"cpu": "4", "memory": "8Gi", "pods": "3", "ephemeral-storage": "10Gi", GPU: "4"} | allocatable
    return msgspec.convert(
        {
            "metadata": {"name": "n1", "labels": labels or {}},
            "spec": {"taints": list(taints)},
            "status": {"allocatable": offered, "capacity": offered},
        },
        Node,
    )


def pod(name, *, wish="", init=(), ports=(), requests=None, **spec):
    container = {"name": "main", "image": "web:1", "resources": {"requests": requests or {}}, "ports": list(ports)}
    return msgspec.convert(
        {
            "metadata": {
                "name": name,
                "namespace": "default",
                "uid": f"uid-{name}",
                "annotations": {DEVICES: wish} if wish else {},
            },
            "spec": {"nodeName": "n1", "containers": [container], "initContainers": list(init), **spec},
        },
        Pod,
    )


def taken(subject, *, on=None, before=()):
    on = on or node()
    state = NodeState.of(on)
    for each in before:
        assert state.take(each, on, lambda: before) is None
    verdict = state.take(subject, on, lambda: before)
    return None if verdict is None else (verdict.reason, verdict.message)


@pytest.mark.parametrize(
    ("subject", "before", "refusal"),
    [
        pytest.param(pod("a", requests={"cpu": "4"}), (), None, id="it fits exactly"),
        pytest.param(
            pod("a", requests={"cpu": "2"}),
            (pod("b", requests={"cpu": "2500m"}),),
            ("OutOfcpu", "Node didn't have enough resource: cpu, requested: 2000, used: 2500, capacity: 4000"),
            id="too little cpu is left",
        ),
        pytest.param(
            pod("a", requests={"memory": "9Gi"}),
            (),
            (
                "OutOfmemory",
                "Node didn't have enough resource: memory, requested: 9663676416, used: 0, capacity: 8589934592",
            ),
            id="it needs more memory than there is",
        ),
        pytest.param(
            pod("a"),
            tuple(pod(name) for name in "bcd"),
            ("OutOfpods", "Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3"),
            id="there are enough pods",
        ),
        pytest.param(
            pod("a", requests={"example.com/unknown": "1"}), (), None, id="others see to what it does not know"
        ),
        pytest.param(
            pod("a", nodeSelector={"disk": "fast"}),
            (),
            ("NodeAffinity", "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"),
            id="it belongs elsewhere",
        ),
        pytest.param(
            pod("a", ports=[{"containerPort": 1, "hostPort": 80}]),
            (pod("b", ports=[{"containerPort": 2, "hostPort": 80}]),),
            ("NodePorts", "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"),
            id="its port is taken",
        ),
    ],
)
def test_what_a_node_takes(subject, before, refusal):
    assert taken(subject, before=before) == refusal


def test_only_taints_that_evict_keep_a_bound_pod_away():
    def tainted(effect):
        return node(taints=[{"key": "k", "effect": effect}])

    assert taken(pod("a"), on=tainted("NoSchedule")) is None
    text = "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate"
    assert taken(pod("a"), on=tainted("NoExecute")) == ("TaintToleration", text)
    assert taken(pod("a", tolerations=[{"operator": "Exists"}]), on=tainted("NoExecute")) is None


def test_what_a_pod_had_is_free_again_when_it_has_ended():
    on, state = node(), NodeState.of(node())
    first, second = pod("a", requests={"cpu": "3", GPU: "4"}), pod("b", requests={"cpu": "3", GPU: "1"})
    assert state.take(first, on, lambda: ()) is None
    assert state.take(first, on, lambda: ()) is None
    assert state.take(second, on, lambda: ()).reason == "UnexpectedAdmissionError"
    state.release("uid-a")
    assert state.take(second, on, lambda: ()) is None
    assert len(state.devices.checkpoint()[GPU]) == 1


def test_a_pod_that_is_rejected_for_another_reason_holds_no_device():
    on, state = node(), NodeState.of(node())
    assert state.take(pod("a", requests={"cpu": "9", GPU: "4"}), on, lambda: ()).reason == "OutOfcpu"
    assert state.devices.checkpoint() == {}


def test_devices_are_given_once_each():
    devices = NodeDevices.of(node())
    assert devices.book(pod("a", requests={GPU: "3"})) is None
    refusal = devices.book(pod("b", requests={GPU: "2"}))
    text = f"requested number of devices unavailable for {GPU}. Requested: 2, Available: 1"
    assert refusal.message == f"Allocate failed due to {text}, which is unexpected"
    holders = devices.checkpoint()[GPU]
    assert list(holders) == list(device_ids("n1", GPU, 3))
    assert {str(holder.pod) for holder in holders.values()} == {"default/a"}


def test_a_schedulers_choice_is_obeyed_or_refused():
    devices = NodeDevices.of(node())
    first, second, *_ = device_ids("n1", GPU, 4)
    chosen = f'{{"main": {{"{GPU}": ["{second}"]}}}}'
    assert devices.book(pod("a", wish=chosen, requests={GPU: "1"})) is None
    assert list(devices.checkpoint()[GPU]) == [second]
    refusals = [
        devices.book(pod("b", wish=wish, requests={GPU: count})).message
        for wish, count in (
            (chosen, "1"),
            (chosen, "2"),
            (f'{{"main": {{"{GPU}": ["{first}", "{first}"]}}}}', "2"),
            (f'{{"main": {{"{GPU}": ["elsewhere"]}}}}', "1"),
            ("nonsense", "1"),
        )
    ]
    assert f"device {second} of {GPU} is allocated to pod default/a" in refusals[0]
    assert f"1 devices of {GPU} chosen where 2 are requested" in refusals[1]
    assert f"1 devices of {GPU} chosen where 2 are requested" in refusals[2]
    assert f"device elsewhere of {GPU} not found" in refusals[3]
    assert all(each.startswith("Allocate failed due to ") for each in refusals)
    assert list(devices.checkpoint()[GPU]) == [second]


def test_init_containers_use_the_devices_of_those_that_come_after():
    devices = NodeDevices.of(node())
    init = {"name": "init", "image": "x", "resources": {"requests": {GPU: "2"}}}
    assert devices.book(pod("a", init=[init], requests={GPU: "1"})) is None
    assert sorted(holder.container for holder in devices.checkpoint()[GPU].values()) == ["init", "main"]


def test_which_resources_are_devices():
    assert [is_extended(name) for name in (GPU, "cpu", "hugepages-2Mi", "attachable.kubernetes.io/x")] == [
        True,
        False,
        False,
        False,
    ]
    assert device_ids("n1", GPU, 2) != device_ids("n2", GPU, 2)
