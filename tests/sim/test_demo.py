"""The demo's whole course under virtual time: it ends well, and the same way each time."""

import pytest

from kubewright.cli.demo.play import play
from kubewright.cli.demo.story import COURSE
from kubewright.clock import Clock, run_virtual
from kubewright.dashboard.views.courses import Told, burn_course
from kubewright.series.protocol import PodQuery, Signal, Span
from kubewright.workloads.children import NAME_LABEL
from kubewright.workloads.rollout.releases import RELEASE_LABEL

WINDOW_SECONDS = 30.0


async def played(seed):
    return await play(Clock.virtual(), 60, 5, seed, show=False)


async def summary(seed):
    story = await played(seed)
    return story.all_well(), story.summary()


@pytest.fixture(scope="module")
def told():
    """What is told of the demo at its end, and what is drawn of its frontend's objective."""

    async def scenario():
        story = await played(0)
        return story.all_well(), story.summary(), await burn(story)

    return run_virtual(scenario())


async def burn(story):
    """The course that the dashboard draws of the frontend, from the source that it asks."""
    app, source, now = story.world.app("frontend"), story.surge.source, story.world.clock.now()
    span = Span(now - 3 * WINDOW_SECONDS, now, WINDOW_SECONDS)
    measured = {
        signal: await source.range(PodQuery(signal, WINDOW_SECONDS, app.metadata.namespace), span)
        for signal in (Signal.REQUESTS, Signal.ERRORS, Signal.LATENCY)
    }
    releases = {
        pod.key: pod.metadata.labels[RELEASE_LABEL]
        for pod in story.world.pods.index.values()
        if pod.metadata.labels.get(NAME_LABEL) == "frontend"
    }
    names = dict.fromkeys(releases.values(), "the release")
    return app, burn_course(app, lambda pod: releases.get(pod, ""), names, Told(measured, span, WINDOW_SECONDS))


def test_every_application_comes_up_and_every_fault_is_mended(told):
    well, summary, _ = told
    assert well
    assert [app["name"] for app in summary["appServices"] if not app["ready"]] == []
    assert len(summary["appServices"]) == 12
    assert [fault["fault"] for fault in summary["faults"]] == [fault.title for fault in COURSE]
    assert all(fault["done"] for fault in summary["faults"])
    for fault in summary["faults"][-3:]:
        steps = [step["step"] for step in fault["timeline"]]
        assert steps[:2] == ["signals", "cause"]
        assert steps[-3:] == ["action", "restored", "verified"]


def test_pods_follow_the_load(told):
    scaling = told[1]["scaling"]
    # The first moments are those in which its two pods start.
    assert max(scaling["pods"][:6]) == 2 < max(scaling["pods"])
    assert scaling["requestsPerSecond"][1] < 50
    assert max(scaling["requestsPerSecond"]) > 200


def test_customers_come_and_use_up_some_of_the_frontends_error_budget(told):
    app, course = told[2]
    assert app.spec.slo.availability == 99.9
    (line,) = course.lines
    # Of its requests one in two thousand fails, and one in a thousand may.
    assert line.values[-1] == pytest.approx(0.5)
    assert course.shares[0].values[-1] == 1.0


def test_the_same_seed_tells_the_same_story():
    assert run_virtual(summary(7)) == run_virtual(summary(7))
