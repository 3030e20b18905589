"""Replays as jobs: one process a side and seed, and the document that comes of two sides."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubewright.harness.quiet import unlogged
from kubewright.replay import openb
from kubewright.replay.configuration import Configuration
from kubewright.replay.episodes import BAD_RELEASES, FAULTS, NODE_DOWN, deliver, episodes
from kubewright.replay.figures import figures
from kubewright.replay.generate import Size, generate
from kubewright.replay.life import Life
from kubewright.replay.outcomes import outcomes
from kubewright.replay.recorded import Recorded
from kubewright.replay.workload import Day

VERSION = "kubewright.dev/replay/v1"
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is replayed; small, for it is sent to other processes."""

    size: Size
    first: Configuration
    second: Configuration
    nodes_file: Path | None = None
    pods_file: Path | None = None
    recorded: Recorded | None = None
    """A cluster that there is, instead of a drawn one."""

    def day(self, seed: int) -> Day:
        """Return the day of a seed; raises OpError for files that make no sense."""
        if self.recorded is not None:
            return self.recorded.day(seed, self.size.hours, BAD_RELEASES, FAULTS)
        if self.nodes_file is not None and self.pods_file is not None:
            return openb.read_day(self.nodes_file, self.pods_file)
        return generate(self.size, seed, BAD_RELEASES, FAULTS)


def play(asked: Asked, configuration: Configuration, seed: int) -> tuple[Document, Document]:
    """Live through one side's day, and return what the day was and what came of it; raises OpError."""
    day = asked.day(seed)
    drills = {each.drill for each in day.faults} | {each.drill for each in day.releases if each.drill}
    if day.faults:
        drills.add(NODE_DOWN)
    with unlogged(logging.ERROR):  # what a drill's controllers run into is the drill
        played = episodes(drills, healed=configuration.healing, seed=seed)
        delivery = deliver(ours=configuration.delivery, seed=seed)
    ledger = Life(day, configuration, played, seed).live()
    return _described(day), figures(ledger, configuration, delivery, day.teams)


def replay(asked: Asked, seeds: Sequence[int], jobs: int, done: Callable[[int], None]) -> list[Document]:
    """Live through all sides in so many processes, and return a document a seed; `done` hears how many are."""
    turns = [(configuration, seed) for seed in seeds for configuration in (asked.first, asked.second)]
    found: list[tuple[Document, Document]] = []
    if jobs == 1:
        for number, (configuration, seed) in enumerate(turns):
            found.append(play(asked, configuration, seed))
            done(number + 1)
    else:
        with ProcessPoolExecutor(jobs) as pool:
            running = [pool.submit(play, asked, configuration, seed) for configuration, seed in turns]
            for number, each in enumerate(running):
                found.append(each.result())
                done(number + 1)
    return [_document(seed, *found[2 * place : 2 * place + 2]) for place, seed in enumerate(seeds)]


def _described(day: Day) -> Document:
    """Return what is told of a day: drawing one again takes seconds."""
    return {
        "source": day.source,
        "size": {
            "nodes": len(day.nodes),
            "teams": day.teams,
            "hours": day.seconds / 3600,
            "podsOfJobs": sum(each.pods for each in day.works),
            "applications": len(day.applications),
            "releases": len(day.releases),
            "faults": len(day.faults),
        },
    }


def _document(seed: int, first: tuple[Document, Document], second: tuple[Document, Document]) -> Document:
    """Return what is reported of two sides of one day."""
    (described, ours), (_, stock) = first, second
    return {
        "version": VERSION,
        "seed": seed,
        **described,
        "outcomes": outcomes(ours, stock),
        "sides": [ours, stock],
    }
