"""NetworkPolicies that block, and names that do not resolve."""

import msgspec
import pytest

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.meta import ObjectKey
from kubewright.api.networking import NETWORK_POLICIES, NetworkPolicy
from kubewright.healing.catalogue import CAUSES
from kubewright.healing.finding import Safety
from kubewright.signals.changes import Changes
from kubewright.signals.signal import Fault, Signal, Witness
from tests.unit.healing.causes.world import NOW, about_pod, case, fleet, found, live, made, pod, release

CLOSED = ObjectKey("shop", "closed")
WEB = {"matchLabels": {"app": "web"}}


def caller():
    given = pod("front", 9)
    return msgspec.structs.replace(given, metadata=msgspec.structs.replace(given.metadata, labels={"app": "front"}))


def blocked(*others, **spec):
    policy = made(NetworkPolicy, "closed", spec={"podSelector": WEB, "policyTypes": ["Ingress"], **spec})
    changes = Changes()
    changes.note(NETWORK_POLICIES, None, live(), NOW - 20)
    changes.note(NETWORK_POLICIES, None, msgspec.structs.replace(live(), metadata=policy.metadata), NOW - 20)
    signal = Signal("Changed", Fault.CHANGED, (NETWORK_POLICIES, CLOSED), "it was made", NOW - 20, Witness.CHANGE)
    objects = (policy, pod("a", 1), caller(), *others)
    return case([signal], *objects, resource=NETWORK_POLICIES, key=CLOSED, changes=changes)


def test_a_new_policy_that_lets_nobody_in_is_named_and_left_to_a_person():
    one = found(CAUSES, blocked())
    assert one.cause == "NetworkPolicyBlocks"
    remedies = next(each for each in CAUSES if each.name == one.cause).remedies
    assert {each.safety for each in remedies} == {Safety.DATA}


@pytest.mark.parametrize(
    "spec",
    [
        {"ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "front"}}}]}]},
        {"policyTypes": ["Egress"]},
        {"podSelector": {"matchLabels": {"app": "nobody"}}},
    ],
)
def test_a_policy_that_keeps_nobody_out_is_nobodys_business(spec):
    assert found(CAUSES, blocked(**spec)) is None


def test_who_was_kept_out_before_is_not_kept_out_by_the_new_policy():
    older = made(NetworkPolicy, "older", spec={"podSelector": WEB, "policyTypes": ["Ingress"]})
    assert found(CAUSES, blocked(older)) is None


@pytest.mark.parametrize(("label", "cause"), [("kube-dns", "DnsFailure"), ("shop", "PodCrashing")])
def test_ill_pods_that_resolve_names_are_everybodys_trouble(label, cause):
    ours = fleet("dns:1", updated=3, labels={"k8s-app": label})
    objects = (ours, release(1, "dns:1", age=90_000.0), pod("a", 1), pod("b", 1), pod("c", 1))
    assert found(CAUSES, case([about_pod(Fault.CRASH_LOOP, "a")], *objects, resource=DEPLOYMENTS)).cause == cause
