"""Rehearsals beside the controller: done one after the other, whatever becomes of one."""

import asyncio

from kubewright.api.crds.appservice import AppService
from kubewright.api.meta import ObjectMeta
from kubewright.clock import Clock, run_virtual
from kubewright.errors import ErrorKind, OpError
from kubewright.workloads.rollout.rehearsal import AGAIN_SECONDS, Outcome, Rehearsals

PASSED = Outcome(passed=True, message="all is well")


def app(name):
    return AppService(metadata=ObjectMeta(name=name, namespace="shop", uid=name, generation=1))


class Scripted:
    """Answers each application's rehearsals by what is said of it, the last for ever."""

    def __init__(self, **said):
        self.said = said

    async def rehearse(self, app):
        left = self.said[app.metadata.name]
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, Exception):
            raise found
        return found


def test_a_rehearsal_that_fails_in_whatever_way_holds_its_release_and_no_other_and_is_tried_again():
    async def scenario():
        clock, told = Clock.virtual(), []
        group = ExceptionGroup("of tasks", [OpError("get", ErrorKind.NOT_FOUND, "AppService/shop/b", "gone")])
        unread = OpError("list", ErrorKind.FORBIDDEN, "pods", "no")
        rehearsals = Rehearsals(Scripted(a=[KeyError("spec"), PASSED], b=[group], c=[unread], d=[PASSED]), clock)
        rehearsals.on_done = told.append
        running = asyncio.get_running_loop().create_task(rehearsals.run())
        apps = [app(name) for name in "abcd"]
        first = [rehearsals.outcome(each) for each in apps]
        await asyncio.sleep(1)
        second = [rehearsals.outcome(each) for each in apps]
        await asyncio.sleep(AGAIN_SECONDS)
        rehearsals.outcome(apps[0])
        await asyncio.sleep(1)
        third = rehearsals.outcome(apps[0])
        running.cancel()
        return first, second, third, [key.name for key in told]

    first, second, third, told = run_virtual(scenario())
    assert first == [None] * 4
    assert [each.message for each in second] == [
        "it could not be rehearsed: KeyError: 'spec'",
        "it could not be rehearsed: ExceptionGroup: of tasks (1 sub-exception)",
        "it could not be rehearsed: list pods: forbidden: no",
        "all is well",
    ]
    assert [each.passed for each in second] == [False, False, False, True]
    assert third == PASSED
    assert told == ["a", "b", "c", "d", "a"]
