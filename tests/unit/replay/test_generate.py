import pytest

from kubewright.replay.generate import Size, generate
from kubewright.replay.workload import DAY_SECONDS

SIZE = Size(nodes=20, requests=4_000, teams=4)


@pytest.fixture(scope="module")
def day():
    return generate(SIZE, 1, ["release-crashes"], ["node-down"])


def test_one_seed_draws_one_day(day):
    again = generate(SIZE, 1, ["release-crashes"], ["node-down"])
    assert again.works == day.works
    assert again.releases == day.releases
    assert again.faults == day.faults
    assert all(
        (mine.load == other.load).all() for mine, other in zip(day.applications, again.applications, strict=True)
    )
    assert generate(SIZE, 2, [], []).works != day.works


def test_a_day_has_about_as_many_pods_as_were_asked_for_of_every_sort(day):
    assert sum(each.pods for each in day.works) == 3_400
    assert {each.sort for each in day.works} == {"ci", "batch", "training"}
    assert {each.sort for each in day.applications} == {"web", "steady", "inference"}
    assert all(each.pods == 1 or each.together for each in day.works if each.sort == "training")
    assert all(0 <= each.at < DAY_SECONDS for each in (*day.works, *day.releases, *day.faults))
    assert [each.at for each in day.works] == sorted(each.at for each in day.works)


def test_what_owners_request_at_the_peak_is_most_of_the_cluster_and_not_more(day):
    cores = 18 * 32 + 2 * 64
    steady = sum(each.replicas * each.request.cpu_milli for each in day.applications if each.sort == "steady") / 1000
    web = [each for each in day.applications if each.sort == "web"]
    peak = max(
        sum(each.load[step] * each.cores_per_request() / 15 / 0.7 for each in web) for step in range(0, 5760, 60)
    )
    works = sum(each.pods * each.seconds * each.request.cpu_milli / 1000 for each in day.works) / DAY_SECONDS
    assert 0.6 < (steady + peak + works) / cores < 1.0


def test_a_day_may_be_cut_short():
    short = generate(Size(nodes=20, requests=4_000, teams=4, hours=2), 1, [], ["node-down"])
    assert short.seconds == 7_200
    assert max(each.at for each in short.works) < 7_200
