"""The twin, the platform and the story, run together in one loop, and shown."""

from __future__ import annotations

import asyncio

from rich.console import Console
from rich.live import Live

from kubewright.app import UP, Choices, Platform
from kubewright.cli.demo.ailments import AILMENTS
from kubewright.cli.demo.faults import FAULTS
from kubewright.cli.demo.story import COURSE, Story
from kubewright.cli.demo.surge import Surge
from kubewright.cli.demo.view import render
from kubewright.cli.demo.world import World, until
from kubewright.clock import Clock, loop_speed
from kubewright.twin.agents import TwinReach
from kubewright.twin.cluster import Twin
from kubewright.twin.nodes import NodeShape

SERVICES = (*UP, "healing")
SHAPE = NodeShape(gpus=2)
REFRESH_SECONDS = 0.25
SETTLE_SECONDS = 5.0
"""About the time that the shop takes to come up."""
MENDING_SECONDS = 2.0
HEALING_SECONDS = 40.0
"""About the time that a fault takes to be mended: by a controller, by the healer."""


async def play(clock: Clock, seconds: float, nodes: int, seed: int, *, show: bool) -> Story:
    """Run the twin, the platform and the story for `seconds` of the loop's time, and return the story as it went."""
    async with Twin(clock, nodes=nodes, seed=seed, shape=SHAPE) as twin, asyncio.TaskGroup() as tasks:
        world = World.of(twin.client(), clock)
        measured = twin.exporters.measurements
        story = Story(world, Surge(world, measured))
        reach, choices = TwinReach(twin.kubelet), Choices(services=SERVICES)
        platform = Platform(twin.client(), clock, choices=choices, source=measured, reach=reach)
        background = [tasks.create_task(informer.run()) for informer in world.informers()]
        background.append(tasks.create_task(platform.run()))
        background.append(tasks.create_task(_surge(story, platform)))
        if show:
            background.append(tasks.create_task(_show(story)))
        await _tell(story, seconds)
        for task in background:
            task.cancel()
    return story


async def _tell(story: Story, seconds: float) -> None:
    """Let the story run for `seconds`, and to the end of what it is at then."""
    mending = len(FAULTS) * MENDING_SECONDS + len(AILMENTS) * HEALING_SECONDS
    pause_seconds = max(0.0, seconds - SETTLE_SECONDS - mending) / len(COURSE)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(story.tell(pause_seconds))
        tasks.create_task(asyncio.sleep(seconds))


async def _surge(story: Story, platform: Platform) -> None:
    """Let load rise once the shop is up, until cancelled."""
    await until(lambda: story.up_after_seconds is not None and platform.ready)
    await story.surge.run()


async def _show(story: Story) -> None:
    """Draw the story until cancelled: live on a terminal, else once at the end."""
    console = Console()
    with Live(console=console, auto_refresh=False, transient=False) as live:
        try:
            while True:
                if console.is_terminal:
                    live.update(render(story, *console.size), refresh=True)
                await asyncio.sleep(REFRESH_SECONDS * loop_speed())
        finally:
            live.update(render(story, *console.size), refresh=True)
