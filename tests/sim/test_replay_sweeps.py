"""Seeds of a replay in the pods of an Indexed Job, on a twin whose pods say what is put into their mouths."""

import asyncio

import pytest

from kubewright.api.batch import JOBS
from kubewright.api.core import PODS
from kubewright.clock import Clock, run_virtual
from kubewright.errors import OpError
from kubewright.replay.sweep import job, printed, sweep
from kubewright.twin.cluster import Twin

SEEDS = (3, 5, 8)


class Saying:
    """A client of the twin; logs are what the pods' index makes of them."""

    def __init__(self, client, say):
        self._client, self._say = client, say

    def __getattr__(self, name):
        return getattr(self._client, name)

    async def raw(self, method, path, **_):
        return self._say(path)


def made(code="0"):
    found = job(["--nodes=2"], SEEDS, image="kubewright:1", at_once=2)
    notes = {"twin.kubewright.dev/exit-after": "5", "twin.kubewright.dev/exit-code": code}
    found["spec"]["template"]["metadata"]["annotations"] = notes
    return found


def swept(say, manifest):
    told = []

    async def run():
        async with Twin(Clock.virtual(), nodes=2) as twin:
            client = twin.client()
            try:
                found = await sweep(Saying(client, say), "default", manifest, told.append)
            except OpError as error:
                found = error
            await asyncio.sleep(60)
            left = [(await client.list(each)).items for each in (JOBS, PODS)]
            return found, left

    return *run_virtual(run()), told


def test_each_pod_lives_through_a_seed_and_what_they_print_comes_in_the_seeds_order():
    def say(path):
        index = int(path.split("/")[-2].split("-")[2])
        return f"1 of 2 days lived through\n{printed({'seed': SEEDS[index]})}\nbye\n"

    found, left, told = swept(say, made())
    assert [each["seed"] for each in found] == list(SEEDS)
    assert not any(left)
    assert told[-1] == len(SEEDS)


@pytest.mark.parametrize("text", ["", '{"replays":[{"cut', '{"replays":[]}'])
def test_a_log_without_a_whole_report_is_told_and_nothing_is_left_behind(text):
    found, left, _ = swept(lambda _: text, made())
    assert "its log holds no whole report" in str(found)
    assert not any(left)


def test_of_a_job_that_fails_the_last_words_are_told():
    found, left, _ = swept(lambda _: "Error: no room\n", made(code="1"))
    assert "said: Error: no room" in str(found)
    assert not any(left)


def test_the_job_asks_each_pod_for_its_place_among_the_seeds():
    (container,) = made()["spec"]["template"]["spec"]["containers"]
    assert container["args"][-3:] == ["3,5,8", "--index=$(JOB_COMPLETION_INDEX)", "--jobs=1"]
    assert made()["spec"]["completionMode"] == "Indexed"
