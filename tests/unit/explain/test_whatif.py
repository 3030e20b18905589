"""What a change would do: who gets a node, who moves, who has none any more, and what is left of the room."""

import pytest
from msgspec.structs import replace

from kubewright.api.apps import Deployment, ReplicaSet, ReplicaSetSpec
from kubewright.api.core import Namespace
from kubewright.api.crds.queue import Queue, QueueSpec, Quota
from kubewright.api.meta import ObjectKey, ObjectMeta, OwnerReference
from kubewright.api.priorities import PriorityClass
from kubewright.api.quotas import ResourceQuota, ResourceQuotaStatus
from kubewright.cli.documents import admitted_queues, read
from kubewright.cli.whatifcalls import Asked, lines, parsed
from kubewright.errors import OpError
from kubewright.explain.cluster import Cluster
from kubewright.explain.documents import effect_document
from kubewright.explain.modifications import AddNodes, RemoveNode, Scale, SetPriority, SetQueue, SetQuota
from kubewright.explain.targets import parse_target
from kubewright.explain.whatif import whatif
from kubewright.placement.policy import PACK
from tests.unit.placement.build import node, pod


def made(given, kind="ReplicaSet", name="web-1"):
    owner = OwnerReference(kind=kind, name=name, uid=name, controller=True)
    return replace(given, metadata=replace(given.metadata, owner_references=(owner,)))


def web(replicas, cpu="2"):
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"resources": {"requests": {"cpu": cpu}}}]}}
    owner = OwnerReference(kind="Deployment", name="web", uid="web", controller=True)
    meta = ObjectMeta(name="web-1", namespace="default", uid="web-1", owner_references=(owner,))
    return ReplicaSet(metadata=meta, spec=ReplicaSetSpec(replicas=replicas, template=template))


def cluster(nodes, pods=(), sets=(), **more):
    deployment = Deployment(metadata=ObjectMeta(name="web", namespace="default", uid="web"))
    return Cluster(
        tuple(nodes), tuple(pods), replica_sets={each.key: each for each in sets}, makers=(deployment,), **more
    )


def key(name):
    return ObjectKey("default", name)


def quota(hard, used):
    status = ResourceQuotaStatus({"requests.cpu": hard}, {"requests.cpu": used})
    return ResourceQuota(metadata=ObjectMeta(name="q", namespace="default"), status=status)


SERVING = made(pod("a", on="n1", requests={"cpu": "3"}))


def test_new_nodes_take_what_waits_beside_the_daemons_that_they_get():
    daemon = made(pod("d", on="n1", requests={"cpu": "1"}), "DaemonSet", "d")
    waiting = [pod(f"w{number}", requests={"cpu": "2"}) for number in range(3)]
    effect = whatif(cluster([node("n1")], [SERVING, daemon, *waiting]), [AddNodes(2, "n1")])
    assert [(found.name, on) for found, on in effect.placed] == [
        ("w0", "new-1-like-n1"),
        ("w1", "new-2-like-n1"),
    ]
    assert [found.name for found, _ in effect.waiting] == ["w2"]
    assert effect.nodes == (1, 3)
    (uses,) = [each[1:] for each in effect.uses if each[0] == "cpu"]
    assert [(use.requested, use.offered) for use in uses] == [(4000, 4000), (10000, 12000)]
    assert not effect.harms


def test_what_would_be_placed_anyway_is_no_effect():
    effect = whatif(cluster([node("n1")], [pod("w", requests={"cpu": "2"})]), [AddNodes(1, "n1")])
    assert effect.placed == ()


def test_the_pods_of_a_node_that_goes_are_made_again_elsewhere_if_there_is_room():
    bare = pod("bare", on="n1", requests={"cpu": "1"})
    there = cluster([node("n1"), node("n2")], [SERVING, bare], [web(1, "3")])
    effect = whatif(there, [RemoveNode("n1")])
    assert effect.moved == ((key("a"), "n1", "n2"),)
    assert effect.lost == ((key("bare"), ""),)
    assert effect.harms
    full = cluster([node("n1"), node("n2", cpu="2")], [SERVING], [web(1, "3")])
    effect = whatif(full, [RemoveNode("n1")])
    assert effect.lost == ((key("a"), "0/1 nodes are available: 1 Insufficient cpu."),)


