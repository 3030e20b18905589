"""What is drawn of measurements: lines over time, traffic, use and cost."""

import math

import msgspec
import pytest

from kubewright.api.core import Pod
from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.team import Team
from kubewright.api.meta import ObjectKey
from kubewright.api.workload import names_of_pods
from kubewright.costs.budget import DAY_SECONDS, Day, Spend
from kubewright.costs.money import money
from kubewright.dashboard.views.courses import Course, Line, Told, burn_course, load_course, trimmed
from kubewright.dashboard.views.spending import money_of, use_of
from kubewright.dashboard.views.traffic import by_app, by_edge
from kubewright.series.protocol import Missing, Sample, Series, Signal, Span, Vector, Why

SPAN = Span(1000.0, 1120.0, 60.0)
OLD, NEW = "web-7d4b9-aaaaa", "web-trial-5c6f8-bbbbb"


def series(pod, *values, **labels):
    """A pod's values at the moments of SPAN; None where there is none."""
    points = tuple((SPAN.start + 60.0 * place, value) for place, value in enumerate(values) if value is not None)
    return Series({"namespace": "shop", "pod": pod, **labels}, points)


def app():
    status = {"rollout": {"phase": "Progressing", "release": "new", "stable": "old"}}
    document = {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"slo": {"availability": 99.0}}}
    return msgspec.convert(document | {"status": status}, AppService)


def burning(requests, errors):
    told = {Signal.REQUESTS: requests, Signal.ERRORS: errors, Signal.LATENCY: Missing(Why.NO_DATA)}
    by_pod = {ObjectKey("shop", OLD): "old", ObjectKey("shop", NEW): "new"}
    names = {"old": "web:1 (stable)", "new": "web:2 (new)"}
    return burn_course(app(), lambda pod: by_pod.get(pod, ""), names, Told(told, SPAN, 60.0))


def test_a_release_burns_as_many_times_its_budget_as_its_share_of_errors_is_of_what_may_fail():
    requests = [series(OLD, 10, 9, 8), series(NEW, None, 1, 2), series("somebody-else", 99, 99, 99)]
    course = burning(requests, [series(OLD, 0.1, 0.0, 0.0), series(NEW, None, 0.05, 0.2)])
    assert [line.name for line in course.lines] == ["web:1 (stable)", "web:2 (new)"]
    assert course.lines[0].values == pytest.approx((1.0, 0.0, 0.0))
    assert course.lines[1].values[0] is None
    assert course.lines[1].values[1:] == pytest.approx((5.0, 10.0))
    assert course.shares[1].values == pytest.approx((0.0, 0.1, 0.2))


def test_a_moment_without_requests_has_no_burn_rate():
    course = burning([series(OLD, 0, None, 4)], Missing(Why.NO_DATA))
    assert course.lines[0].values == (None, None, 0.0)


def test_the_load_is_that_of_the_pods_of_the_target_alone():
    found = [
        series(OLD, 10, 20, None),
        series("web-7d4b9-ccccc", 1, None, None),
        series("webshop-7d4b9-aaaaa", 5, 5, 5),
    ]
    load, pods = load_course(Signal.REQUESTS, found, names_of_pods("Deployment", "web"), SPAN)
    assert load.values == (11, 20, None)
    assert pods.values == (2, 1, None)


def test_what_is_not_known_at_the_beginning_is_not_drawn():
    course = Course((1.0, 2.0, 3.0), (Line("a", (None, None, 5.0)),), (Line("b", (None, 4.0, None)),))
    assert trimmed(course) == Course((2.0, 3.0), (Line("a", (None, 5.0)),), (Line("b", (4.0, None)),))
    assert trimmed(Course((1.0,), (Line("a", (None,)),))).at == ()


def sample(value, **labels):
    return Sample(labels, value, 0.0)


def test_traffic_is_summed_by_application_and_by_pair():
    one, two = ObjectKey("shop", OLD), ObjectKey("shop", "cart-0")
    requests = Vector(tuple(sample(4.0, namespace="shop", pod=pod.name) for pod in (one, two)))
    errors = Vector((sample(1.0, namespace="shop", pod=OLD), sample(9.0, namespace="other", pod="x")))
    found = by_app(requests, errors, {one: "shop/web", two: "shop/cart"})
    assert [(each.id, each.requests, each.errors) for each in found] == [
        ("shop/cart", 4.0, 0.0),
        ("shop/web", 4.0, 1.0),
    ]
    ends = {"from_namespace": "shop", "from_name": "web", "to_namespace": "shop"}
    trial = sample(2.0, **ends | {"from_name": "web-trial"}, to_name="cart")
    mesh = Vector((sample(3.0, **ends, to_name="cart"), trial, sample(7.0, **ends, to_name="elsewhere")))
    edges = by_edge([Missing(Why.UNSUPPORTED), mesh], {"shop/web", "shop/cart"})
    assert [(each.source, each.target, each.requests) for each in edges] == [("shop/web", "shop/cart", 5.0)]


def team(**spec):
    document = {"metadata": {"name": "payments"}, "spec": spec, "status": {"namespaces": ["pay"]}}
    return msgspec.convert(document, Team)


def pod(namespace, cpu, node="n1"):
    container = {"name": "c", "resources": {"requests": {"cpu": cpu, "memory": "1Mi"}}}
    spec = {"containers": [container], "nodeName": node}
    return msgspec.convert({"metadata": {"name": "p", "namespace": namespace}, "spec": spec}, Pod)


def test_a_teams_use_stands_beside_what_it_requests_and_may():
    pods = [pod("pay", "500m"), pod("pay", "250m", node=""), pod("other", "4")]
    cpu = Vector((sample(0.2, namespace="pay", pod="p"), sample(3.0, namespace="other", pod="p")))
    told = {"cpu": [cpu], "memory": [Missing(Why.UNAVAILABLE)]}
    (cores, memory), missing = use_of(team(quota={"cpu": "2"}), pods, told)
    assert (cores.requested, cores.used, cores.quota) == (500, 200, 2000)
    assert (memory.requested, memory.used, memory.quota) == (1 << 20, None, None)
    assert missing == ""
    _, missing = use_of(team(), pods, {name: [Missing(Why.UNAVAILABLE)] for name in told})
    assert missing == "the source did not answer"


def test_a_teams_cost_is_told_with_what_the_month_will_come_to():
    now = 20 * DAY_SECONDS + DAY_SECONDS / 2
    days = tuple(Day(day * DAY_SECONDS, money("10")) for day in range(20))
    shown = money_of(team(budget={"month": "250"}), Spend("EUR", days), now)
    assert (shown.currency, shown.budget, shown.spent) == ("EUR", 250.0, 200.0)
    assert shown.expected == pytest.approx(305.0)
    assert math.isclose(shown.used_up, now + 5 * DAY_SECONDS)
    unknown = money_of(team(), Spend("EUR", ()), now)
    assert unknown.expected is None
    assert "no day is known" in unknown.basis
