"""Where teams stand beside each other: the older is right, and whoever contradicts is told."""

import msgspec
import pytest

from kubewright.api.crds.team import Team
from kubewright.tenancy.family import place_of, quota_of

AGES = "abcdefgh"


def team(name, parent="", quota=None, each=None, **fields):
    """A team that is the older the earlier its name begins in the alphabet."""
    places = [] if each is None else [{"name": "prod", "quota": each}]
    spec = {"parent": parent, "quota": quota or {}, "environments": places, **fields}
    made = f"2026-01-0{AGES.index(name[0]) + 1}T00:00:00Z"
    return msgspec.convert({"metadata": {"name": name, "creationTimestamp": made}, "spec": spec}, Team)


def problems(name, *teams):
    known = {each.name: each for each in teams}
    return [each.reason for each in place_of(known[name], known).problems]


CPU = "requests.cpu"
TWO = {
    "name": "dev",
    "namespaces": ["x", "y"],
    "quota": {"cpu": 8, "pods": 30},
    "namespaceQuotas": [{"namespace": "y", "quota": {CPU: 2}}],
}
"""Eight processors for x, two for y, which are said by another of their names."""


@pytest.mark.parametrize(
    ("teams", "expected"),
    [
        pytest.param([team("a")], {"a": []}, id="one by itself"),
        pytest.param([team("a"), team("b", "a"), team("c", "b")], {"c": []}, id="three levels"),
        pytest.param(
            [team("a"), team("b", "a"), team("c", "b"), team("d", "c")], {"c": [], "d": ["TooDeep"]}, id="four levels"
        ),
        pytest.param(
            [team("a", "c"), team("b", "a"), team("c", "b"), team("d", "a")],
            {name: ["ParentCycle"] for name in "abcd"},
            id="a cycle, and a team below it",
        ),
        pytest.param([team("a", "x")], {"a": ["ParentNotFound"]}, id="no such parent"),
        pytest.param(
            [team("a", quota={CPU: 4}, each={CPU: 4}), team("b", "a", each={CPU: "100m"})],
            {"a": [], "b": ["QuotaExceeded"]},
            id="the parent has used it up",
        ),
        pytest.param(
            [team("b", quota={CPU: 4}), team("a", "b", each={CPU: 3}), team("c", "b", each={CPU: 3})],
            {"a": [], "b": [], "c": ["QuotaExceeded"]},
            id="the younger child is over",
        ),
        pytest.param(
            [team("a", quota={CPU: 4}), team("b", "a"), team("c", "b", each={CPU: 5})],
            {"b": [], "c": ["QuotaExceeded"]},
            id="a grandparent's limit",
        ),
        pytest.param(
            [team("a", quota={CPU: 4}), team("b", "a", quota={"cpu": 3}), team("c", "a", each={CPU: 2})],
            {"b": [], "c": ["QuotaExceeded"]},
            id="what a child reserves counts, by whichever name",
        ),
        pytest.param(
            [team("a", quota={CPU: 4}, each={"pods": 3})], {"a": ["QuotaMissing"]}, id="a limit, and no quota of it"
        ),
        pytest.param([team("a", quota={CPU: "much"})], {"a": ["InvalidSpec"]}, id="no quantity"),
        pytest.param(
            [team("a", queue={"quotas": [{"resource": "cpu", "nominal": 1, "lendingLimit": 1}]})],
            {"a": ["QueueAlone"]},
            id="lends to nobody",
        ),
        pytest.param(
            [team("a", environments=[{"name": "x", "namespaces": ["n", "n"]}])],
            {"a": ["NamespaceTwice"]},
            id="a namespace twice",
        ),
        pytest.param(
            [team("a-b", environments=[{"name": "c"}]), team("a", environments=[{"name": "b-c"}])],
            {"a": [], "a-b": ["NamespaceTaken"]},
            id="names that come to the same",
        ),
        pytest.param(
            [team("a", quota={CPU: 10}, environments=[TWO])],
            {"a": []},
            id="a namespace that is given less than the others",
        ),
        pytest.param(
            [team("a", quota={CPU: 9}, environments=[TWO])],
            {"a": ["QuotaExceeded"]},
            id="what namespaces are given each, together",
        ),
    ],
)
def test_who_is_told_of_what(teams, expected):
    assert {name: problems(name, *teams) for name in expected} == expected


def test_a_namespace_holds_what_its_environment_says_but_for_what_is_its_own():
    (environment,) = team("a", environments=[TWO]).spec.environments
    assert quota_of(environment, "x") == {"cpu": 8, "pods": 30}
    assert quota_of(environment, "y") == {CPU: 2, "pods": 30}


def test_a_team_has_the_strictest_level_and_the_nearest_queue_of_those_above():
    teams = [
        team("a", podSecurity="baseline", queue={}),
        team("b", "a", podSecurity="privileged"),
        team("c", "b", podSecurity="privileged", queue={"weight": 2}),
    ]
    known = {each.name: each for each in teams}
    b, c = place_of(known["b"], known), place_of(known["c"], known)
    assert (b.pod_security, b.queue, b.path) == ("baseline", "a", "a/b")
    assert (c.pod_security, c.queue, c.queue_above, c.path) == ("baseline", "c", "a", "a/b/c")
    assert place_of(known["a"], known).below == ("b", "c")