def test_a_node_that_goes_takes_nobody_with_it_if_another_comes():
    effect = whatif(cluster([node("n1")], [SERVING], [web(1, "3")]), [AddNodes(1, "n1"), RemoveNode("n1")])
    assert effect.moved == ((key("a"), "n1", "new-1-like-n1"),)
    assert not effect.harms


def test_scaling_up_makes_pods_as_far_as_there_is_room_and_quota():
    there = cluster([node("n1", cpu="10")], [made(pod("a", on="n1", requests={"cpu": "2"}))], [web(1)])
    scale = Scale(parse_target("deployment/web"), "default", 4)
    effect = whatif(there, [scale])
    assert [found.name for found, _ in effect.placed] == ["web-1-new-1", "web-1-new-2", "web-1-new-3"]
    limited = cluster(there.nodes, there.pods, [web(1)], quotas=(quota("5", "2"),))
    effect = whatif(limited, [scale])
    assert ([found.name for found, _ in effect.placed], effect.unmade) == (
        ["web-1-new-1"],
        (("default", "replicaset/web-1", 2),),
    )
    effect = whatif(limited, [scale, SetQuota(key("q"), "requests.cpu", "7")])
    assert (len(effect.placed), effect.unmade) == (2, (("default", "replicaset/web-1", 1),))


def test_each_namespace_has_quotas_and_controllers_of_its_own():
    sets = [web(1), replace(web(2), metadata=replace(web(2).metadata, namespace="other", uid="web-2"))]
    full = quota("0", "0")
    elsewhere = replace(full, metadata=replace(full.metadata, namespace="other"))
    effect = whatif(cluster([node("n1")], [], sets, quotas=(full, elsewhere)), [])
    assert effect.unmade == (("default", "replicaset/web-1", 1), ("other", "replicaset/web-1", 2))


def test_of_very_many_pods_it_is_said_how_many_were_not_tried(monkeypatch):
    monkeypatch.setattr("kubewright.explain.sweep.MADE_AT_MOST", 2)
    effect = whatif(cluster([node("n1")], [], [web(5, cpu="1")]), [])
    assert (effect.untried, effect_document(effect)["untried"]) == (3, 3)
    assert "3 more pods are wanted, which were not tried." in list(lines(effect))


def test_scaling_down_takes_those_that_wait_first_and_makes_room():
    pods = [
        made(pod("a", on="n1", requests={"cpu": "2"})),
        made(pod("b", requests={"cpu": "2"})),
        pod("w", requests={"cpu": "1"}),
    ]
    there = cluster([node("n1", cpu="2")], pods, [web(2)])
    effect = whatif(there, [Scale(parse_target("deployment/web"), "default", 1)])
    assert [found.name for found, _ in effect.waiting] == ["w"]
    effect = whatif(there, [Scale(parse_target("rs/web-1"), "default", 0)])
    assert [found.name for found, _ in effect.placed] == ["w"]
    assert [found.name for found, _ in effect.lost] == ["a"]


def test_a_higher_priority_evicts_others_who_look_elsewhere():
    pods = [made(pod("low", on="n1", requests={"cpu": "3"})), pod("w", requests={"cpu": "4"})]
    classes = (PriorityClass(metadata=ObjectMeta(name="high"), value=100),)
    there = cluster([node("n1"), node("n2", cpu="3")], pods, [web(1)], classes=classes)
    effect = whatif(there, [SetPriority(parse_target("pod/w"), "default", "high")])
    assert effect.placed == ((key("w"), "n1"),)
    assert effect.evicted == ((key("low"), key("w")),)
    assert effect.moved == ((key("low"), "n1", "n2"),)
    assert effect.harms


