"""What a diagnosis asks: is an application reached by whom it declares, and can pods have names resolved."""

import msgspec

from kubewright.api.crds.appservice import NAME_LABEL, TEAM_LABEL, AppService
from kubewright.api.pods import Pod
from kubewright.reach.answers import Reached
from kubewright.reach.questions import app_reached, names_resolved
from kubewright.reach.verdict import Verdict
from kubewright.workloads.children.access import network_policy
from tests.unit.reach.build import piece, pod, policy, service, world
from tests.unit.reach.test_services import DNS_POD, DNS_SERVICE, DNS_SLICE

SELECTOR = {NAME_LABEL: "cart"}
CART = pod("cart-1", "shop", ip="10.0.0.1", labels=SELECTOR, ports=[(8080, "http")])
WEB = pod("web-1", "shop", ip="10.0.0.2", labels={NAME_LABEL: "web"})
TEAM = pod("ledger-1", "money", ip="10.0.0.3", labels={NAME_LABEL: "ledger"})
SERVICE = service("cart", "shop", selector=SELECTOR)
SLICE = piece(SERVICE, [CART])


def cart(**access):
    spec = {"image": "i", "ports": [{"name": "http", "port": 80, "targetPort": 8080}], "access": access}
    return msgspec.convert({"metadata": {"name": "cart", "namespace": "shop"}, "spec": spec}, AppService)


def around(*policies, slices=(SLICE, DNS_SLICE), pods=()):
    return world(
        (CART, WEB, TEAM, DNS_POD, *pods),
        policies,
        {"money": {TEAM_LABEL: "blue"}},
        services=[SERVICE, DNS_SERVICE],
        slices=slices,
    )


CALLERS = {"from": [{"app": "web"}, {"team": "blue", "ports": ["http"]}, {"app": "gone"}, {"cidr": "203.0.113.0/24"}]}


def test_an_application_is_reached_by_whom_it_declares_through_the_policy_that_is_made_of_it():
    app = cart(**CALLERS)
    found = app_reached(app, around(network_policy(app)))
    assert [each.caller for each in found.callers] == ["app web", "team blue", "cidr 203.0.113.0/24"]
    assert [each.answer.reached for each in found.callers[:2]] == [Reached.YES, Reached.YES]
    assert found.absent == ("app gone",)


def test_a_policy_of_somebody_else_that_keeps_a_caller_in_is_named():
    app = cart(**{"from": [{"app": "web"}, {"team": "blue"}]})
    shut = policy("shut", "money", podSelector={}, policyTypes=["Egress"])
    found = app_reached(app, around(network_policy(app), shut))
    assert [each.answer.reached for each in found.callers] == [Reached.YES, Reached.NO]
    assert {(hop.stage, hop.rule) for hop in found.blockers} == {
        ("dns", "networkpolicy money/shut"),
        ("egress", "networkpolicy money/shut"),
    }
    assert not found.is_well
    assert [each["metadata"]["namespace"] for each in found.callers[1].answer.remedy] == ["money"]


def test_a_service_that_leads_nowhere_is_said_whoever_calls():
    found = app_reached(cart(), around(slices=[DNS_SLICE]))
    assert (found.callers, found.is_well) == ((), False)
    assert found.blockers[0].rule == "service shop/cart"
    assert app_reached(cart(), around()).is_well


def test_pods_that_cannot_have_names_resolved_with_the_policy_that_keeps_them():
    shut = policy("shut", "money", podSelector={}, policyTypes=["Egress"])
    pods = [msgspec.convert(each, Pod) for each in (WEB, TEAM)]
    found = {hop.verdict: (hop, few) for hop, few in names_resolved(pods, around(shut))}
    assert set(found) == {Verdict.ALLOWED, Verdict.REFUSED}
    hop, few = found[Verdict.REFUSED]
    assert (hop.rule, [each.metadata.name for each in few]) == ("networkpolicy money/shut", ["ledger-1"])
