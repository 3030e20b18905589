"""The live view, driven by Textual's pilot."""

import asyncio

import pytest

pytest.importorskip("textual")

from textual.widgets import DataTable, TabbedContent

from kubewright.cli.topview import Top
from kubewright.errors import ErrorKind, OpError
from kubewright.overview.facts import Facts
from tests.unit.overview.test_decide import AWAITING, app, incident, node, pod


class Cluster:
    def __init__(self):
        self.facts = Facts(
            nodes=[node("good"), node("bad\x1b[2J", "Unknown")],
            pending=[pod("waits", 900, "0/2 nodes")],
            apps=[app("web")],
            incidents=[incident("i1", AWAITING)],
        )
        self.error = None

    async def read(self):
        if self.error:
            raise self.error
        return self.facts


def rows(top, name):
    table = top.query_one(f"#{name}-rows", DataTable)
    return [[str(cell) for cell in table.get_row_at(place)] for place in range(table.row_count)]


async def until(pilot, holds):
    async with asyncio.timeout(60):
        while not holds():
            await pilot.pause()


async def test_the_view_shows_changes_switches_tables_and_outlives_failures():
    cluster = Cluster()
    top = Top(cluster.read, "https://here", 3600)
    async with top.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: rows(top, "incidents"))
        assert [row[:2] for row in rows(top, "nodes")] == [["bad\\x1b[2J", "NOT READY"], ["good", "ready"]]
        assert rows(top, "queue")[0][0] == "shop/waits"
        assert rows(top, "incidents")[0][4] == AWAITING
        await pilot.press("3")
        await until(pilot, lambda: top.query_one("#tables", TabbedContent).active == "queue")
        await until(pilot, lambda: "shop/waits" in top.export_screenshot())
        cluster.facts = Facts(nodes=[node("good")])
        await top.look()
        assert [row[0] for row in rows(top, "nodes")] == ["good"]
        assert rows(top, "queue") == []
        cluster.error = OpError("list", ErrorKind.UNAVAILABLE, "nodes", "refused")
        await top.look()
        assert [row[0] for row in rows(top, "nodes")] == ["good"]
        await pilot.press("q")