def test_another_profile_leaves_room_where_this_one_does_not():
    pods = [
        pod("a", on="n1", requests={"cpu": "1"}),
        pod("w1", requests={"cpu": "1"}, priority=1),
        pod("w2", requests={"cpu": "4"}),
    ]
    effect = whatif(cluster([node("n1"), node("n2")], pods), [], then=PACK)
    assert effect.placed == ((key("w2"), "n2"),)


def test_nothing_of_what_was_read_is_changed():
    there = cluster([node("n1")], [SERVING, pod("w", requests={"cpu": "2"})], [web(1)])
    before = (there.nodes, there.pods, dict(there.replica_sets))
    whatif(there, [AddNodes(1, "n1"), RemoveNode("n1"), Scale(parse_target("deployment/web"), "default", 3)])
    assert (there.nodes, there.pods, dict(there.replica_sets)) == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (AddNodes(1, "gone"), "no such node to take for a model"),
        (RemoveNode("gone"), "no such node to remove"),
        (Scale(parse_target("deployment/gone"), "default", 1), "nothing of that name in default has a scale"),
        (Scale(parse_target("pod/a"), "default", 1), "has a scale"),
        (SetPriority(parse_target("pod/gone"), "default", "1"), "it has no pods in namespace default"),
        (SetPriority(parse_target("pod/a"), "default", "urgent"), "neither a number nor a PriorityClass (high)"),
        (SetQuota(key("gone"), "cpu", "1"), "no such quota"),
        (SetQuota(key("q"), "cpu", "much"), "a number with an optional suffix is expected"),
    ],
)
def test_what_is_not_there_is_said_so(change, words):
    classes = (PriorityClass(metadata=ObjectMeta(name="high"), value=100),)
    there = cluster([node("n1")], [SERVING], classes=classes, quotas=(quota("1", "0"),))
    with pytest.raises(OpError, match=words.replace("(", r"\(").replace(")", r"\)")):
        whatif(there, [change])


def asked(**options):
    nothing = dict.fromkeys(("added", "removed", "scaled", "priorities", "quotas", "queues"), ())
    rest = {"profile": "spread", "to_profile": None, "namespace": "", "output": "text"}
    return Asked(**nothing | rest | options)


def test_options_are_read():
    options = asked(
        added=("4=like:n1",),
        removed=("n2",),
        scaled=("deploy/web=3",),
        priorities=("pod/a=high",),
        quotas=("q=requests.cpu:10",),
    )
    assert [type(each) for each in parsed(options, "default")] == [AddNodes, RemoveNode, Scale, SetPriority, SetQuota]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"added": ("4",)}, "expected N=like:NODE"),
        ({"added": ("x=like:n1",)}, "expected a number from 0 to 10000"),
        ({"added": ("99999=like:n1",)}, "expected a number from 0 to 10000"),
        ({"added": ("1e9=like:n1",)}, "expected a number from 0 to 10000"),
        ({"scaled": ("deployment/web=-1",)}, "expected a number from 0 to 100000"),
        ({"scaled": ("service/web=1",)}, "expected KIND/NAME with a kind of"),
        ({"quotas": ("q=cpu",)}, "expected NAME=RESOURCE:AMOUNT"),
    ],
)
def test_options_that_cannot_be_read_are_refused_with_their_form(options, words):
    with pytest.raises(OpError, match=words):
        list(parsed(asked(**options), "default"))


def test_an_effect_is_shown_and_written():
    effect = whatif(cluster([node("n1")], [SERVING, pod("w", requests={"cpu": "2"})]), [AddNodes(1, "n1")])
    text = list(lines(effect))
    assert text[1].split() == ["nodes", "1", "2"]
    assert text[2].split() == ["cpu", "3", "of", "4", "(75%)", "5", "of", "8", "(62%)"]
    assert text[-2:] == ["1 would be placed:", "  default/w -> new-1-like-n1"]
    written = effect_document(effect)
    assert written["placed"] == [{"pod": "default/w", "node": "new-1-like-n1"}]
    assert written["utilisation"][0]["after"] == {"requested": "5", "offered": "8", "share": 0.625}


