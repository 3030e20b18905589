"""Rows that cannot be told of for a while."""

import asyncio

from kubewright.api.core import NODES
from kubewright.clock import run_virtual
from kubewright.dashboard.tables import Table, Topic, Viewer


class SeesAll:
    def shows(self, namespace):
        return True


def test_rows_that_fail_once_are_told_of_when_they_do_not():
    answers = iter([(), KeyError("x"), ()])

    def rows():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        looks.append(answer)
        return answer

    async def case():
        table, viewer = Table(Topic("fleet", NODES, rows)), Viewer()
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(table.run())
            with table.viewed(viewer, SeesAll()):
                for _ in range(2):
                    table.touch(None)
                    await asyncio.sleep(2.0)
            running.cancel()

    looks = []
    run_virtual(case())
    assert len(looks) == 2
