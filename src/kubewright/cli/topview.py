"""The live view itself: the areas of `status` above, one of four tables below. `kubewright top` alone imports it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar, cast

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.widgets import DataTable, Footer, Static, TabbedContent, TabPane

from kubewright.cli.statuscalls import WORDS
from kubewright.cli.terminal import one_line
from kubewright.cli.toprows import TABLES, shown
from kubewright.clock import Clock
from kubewright.errors import OpError
from kubewright.overview.decide import Level, Overview, overview
from kubewright.overview.facts import Facts

_STYLES = {Level.OFF: "dim", Level.GOOD: "green", Level.UNKNOWN: "magenta", Level.ATTENTION: "yellow", Level.BAD: "red"}


class Top(App[None]):
    """Looks again every few seconds; what cannot be read leaves the last look on the screen, and says so."""

    CSS = "#areas { height: auto; padding: 0 1; } DataTable { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("q", "quit", "End"),
        *((str(number), f"table('{name}')", name.capitalize()) for number, name in enumerate(TABLES, 1)),
    ]

    def __init__(self, read: Callable[[], Awaitable[Facts]], server: str, every: float) -> None:
        super().__init__()
        self._read = read
        self._server = server
        self._every = every

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield Static(id="areas")
        with TabbedContent(id="tables"):
            for name in TABLES:
                with TabPane(name.capitalize(), id=name):
                    yield DataTable[Text](id=f"{name}-rows", cursor_type="row")
        yield Footer()

    async def on_mount(self) -> None:
        """Begin."""
        for name, (head, _) in TABLES.items():
            self._table(name).add_columns(*head)
        await self.look()
        self.set_interval(self._every, self.look)

    def action_table(self, name: str) -> None:
        """Show a table."""
        self.query_one("#tables", TabbedContent).active = name
        self._table(name).focus()

    async def look(self) -> None:
        """Read, and show what has changed."""
        try:
            facts = await self._read()
        except (OpError, ExceptionGroup) as error:
            self.sub_title = "not read"
            self.notify(one_line(str(error), 200), severity="error", title="The last look stays")
            return
        now = Clock.wall().now()
        self.query_one("#areas", Static).update(self._areas(overview(facts, now)))
        for name, (_, rows) in TABLES.items():
            self._fill(name, shown(rows(facts, now)))

    def _areas(self, found: Overview) -> Text:
        text = Text(f"{self._server}\n")
        for each in found.areas:
            text.append(f"{WORDS[each.level]:<8}", style=_STYLES[each.level])
            text.append(f"{each.name:<14}{one_line(each.summary, 160)}\n")
        text.append(f"{len(found.wants)} things want a person: kubewright status" if found.wants else "")
        return text

    def _fill(self, name: str, rows: dict[str, tuple[str, ...]]) -> None:
        """Put rows in a table; the reader's place in it stays."""
        table = self._table(name)
        place, offset = table.cursor_row, table.scroll_y
        table.clear()
        for key, cells in rows.items():
            table.add_row(*map(Text, cells), key=key)
        table.move_cursor(row=min(place, max(len(rows) - 1, 0)), scroll=False)
        table.scroll_to(y=offset, animate=False)

    def _table(self, name: str) -> DataTable[Text]:
        return cast("DataTable[Text]", self.query_one(f"#{name}-rows", DataTable))
