"""GPUs one by one: who has which, who fits, and where it costs the others least."""

from msgspec.structs import replace

from kubewright.api.requirements import Requirement
from kubewright.devices.requests import GIVEN, GPU, PRODUCT, gpu_request, models, read_given
from kubewright.devices.workload import GpuRequest
from kubewright.placement.diagnosis import Diagnosis
from kubewright.placement.fit import Fit, place
from kubewright.placement.gpus import Gpus, given_gpus
from kubewright.placement.policy import GPU as PROFILE
from kubewright.placement.snapshot import ClusterSnapshot
from tests.unit.placement.build import node, pod

T4, A100 = {PRODUCT: "T4"}, {PRODUCT: "A100"}
CORES, SHARE = "nvidia.com/gpucores", "nvidia.com/gpumem-percentage"


def sharing(name, gpus, labels=T4):
    offered = {GPU: str(gpus), CORES: str(100 * gpus), SHARE: str(100 * gpus)}
    plain = node(name, cpu="32", memory="64Gi", labels=labels)
    return replace(plain, status=replace(plain.status, allocatable={**plain.status.allocatable, **offered}))


def whole(name, gpus, labels=T4):
    return node(name, cpu="32", memory="64Gi", labels=labels, **{"nvidia.com_gpu": str(gpus)})


def part(name, per_cent, *, given=None, **spec):
    made = pod(name, requests={"cpu": "1", SHARE: str(per_cent), CORES: str(per_cent)}, **spec)
    if given is None:
        return made
    return replace(made, metadata=replace(made.metadata, annotations={GIVEN: given}))


def full(name, count=1, **spec):
    return pod(name, requests={"cpu": "1", GPU: str(count)}, **spec)


def nodes_of(outcomes):
    return [each.node if isinstance(each, Fit) else str(each) for each in outcomes]


def test_half_a_gpu_on_each_of_two_is_not_room_for_more_than_half():
    snapshot = ClusterSnapshot.of(
        [sharing("a", 2)], [part("x", 60, given="0", on="a"), part("y", 60, given="1", on="a")]
    )
    (outcome,) = place([part("z", 50)], snapshot, 0, PROFILE)
    assert isinstance(outcome, Diagnosis)
    assert str(outcome) == "0/1 nodes are available: 1 node(s) didn't have 50 % of a GPU free on 1 of them."
    assert nodes_of(place([part("z", 40)], snapshot, 0, PROFILE)) == ["a"]


def test_a_whole_gpu_is_one_that_nobody_shares():
    snapshot = ClusterSnapshot.of([sharing("a", 1)], [part("x", 10, given="0", on="a")])
    (outcome,) = place([full("z")], snapshot, 0, PROFILE)
    assert "didn't have a GPU that nobody shares" in str(outcome)


def test_parts_that_fit_together_share_a_gpu_and_are_told_which():
    snapshot = ClusterSnapshot.of([sharing("a", 4)])
    placed = list(place([part(f"p{number}", 50) for number in range(4)], snapshot, 0, PROFILE))
    given = [read_given(_told(given_gpus(each.row, snapshot, each.column))) for each in placed]
    assert sorted(given) == [given[0], given[0], given[2], given[2]]
    assert given[0] != given[2]


def _told(annotations):
    made = pod()
    return replace(made, metadata=replace(made.metadata, annotations=annotations))


def test_a_scarce_model_is_left_to_those_who_need_it():
    snapshot = ClusterSnapshot.of([whole("a", 2, A100), whole("b", 2), whole("c", 2), whole("d", 2)])
    running = [full(f"r{number}", node_selector=A100) for number in range(2)] + [full("f")]
    learned = list(place(running, snapshot, 0, PROFILE))
    for each in learned:
        snapshot.forget(each.row.key)
    assert nodes_of(place([full("any"), full("mine", node_selector=A100)], snapshot, 0, PROFILE))[1] == "a"
    assert snapshot.placed[full("any").key].column != 0


def test_a_fork_books_apart_and_what_leaves_is_free_again():
    snapshot = ClusterSnapshot.of([sharing("a", 1)])
    list(place([part("x", 70)], snapshot, 0, PROFILE))
    fork = snapshot.fork()
    fork.forget(part("x", 70).key)
    assert nodes_of(place([full("z")], fork, 0, PROFILE)) == ["a"]
    assert Gpus.of(snapshot).packing.nodes.milli.tolist() == [[300]]
    assert Gpus.of(fork).packing.nodes.milli.tolist() == [[0]]


def test_a_pod_that_is_told_its_gpu_later_moves_there_and_counts_once():
    snapshot = ClusterSnapshot.of([sharing("a", 2)], [part("x", 30, on="a")])
    before = Gpus.of(snapshot).packing.mix.copy()
    snapshot.assume(snapshot.row(part("x", 30, given="1", on="a")), 0)
    assert Gpus.of(snapshot).packing.nodes.milli.tolist() == [[1000, 700]]
    assert Gpus.of(snapshot).packing.mix == before


def test_nonsense_in_the_annotation_is_as_none():
    for text in ("", "one", "0;1", "-1", "1" * 4000, "9999"):
        assert not read_given(part("x", 10, given=text))
    snapshot = ClusterSnapshot.of([sharing("a", 2)], [part("x", 30, given="7", on="a")])
    assert sorted(Gpus.of(snapshot).packing.nodes.milli[0].tolist()) == [700, 1000]


def test_where_gpus_are_not_told_apart_counting_them_is_enough():
    sliced = whole("a", 8, {**T4, "nvidia.com/gpu.sharing-strategy": "time-slicing"})
    snapshot = ClusterSnapshot.of([sliced, sharing("b", 1)], [full(f"r{number}", on="a") for number in range(7)])
    outcomes = nodes_of(place([full("z"), full("y")], snapshot, 0, PROFILE))
    assert sorted(outcomes) == ["a", "b"]


def test_requests_are_read_off_resources_selectors_and_affinity():
    assert gpu_request({"cpu": 1000, GPU: 2}, full("x", node_selector=A100).spec) == GpuRequest(
        1000, 0, 2, 1000, frozenset({"A100"})
    )
    assert gpu_request({"memory": 5, SHARE: 30, CORES: 45}, pod().spec) == GpuRequest(0, 5, 1, 450)
    assert gpu_request({GPU: 2, SHARE: 150}, pod().spec) == GpuRequest(0, 0, 2, 750)
    assert gpu_request({SHARE: 10**9}, pod().spec) == GpuRequest(0, 0, 1, 1000)
    either, one = Requirement(PRODUCT, "In", ("T4", "A100")), Requirement(PRODUCT, "In", ("A100", "H100"))
    assert models(pod(terms=[[either]]).spec) == {"T4", "A100"}
    assert models(pod(terms=[[either, one]]).spec) == {"A100"}
    assert models(pod(terms=[[either], [one]]).spec) == models(pod().spec) == frozenset()


def test_a_million_gpus_are_no_room_for_a_million_and_break_nothing():
    snapshot = ClusterSnapshot.of([whole("a", 10**6), whole("b", 2)])
    assert isinstance(next(iter(place([full("z", 10**7)], snapshot, 0, PROFILE))), Diagnosis)
    assert nodes_of(place([full("y", 2)], snapshot, 0, PROFILE))[0] in {"a", "b"}
