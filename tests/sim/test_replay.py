"""A short replay of both sides, as the command line asks for it."""

import json

import pytest
from click.testing import CliRunner

from kubewright.cli.replay import replay

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
