"""A load that rises at the same times every day, for pods that take five minutes to start."""

import asyncio

from kubewright.api.crds.scalepolicy import SCALE_POLICIES
from kubewright.api.meta import ObjectKey
from kubewright.app import Choices, Platform
from kubewright.series.protocol import Missing, Series, Signal, Why
from tests.sim.build import run
from tests.sim.test_scale_policies import policy

WEB = ObjectKey("default", "web")
QUIET, BUSY, ROOM = 40.0, 240.0, 20.0
START = 300


def load(at):
    """Requests a second: each hour six times as many for ten minutes, with ten to rise and ten to fall."""
    minute = (at / 60 - 5) % 60 + 5
    return QUIET + (BUSY - QUIET) * max(min((minute - 35) / 10, 1.0, (65 - minute) / 10, 1.0), 0.0)


class Remembering:
    """The twin's measurements, with a week of the same load before."""

    def __init__(self, measurements, clock, days=8):
        self.measurements, self.clock, self.days = measurements, clock, days
        self.began = clock.now()

    async def instant(self, query):
        return await self.measurements.instant(query)

    async def range(self, query, span):
        if query.signal is not Signal.REQUESTS or span.start < self.began - self.days * 86_400:
            return Missing(Why.NO_DATA, "no series")
        count = int((span.end - span.start) / span.step_seconds) + 1
        moments = [span.start + step * span.step_seconds for step in range(count)]
        labels = {"namespace": "default", "pod": "web-5d8f-abcde"}
        return (Series(labels, tuple((at, load(at)) for at in moments)),)


def live(story, days=8):
    async def day(day):
        day.source = Remembering(day.twin.exporters.measurements, day.twin.clock, days)
        platform = Platform(day.client, day.twin.clock, choices=Choices(services=("autoscaler",)), source=day.source)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(platform.run())
            while not platform.ready:  # noqa: ASYNC110  virtual time
                await asyncio.sleep(1)
            await story(day)
            running.cancel()

    return run(day, nodes=2)


async def serve(day, **spec):
    middle = (QUIET + BUSY) / 2
    notes = {
        "requests-per-second": f"0m:{middle} 5m:{QUIET} 35m:{QUIET} 45m:{BUSY} 55m:{BUSY} 60m:{middle} repeat",
        "cpu-per-request": "1m",
        "start-seconds": str(START),
    }
    annotations = {f"twin.kubewright.dev/{key}": text for key, text in notes.items()}
    await day.deploy("web", replicas=3, annotations=annotations)
    metrics = [{"requests": {"average": 14, "capacity": int(ROOM)}}]
    await day.create(SCALE_POLICIES, policy(min=2, max=60, metrics=metrics, **spec))


async def lived(day, mode):
    """Return in how many minutes of a rise there was too much to do, and the pods' hours and the status then."""
    await serve(day, mode=mode)
    await asyncio.sleep(1800)
    late, pods = 0, 0.0
    for _ in range(36):
        await asyncio.sleep(60)
        now = day.twin.clock.now()
        late += load(now) > ROOM * len(await day.ready("web"))
        pods += (await day.deployment("web")).spec.replicas / 60
    return late, pods, (await day.client.get(SCALE_POLICIES, WEB)).status


def test_pods_are_ready_when_the_load_of_every_day_comes():
    found = {}

    def story(mode):
        async def told(day):
            found[mode] = await lived(day, mode)

        return told

    for mode in ("reactive", "predictive"):
        live(story(mode))
    late, pods, status = found["predictive"]
    assert (status.mode, {each.type: each.reason for each in status.conditions}["Forecasting"]) == (
        "predictive",
        "WeekKnown",
    )
    assert 2 * late <= found["reactive"][0]
    assert pods < 1.6 * found["reactive"][1]


def test_with_less_than_a_week_it_reacts_and_says_so():
    async def story(day):
        await serve(day, mode="predictive")
        await asyncio.sleep(900)
        status = (await day.client.get(SCALE_POLICIES, WEB)).status
        assert status.mode == "reactive"
        said = {each.type: each for each in status.conditions}["Forecasting"]
        assert (said.status, said.message) == ("False", "nothing was measured: no series")

    live(story, days=3)
