"""`placement` decides as the real kube-scheduler does: random clusters and pods, one pod at a time.

`make bench-scheduler-diff` compares ten times as many.
"""

import pytest

from tests.differential.real import real_scheduler

SEED = 7
WORLDS = [(number, number % 5 == 4) for number in range(13)]
PODS = 16


@pytest.fixture(scope="module")
def real(request, tmp_path_factory):
    if "control-plane" not in (request.config.getoption("--cluster") or ()):
        pytest.skip("compares with the real scheduler: --cluster control-plane")
    with real_scheduler(tmp_path_factory.mktemp("scheduler")) as (real, runner):
        yield lambda *arguments, **options: runner.run(real.run(*arguments, **options))


@pytest.mark.parametrize(("number", "crowded"), WORLDS)
def test_placement_decides_as_the_real_scheduler_does(real, number, crowded):
    verdicts = real(SEED, number, PODS, crowded=crowded)
    assert [str(each) for each in verdicts if not each.agree] == []
    assert len(verdicts) == PODS
