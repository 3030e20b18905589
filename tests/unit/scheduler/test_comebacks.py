"""Who comes back after it was pushed aside."""

import pytest

from kubewright.api.core import Pod
from kubewright.api.meta import ObjectMeta, OwnerReference
from kubewright.scheduler.groups import comebacks
from kubewright.scheduler.groups.comebacks import Comebacks
from kubewright.scheduler.groups.reading import COSCHEDULING_LABEL


def pod(name, owner=None, gang=None):
    owners = (OwnerReference(api_version="apps/v1", kind="ReplicaSet", name=owner, uid=owner, controller=True),)
    labels = {COSCHEDULING_LABEL: gang} if gang else {}
    return Pod(metadata=ObjectMeta(namespace="ns", name=name, labels=labels, owner_references=owners if owner else ()))


@pytest.mark.parametrize("who", [{"owner": "web"}, {"gang": "train"}, {"gang": "train", "owner": "job"}])
def test_another_pod_of_the_same_owner_or_gang_comes_back_until_as_many_run_again(who):
    seen = Comebacks()
    seen.pushed(pod("a", **who))
    seen.pushed(pod("b", **who))
    assert seen.any_of([pod("c", **who)])
    seen.placed(pod("c", **who))
    assert seen.any_of([pod("other", owner="other"), pod("d", **who)])
    seen.placed(pod("d", **who))
    assert not seen.any_of([pod("e", **who)])


def test_a_pod_by_itself_does_not_come_back():
    seen = Comebacks()
    seen.pushed(pod("a"))
    assert not seen.any_of([pod("a"), pod("b")])


def test_of_too_many_the_oldest_are_forgotten(monkeypatch):
    monkeypatch.setattr(comebacks, "OWNERS_KEPT", 2)
    seen = Comebacks()
    for owner in ("one", "two", "one", "three"):
        seen.pushed(pod("a", owner=owner))
    assert [seen.any_of([pod("a", owner=each)]) for each in ("one", "two", "three")] == [True, False, True]
