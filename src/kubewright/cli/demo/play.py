"""The twin, the platform and the story, run together in one loop, and shown."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from kubewright.app import UP, Choices, Platform
from kubewright.cli.demo.ailments import AILMENTS
from kubewright.cli.demo.faults import FAULTS
from kubewright.cli.demo.story import COURSE, Story
from kubewright.cli.demo.surge import Surge
from kubewright.cli.demo.traffic import come_and_go
from kubewright.cli.demo.view import closing, render
from kubewright.cli.demo.world import World, until
from kubewright.cli.terminal import say
from kubewright.clock import Clock, loop_speed
from kubewright.twin.agents import TwinReach
from kubewright.twin.cluster import Twin
from kubewright.twin.nodes import NodeShape

SERVICES = (*UP, "healing")
SHAPE = NodeShape(gpus=2)
HOST = "127.0.0.1"
REFRESH_SECONDS = 0.25
SETTLE_SECONDS = 5.0
"""About the time that the shop takes to come up."""
MENDING_SECONDS = 2.0
HEALING_SECONDS = 40.0
"""About the time that a fault takes to be mended: by a controller, by the healer."""


async def play(clock: Clock, seconds: float, nodes: int, seed: int, *, show: bool, pages: bool = False) -> Story:
    """Run the twin, the platform and the story for `seconds` of the loop's time, and return the story as it went.

    With `pages` the cluster is shown in a browser meanwhile.
    """
    async with Twin(clock, nodes=nodes, seed=seed, shape=SHAPE) as twin, asyncio.TaskGroup() as tasks:
        world = World.of(twin.client(), clock)
        measured = twin.exporters.measurements
        story = Story(world, Surge(world, measured))
        reach, choices = TwinReach(twin.kubelet), Choices(services=SERVICES)
        platform = Platform(twin.client(), clock, choices=choices, source=measured, reach=reach)
        background = [tasks.create_task(informer.run()) for informer in world.informers()]
        background.append(tasks.create_task(platform.run()))
        background.append(tasks.create_task(_surge(story, platform)))
        background.append(tasks.create_task(come_and_go(world)))
        async with AsyncExitStack() as stack:
            link = await stack.enter_async_context(_pages(twin)) if pages else ""
            if link:
                say(f"the demo in a browser: {link}", err=not show)
            if show:
                background.append(tasks.create_task(_show(story, link)))
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


def _pages(twin: Twin) -> AbstractAsyncContextManager[str]:
    """Show the demo in a browser meanwhile; yields the link."""
    # Half a second of imports, for those alone who want it.
    from kubewright.cli.dashboardcalls import OnePerson, beside

    return beside(twin.client(), HOST, OnePerson("the demo", source=twin.exporters.measurements))


async def _surge(story: Story, platform: Platform) -> None:
    """Let load rise once the shop is up, until cancelled."""
    await until(lambda: story.up_after_seconds is not None and platform.ready)
    await story.surge.run()


async def _show(story: Story, link: str) -> None:
    """Draw the story until cancelled: live on a terminal, below the link that would scroll away; whole at the end."""
    console = Console()
    with Live(console=console, auto_refresh=False, transient=False) as live:
        try:
            while True:
                if console.is_terminal:
                    drawn = render(story, *console.size)
                    live.update(Group(Text(link), drawn) if link else drawn, refresh=True)
                await asyncio.sleep(REFRESH_SECONDS * loop_speed())
        finally:
            live.vertical_overflow = "visible"
            live.update(closing(story), refresh=True)
