"""The demo's whole course under virtual time: it ends well, and the same way each time."""

from kubewright.cli.demo.play import play
from kubewright.cli.demo.story import COURSE
from kubewright.clock import Clock, run_virtual


async def summary(seed):
    story = await play(Clock.virtual(), 60, 5, seed, show=False)
    return story.all_well(), story.summary()


def test_every_application_comes_up_and_every_fault_is_mended():
    well, told = run_virtual(summary(0))
    assert well
    assert [app["name"] for app in told["appServices"] if not app["ready"]] == []
    assert len(told["appServices"]) == 12
    assert [fault["fault"] for fault in told["faults"]] == [fault.title for fault in COURSE]
    assert all(fault["done"] for fault in told["faults"])
    for fault in told["faults"][-3:]:
        steps = [step["step"] for step in fault["timeline"]]
        assert steps[:2] == ["signals", "cause"]
        assert steps[-3:] == ["action", "restored", "verified"]


def test_pods_follow_the_load():
    _, told = run_virtual(summary(0))
    scaling = told["scaling"]
    # The first moments are those in which its two pods start.
    assert max(scaling["pods"][:6]) == 2 < max(scaling["pods"])
    assert scaling["requestsPerSecond"][1] < 50
    assert max(scaling["requestsPerSecond"]) > 200


def test_the_same_seed_tells_the_same_story():
    assert run_virtual(summary(7)) == run_virtual(summary(7))
