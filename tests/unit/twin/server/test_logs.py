"""Logs of simulated containers: what they say, how much of it is sent, and following them."""

import asyncio

import pytest

from kubewright.api.meta import rfc3339
from kubewright.clock import VIRTUAL_EPOCH_SECONDS
from tests.unit.twin.server.calls import PODS, on_server


def against_a_server(scenario):
    """Make a test of a scenario."""

    def test():
        on_server(scenario)

    test.__name__ = scenario.__name__
    return test


BEGAN = VIRTUAL_EPOCH_SECONDS - 600


def running(at=BEGAN):
    return {"running": {"startedAt": rfc3339(at)}}


def ended(code=3, *, began=BEGAN - 100, at=BEGAN - 50):
    stamps = {"startedAt": rfc3339(began), "finishedAt": rfc3339(at), "containerID": "twin://x"}
    return {"terminated": {"exitCode": code, "reason": "Error", **stamps}}


async def with_pod(caller, state, *, last=None, ready=True, node="n1"):
    spec = {"containers": [{"name": "main", "image": "web:1"}]} | ({"nodeName": node} if node else {})
    metadata = {"name": "a", "namespace": "default"}
    await caller.post(PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    await say(caller, state, last=last, ready=ready)


async def say(caller, state, *, last=None, ready=True):
    status = {"name": "main", "image": "web:1", "imageID": "", "ready": ready, "restartCount": 0}
    status |= {"state": state, "lastState": last or {}}
    await caller.patch(f"{PODS}/a/status", {"status": {"containerStatuses": [status]}})


async def log(caller, query=""):
    answer = await caller.raw("GET", f"{PODS}/a/log?{query}")
    return answer.status, answer.body.decode()


@against_a_server
async def test_a_log_tells_of_the_containers_life(caller):
    await with_pod(caller, running())
    code, text = await log(caller)
    assert code == 200
    lines = text.splitlines()
    assert lines[:3] == ["main: starting web:1", "main: ready to serve", "main: running for 1 min"]
    assert len(lines) == 12


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("tailLines=2", ["main: running for 9 min", "main: running for 10 min"]),
        ("tailLines=0", []),
        ("limitBytes=9", ["main: sta"]),
        ("sinceSeconds=61", ["main: running for 9 min", "main: running for 10 min"]),
        ("tailLines=1&timestamps=true", [f"{rfc3339(BEGAN + 600)[:-1]}.000000Z main: running for 10 min"]),
        (f"sinceTime={rfc3339(BEGAN + 599)}", ["main: running for 10 min"]),
    ],
)
def test_how_much_is_sent(query, shown):
    async def check(caller):
        await with_pod(caller, running())
        assert (await log(caller, query))[1].splitlines() == shown

    on_server(check)


@against_a_server
async def test_the_log_of_a_run_that_has_ended(caller):
    await with_pod(caller, {"waiting": {"reason": "CrashLoopBackOff"}}, last=ended(3))
    assert (await log(caller))[1].splitlines()[-1] == "main: fatal error, exit code 3"
    assert await log(caller, "previous=true") == await log(caller)


@against_a_server
async def test_a_run_that_was_killed_has_no_last_words(caller):
    await with_pod(caller, running(), last=ended(137))
    assert (await log(caller, "previous=true"))[1].splitlines() == ["main: starting web:1", "main: ready to serve"]


@pytest.mark.parametrize(
    ("state", "query", "message"),
    [
        (
            {"waiting": {"reason": "ContainerCreating"}},
            "",
            'container "main" in pod "a" is waiting to start: ContainerCreating',
        ),
        (
            {"waiting": {"reason": "ImagePullBackOff"}},
            "",
            'container "main" in pod "a" is waiting to start: trying and failing to pull image',
        ),
        (
            {"waiting": {"reason": "ErrImagePull"}},
            "",
            'container "main" in pod "a" is waiting to start: image can\'t be pulled',
        ),
        (running(), "previous=true", 'previous terminated container "main" in pod "a" not found'),
        ({}, "", 'container "main" in pod "a" is waiting to start - no logs yet'),
    ],
)
def test_where_there_is_no_log_it_says_why(state, query, message):
    async def check(caller):
        await with_pod(caller, state)
        code, text = await log(caller, query)
        assert code == 400
        assert message in text.replace('\\"', '"')

    on_server(check)


@against_a_server
async def test_a_pod_without_a_node_has_no_log(caller):
    await with_pod(caller, {}, node="")
    assert await log(caller) == (204, "")


async def following(caller, query="tailLines=1"):
    answer = await caller.raw("GET", f"{PODS}/a/log?follow=true&{query}")
    return answer.stream


@against_a_server
async def test_a_log_that_is_followed_goes_on_until_the_run_ends(caller):
    await with_pod(caller, running())
    stream = await following(caller)
    assert await anext(stream) == b"main: running for 10 min\n"
    assert await anext(stream) == b"main: running for 11 min\n"
    await say(caller, ended(4, began=BEGAN, at=VIRTUAL_EPOCH_SECONDS + 90))
    await asyncio.sleep(60)
    rest = b"".join([chunk async for chunk in stream])
    assert rest == b"main: fatal error, exit code 4\n"


@against_a_server
async def test_a_followed_log_ends_with_its_budget_its_pod_and_its_server(caller):
    await with_pod(caller, running())
    stream = await following(caller, "tailLines=1&limitBytes=30")
    assert b"".join([chunk async for chunk in stream]) == b"main: running for 10 min\nmain:"
    ends = (
        lambda stream: stream.aclose(),
        lambda _: caller.server.hub.close(),
        lambda _: caller.raw("DELETE", f"{PODS}/a?gracePeriodSeconds=0"),
    )
    for end in ends:
        stream = await following(caller)
        assert await anext(stream)
        ending = end(stream)
        if ending is not None:
            await ending
        assert [chunk async for chunk in stream] == []


@against_a_server
async def test_a_followed_log_of_a_container_that_does_not_run_is_whole(caller):
    await with_pod(caller, {"waiting": {"reason": "CrashLoopBackOff"}}, last=ended(3))
    answer = await caller.raw("GET", f"{PODS}/a/log?follow=true")
    assert answer.stream is None
    assert answer.body.endswith(b"exit code 3\n")
