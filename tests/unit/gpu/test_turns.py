"""Which GPUs the next container is given."""

from msgspec.structs import replace

from kubewright.api.conditions import Condition
from kubewright.devices.requests import GIVEN, GPU
from kubewright.gpu.driver import Gpu, XidError
from kubewright.gpu.turns import Turn, next_turn, prefer, turns
from tests.unit.placement.build import pod

GPUS = [Gpu(number, f"GPU-{number}", "T4", 16_384, numa) for number, numa in enumerate((0, 0, 0, 1))]
BY_NUMBER = {gpu.number: gpu for gpu in GPUS}


def told(name, given, *, count=1, bound="2026-01-01T00:00:00Z", **more):
    made = pod(name, on="a", requests={GPU: str(count)}, **more)
    condition = Condition("PodScheduled", "True", last_transition_time=bound)
    return replace(
        made,
        metadata=replace(made.metadata, annotations={GIVEN: given}),
        status=replace(made.status, conditions=(condition,)),
    )


def test_whoever_was_bound_first_is_served_first_and_once():
    late, early = told("late", "1", bound="2026-01-01T00:00:09Z"), told("early", "2", bound="2026-01-01T00:00:01Z")
    assert [each.gpus for each in turns([late, early], GPU, set())] == [(2,), (1,)]
    assert [each.gpus for each in turns([late, early], GPU, {("uid-early", "c")})] == [(1,)]


def test_pods_that_ended_or_were_told_nothing_or_nonsense_do_not_wait():
    pods = [told("done", "1", phase="Succeeded"), told("x", "one"), told("short", "1", count=2), pod("plain")]
    assert turns(pods, GPU, set()) == []


def test_the_turn_is_of_one_who_wants_as_many_and_whose_gpus_are_there():
    waiting = [Turn("a", "c", (1, 2)), Turn("b", "c", (9,)), Turn("c", "c", (3,))]
    assert next_turn(waiting, 1, BY_NUMBER) == waiting[2]
    assert next_turn(waiting, 4, BY_NUMBER) is None


def test_the_kubelet_is_told_to_take_what_the_scheduler_chose():
    available = [gpu.uuid for gpu in GPUS]
    assert prefer(Turn("a", "c", (3,)), available, [], 1, GPUS) == ["GPU-3"]
    assert prefer(Turn("a", "c", (3,)), available[:2], [], 1, GPUS) == ["GPU-0"]


def test_where_nobody_chose_devices_of_one_numa_node_go_together_and_the_smallest_group_first():
    available = [gpu.uuid for gpu in GPUS]
    assert prefer(None, available, [], 1, GPUS) == ["GPU-3"]
    assert prefer(None, available, [], 2, GPUS) == ["GPU-0", "GPU-1"]
    assert prefer(None, available, ["GPU-3"], 2, GPUS)[0] == "GPU-3"
    assert len(prefer(None, available, [], 4, GPUS)) == 4


def test_an_error_of_a_program_is_none_of_the_gpu():
    assert not XidError("GPU-0", 31).is_of_the_gpu
    assert XidError("GPU-0", 79).is_of_the_gpu