def queue(name, cpu, parent="", **spec):
    quotas = () if cpu is None else (Quota("cpu", "", cpu),)
    return Queue(metadata=ObjectMeta(name=name), spec=QueueSpec(parent=parent, quotas=quotas, **spec))


def of_teams(*pods, queues, nodes=1):
    spaces = tuple(
        Namespace(metadata=ObjectMeta(name=each, labels={"kubewright.dev/queue": each})) for each in ("a", "b")
    )
    placed = [replace(each, metadata=replace(each.metadata, namespace=each.metadata.name[0])) for each in pods]
    names = [f"n{number}" for number in range(1, nodes + 1)]
    return Cluster(tuple(map(node, names)), tuple(placed), namespaces=spaces, queues=tuple(queues))


def test_more_quota_lets_those_run_that_waited_for_it():
    waiting = [pod(f"a{number}", requests={"cpu": "1"}) for number in range(3)]
    there = of_teams(*waiting, queues=[queue("a", 1)])
    effect = whatif(there, [SetQueue(queue("a", 2))])
    assert [str(found) for found, _ in effect.placed] == ["a/a1"]
    assert effect.waiting == ((ObjectKey("a", "a2"), "queue a: needs 1 cpu, 0 left of 2"),)


def test_what_a_new_queue_is_owed_others_give_back_and_no_more():
    lent = [made(pod(f"b{number}", on="n1", requests={"cpu": "1"})) for number in range(3)]
    queues = [queue("all", None), queue("a", 0, "all", reclaim="Any"), queue("b", 3, "all")]
    there = of_teams(*lent, pod("a0", requests={"cpu": "1"}), pod("a1", requests={"cpu": "1"}), queues=queues)
    assert not whatif(there, []).evicted
    effect = whatif(there, [SetQueue(queue("a", 1, "all")), SetQueue(queue("b", 2, "all"))])
    assert [(gone.namespace, by.name) for gone, by in effect.evicted] == [("b", "a0")]


def test_queues_have_their_turns_by_what_they_have_of_their_share():
    waiting = [pod(f"{team}{number}", requests={"cpu": "1"}) for number in range(4) for team in "ab"]
    there = of_teams(*waiting, queues=[queue("all", 4), queue("a", None, "all"), queue("b", None, "all", weight=3)])
    effect = whatif(there, [AddNodes(1, "n1")])
    assert sorted(key.namespace for key, _ in effect.waiting) == ["a"] * 3 + ["b"]


def test_a_queue_that_would_be_on_a_cycle_is_refused():
    there = of_teams(queues=[queue("a", 1), queue("b", 1, "a")])
    with pytest.raises(OpError, match="is a cycle"):
        whatif(there, [SetQueue(queue("a", 1, "b"))])


MANIFEST = """
apiVersion: kubewright.dev/v1alpha1
kind: Queue
metadata: {name: research, uid: left-from-a-server, resourceVersion: "7"}
spec: {quotas: [{resource: nvidia.com/gpu, nominal: %s}]}
status: {pending: 1}
"""


async def test_a_queue_is_read_from_a_file_and_checked_as_a_server_would(tmp_path):
    file = tmp_path / "queue.yaml"
    file.write_text(MANIFEST % 8)
    (found,) = await admitted_queues(read([str(file)]))
    assert (found.metadata.name, found.spec.quotas[0].nominal) == ("research", 8)
    file.write_text(MANIFEST % -8)
    with pytest.raises(OpError, match="nominal is not below 0"):
        await admitted_queues(read([str(file)]))
    file.write_text("kind: Pod\nmetadata: {name: x}")
    with pytest.raises(OpError, match="expected a Queue of"):
        await admitted_queues(read([str(file)]))
