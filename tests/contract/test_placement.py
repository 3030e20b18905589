"""`placement` decides as the real kube-scheduler does: random clusters and pods, one pod at a time.

`make bench-scheduler-diff` compares ten times as many.
"""

import pytest

from tests.differential.devices import compare
from tests.differential.real import real_scheduler

SEED = 7
WORLDS = [(number, number % 5 == 4) for number in range(13)]
PODS = 16


@pytest.fixture(scope="module")
def side(request, tmp_path_factory):
    if "control-plane" not in (request.config.getoption("--cluster") or ()):
        pytest.skip("compares with the real scheduler: --cluster control-plane")
    with real_scheduler(tmp_path_factory.mktemp("scheduler")) as (real, runner):
        yield real, runner


@pytest.fixture
def real(side):
    real, runner = side
    return lambda *arguments, **options: runner.run(real.run(*arguments, **options))


@pytest.fixture
def real_devices(side):
    real, runner = side
    return lambda *arguments: runner.run(compare(real, *arguments))


@pytest.mark.parametrize(("number", "crowded"), WORLDS)
def test_placement_decides_as_the_real_scheduler_does(real, number, crowded):
    verdicts = real(SEED, number, PODS, crowded=crowded)
    assert [str(each) for each in verdicts if not each.agree] == []
    assert len(verdicts) == PODS


@pytest.mark.parametrize("number", range(6))
def test_claims_are_given_the_nodes_and_devices_that_the_real_scheduler_gives_them(real_devices, number):
    assert real_devices(SEED, number, PODS) == []
