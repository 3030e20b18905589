"""The demo on a terminal: applications on the left, what went wrong and was done about it on the right."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from kubewright.api.conditions import READY, find_condition
from kubewright.cli.bars import bars
from kubewright.cli.demo.story import Episode, Story
from kubewright.cli.demo.surge import NAME, TARGET_PER_POD, Surge
from kubewright.cli.demo.world import World, is_ready

SHOWN_LINES = 3
WIDE = 150
LOW = 45
CHART_SECONDS = 60


def render(story: Story, width: int, height: int) -> RenderableType:
    """Draw the story as it stands, in two columns where the terminal is wide enough.

    On a low one applications are left out once something has gone wrong, and what went wrong first is.
    """
    low = height < LOW and bool(story.episodes)
    parts = (() if low else (_applications(story.world),)) + (_episodes(story, 1 if low else 3),)
    if width < WIDE:
        return Group(_headline(story), *parts, _scaling(story.surge))
    grid = Table.grid(padding=(0, 1))
    grid.add_row(*parts)
    return Group(_headline(story), grid, _scaling(story.surge))


def closing(story: Story) -> RenderableType:
    """Tell the whole story at its end: everything that went wrong, whatever there is room for; who wants it scrolls."""
    parts = (_applications(story.world), _episodes(story, len(story.episodes)), _scaling(story.surge))
    return Group(_headline(story), *parts)


def _headline(story: Story) -> Text:
    world = story.world
    ready = sum(map(is_ready, world.apps.index.values()))
    text = Text.assemble(
        ("kubewright ", "bold"),
        f"{len(world.nodes.index)} nodes, {len(world.pods.index)} pods, ",
        (f"{ready} of {len(world.apps.index)} applications ready", "green" if world.all_ready() else "yellow"),
    )
    if story.up_after_seconds is not None:
        text.append(f", all up after {story.up_after_seconds:.1f} s", "dim")
    return text


def _applications(world: World) -> RenderableType:
    table = Table("application", "ready", "replicas", "", box=None, pad_edge=False)
    for app in sorted(world.apps.index.values(), key=lambda app: app.key):
        condition = find_condition(app.status.conditions, READY)
        well = is_ready(app)
        table.add_row(
            app.metadata.name,
            Text("yes", "green") if well else Text("no", "yellow"),
            f"{app.status.ready_replicas}/{app.spec.replicas}",
            Text("" if well or condition is None else condition.message, "dim"),
        )
    return Panel(table, title="AppServices", border_style="dim")


def _scaling(surge: Surge) -> RenderableType:
    moments = surge.moments[-CHART_SECONDS:]
    if not moments:
        return Panel(Text("no load yet", "dim"), title="Scaling", border_style="dim")
    table = Table.grid(padding=(0, 1))
    for title, values, style in (
        ("requests/s", [moment.requests for moment in moments], "cyan"),
        ("pods ready", [float(moment.pods) for moment in moments], "green"),
    ):
        table.add_row(title, Text(bars(values), style), f"{values[-1]:.0f}")
    told = f"{TARGET_PER_POD} requests/s a pod are wanted, by a ScalePolicy that is looked at every 15 s"
    return Panel(Group(table, Text(told, "dim")), title=f"Scaling: {NAME}", border_style="dim")


def _episodes(story: Story, shown: int) -> RenderableType:
    if not story.episodes:
        return Panel(Text("nothing has gone wrong yet", "dim"), title="Faults", border_style="dim")
    return Panel(Group(*(_episode(each) for each in story.episodes[-shown:])), title="Faults", border_style="dim")


def _episode(episode: Episode) -> RenderableType:
    text = Text(f"{episode.at_seconds:5.1f} s  ", "dim")
    text.append(episode.fault.title, "bold")
    for step in episode.steps:
        text.append(f"\n  {step.seconds:+4.0f} s   {step.name:<10}", "dim")
        text.append(step.text, "cyan")
    if episode.mended_after_seconds is None:
        text.append("\n         being mended ...", "yellow")
        return text
    for line in episode.done[:SHOWN_LINES]:
        text.append(f"\n         {line}", "cyan")
    if len(episode.done) > SHOWN_LINES:
        text.append(f"\n         and {len(episode.done) - SHOWN_LINES} more", "cyan")
    text.append(f"\n         mended after {episode.mended_after_seconds:.2f} s", "green")
    return text
