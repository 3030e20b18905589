"""A short replay of both sides, as the command line asks for it."""

import asyncio
import json

import pytest
from click.testing import CliRunner

from kubewright.api.apps import DEPLOYMENTS
from kubewright.cli.replay import replay
from kubewright.clock import Clock, run_virtual
from kubewright.replay.configuration import OURS
from kubewright.replay.life import Life
from kubewright.replay.reading import read
from kubewright.replay.recorded import recorded
from kubewright.twin.cluster import Twin

SMALL = ["--nodes", "10", "--requests", "300", "--teams", "2", "--hours", "1", "--jobs", "1"]


def lived(*more):
    found = CliRunner().invoke(replay, [*SMALL, *more])
    assert found.exit_code == 0, found.output
    return found.stdout


@pytest.fixture(scope="module")
def printed():
    return lived("-o", "json")


def test_one_seed_gives_one_report_byte_for_byte(printed):
    assert lived("-o", "json") == printed


def test_both_sides_live_through_the_same_day_and_every_pod_is_accounted_for(printed):
    (found,) = json.loads(printed)["replays"]
    assert found["size"]["nodes"] == 10
    assert [each["name"] for each in found["outcomes"]] == ["deployment efficiency", "recovery", "utilisation"]
    ours, stock = found["sides"]
    for side in (ours, stock):
        assert side["scheduling"]["everyPodAccountedFor"]
        assert side["scheduling"]["asked"] > 50
        assert len(side["series"]["cpu used"]) == 12
        for used, there in zip(side["series"]["cpu used"], side["series"]["cpu provisioned"], strict=True):
            assert 0 < used <= there
    assert stock["utilisation"]["cpu"]["provisioned"] == 9 * 32 + 64
    assert ours["utilisation"]["cpu"]["provisioned"] < 9 * 32 + 64
    assert ours["deployments"]["valuesTyped"] < stock["deployments"]["valuesTyped"]


def test_a_replay_starts_from_what_a_cluster_has():
    async def found():
        clock = Clock.virtual()
        async with Twin(clock, nodes=2) as twin:
            client = twin.client()
            requests = {"cpu": "250m", "memory": "64Mi"}
            container = {"name": "c", "image": "web:1", "resources": {"requests": requests}}
            labels = {"app": "web"}
            spec = {
                "replicas": 3,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            }
            made = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}
            await client.create(DEPLOYMENTS, made, namespace="default")
            await asyncio.sleep(60)
            there, unread = await read(client)
            return recorded(there, clock.now()), unread

    kept, unread = run_virtual(found())
    assert len(kept.nodes) == 2
    (web,) = kept.workloads
    assert (web.name, web.replicas, web.request.cpu_milli, web.least) == ("default-web", 3, 250, None)
    # No ScalePolicies are installed there: that is told, and nothing else is lost.
    assert len(unread) == 1
    day = kept.day(1, 1.0, (), ())
    life = Life(day, OURS, {}, 1).live()
    assert life.accounted
