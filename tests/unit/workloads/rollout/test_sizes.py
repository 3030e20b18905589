"""What a release requests where a SizePolicy offers other sizes than its spec says."""

import msgspec
import pytest

from kubewright.api.crds.appservice.rolloutstatus import RolloutStatus
from kubewright.api.crds.containersize import ContainerSize
from kubewright.api.crds.sizepolicy import SizePolicy
from kubewright.workloads.rollout.releases import labelled, release_of
from kubewright.workloads.rollout.sizes import (
    NO_OFFER,
    Offer,
    amounts,
    offer_of,
    remembered,
    sized_release,
    with_sizes,
)
from tests.unit.workloads.rollout.making import app

CPU, MEMORY = ContainerSize("app", "cpu", "700m", "1400m"), ContainerSize("app", "memory", "512Mi", "512Mi")
OFFER = Offer((CPU, MEMORY))


def template(image="web:2", cpu="1", memory="1Gi"):
    resources = {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": "2", "memory": memory}}
    return {
        "metadata": {"labels": {}},
        "spec": {"containers": [{"name": "app", "image": image, "resources": resources}]},
    }


OLD, NEW = template("web:1"), template()
SERVES = release_of(OLD)
SERVING = labelled(OLD, SERVES, "stable")


def standing(state, **rollout):
    application = app("rolling", **rollout)
    return msgspec.structs.replace(application, status=msgspec.structs.replace(application.status, rollout=state))


def stable(release=SERVES, **fields):
    return RolloutStatus("Stable", release, release, **fields)


def test_a_new_release_takes_what_is_offered_and_the_spec_that_runs_does_not():
    application = standing(stable())
    made = sized_release(application, NEW, SERVING, OFFER)
    assert made.sizes == (CPU, MEMORY)
    assert [each.request for each in made.said] == ["1", "1Gi"]
    assert made.base == release_of(NEW) != made.release == release_of(with_sizes(NEW, made.sizes))
    assert sized_release(application, OLD, SERVING, OFFER).sizes == ()


def test_a_release_that_began_keeps_its_sizes_whatever_is_offered_later():
    made = sized_release(standing(stable()), NEW, SERVING, OFFER)
    state = remembered(RolloutStatus("Progressing", made.release, SERVES), stable(), made)
    assert state.sized == (made,)
    for offer in (NO_OFFER, Offer((CPU,))):
        assert sized_release(standing(state), NEW, SERVING, offer) == made


def test_sizes_are_forgotten_with_the_last_release_that_may_be_gone_back_to():
    made = sized_release(standing(stable()), NEW, SERVING, OFFER)
    state = remembered(stable(made.release), stable(), made)
    following = remembered(
        RolloutStatus("Progressing", "third", made.release), state, sized_release(app(), OLD, None, NO_OFFER)
    )
    assert following.sized == (made,)
    assert remembered(stable("third"), following, sized_release(app(), OLD, None, NO_OFFER)).sized == ()


@pytest.mark.parametrize(
    ("state", "serving"),
    [
        pytest.param(None, SERVING, id="the first release has not come up"),
        pytest.param(RolloutStatus("Progressing", "first"), SERVING, id="the first release is on its way"),
        pytest.param(stable(), None, id="nothing runs"),
    ],
)
def test_what_follows_no_release_is_made_as_the_spec_says(state, serving):
    assert sized_release(standing(state), NEW, serving, OFFER).sizes == ()


@pytest.mark.parametrize(
    ("changed", "taken"),
    [
        pytest.param(template(cpu="1500m"), ("memory",), id="a request"),
        pytest.param(template(memory="2Gi"), ("cpu",), id="a request with its limit"),
        pytest.param(template("web:3"), ("cpu", "memory"), id="neither"),
        pytest.param(template(cpu="1000m"), ("cpu", "memory"), id="written otherwise"),
    ],
)
def test_a_spec_that_changes_an_amount_is_taken_at_its_word(changed, taken):
    # By what the spec said before, not by what runs: that has sizes already.
    made = sized_release(standing(stable()), NEW, SERVING, OFFER)
    state = remembered(stable(made.release), stable(), made)
    runs = labelled(with_sizes(NEW, made.sizes), made.release, "stable")
    smaller = Offer((ContainerSize("app", "cpu", "500m", "1"), ContainerSize("app", "memory", "400Mi", "400Mi")))
    assert tuple(each.resource for each in sized_release(standing(state), changed, runs, smaller).sizes) == taken


@pytest.mark.parametrize(
    "size",
    [
        pytest.param(ContainerSize("aside", "cpu", "1"), id="of a container that it has not"),
        pytest.param(ContainerSize("app", "cpu", "700m"), id="without the limit that there is"),
        pytest.param(ContainerSize("app", "cpu", "2", "1"), id="over its own limit"),
        pytest.param(ContainerSize("app", "cpu", "1000m", "2"), id="as it is"),
    ],
)
def test_an_offer_that_does_not_fit_is_not_taken(size):
    assert sized_release(standing(stable()), NEW, SERVING, Offer((size,))).release == release_of(NEW)


def test_after_a_release_that_was_taken_back_there_is_no_less_than_what_serves():
    state = RolloutStatus("RolledBack", "bad", SERVES)
    larger = ContainerSize("app", "memory", "2Gi", "2Gi")
    assert sized_release(standing(state), NEW, SERVING, Offer((CPU, larger))).sizes == (larger,)


def test_to_try_again_reads_the_offer_anew():
    made = sized_release(standing(stable()), NEW, SERVING, OFFER)
    state = remembered(RolloutStatus("RolledBack", made.release, SERVES), stable(), made)
    larger = Offer((ContainerSize("app", "memory", "2Gi", "2Gi"),))
    assert sized_release(standing(state), NEW, SERVING, larger) == made
    assert sized_release(standing(state), NEW, SERVING, larger, anew=True).sizes == larger.sizes


def test_only_a_policy_that_says_so_begins_a_release_and_only_of_what_is_stable():
    begins = Offer((CPU,), begins=True)
    assert sized_release(standing(stable()), OLD, SERVING, begins).sizes == (CPU,)
    assert sized_release(standing(stable()), OLD, SERVING, Offer(begins=True)).release == SERVES
    assert sized_release(standing(stable(), paused=True), OLD, SERVING, begins).release == SERVES
    back = RolloutStatus("RolledBack", SERVES, "before")
    assert sized_release(standing(back), OLD, SERVING, begins).release == SERVES


def policy(name, created, **fields):
    status = {"next": [{"container": "app", "resource": "cpu", "request": name}], "observedGeneration": 1}
    metadata = {"name": name, "creationTimestamp": created, "generation": fields.pop("generation", 1)}
    return msgspec.convert({"metadata": metadata, "spec": {"mode": "apply", **fields}, "status": status}, SizePolicy)


def test_an_offer_is_the_oldest_policys_as_its_newest_spec_has_it():
    old, young = policy("1", "2026-01-01T00:00:00Z"), policy("2", "2026-01-02T00:00:00Z", by="ownRelease")
    assert [each.request for each in offer_of([young, old]).sizes] == ["1"]
    assert offer_of([young]).begins
    assert offer_of([]) == NO_OFFER
    assert offer_of([policy("1", "2026-01-01T00:00:00Z", mode="recommend")]) == NO_OFFER
    assert offer_of([policy("1", "2026-01-01T00:00:00Z", generation=2)]) == NO_OFFER


def test_sizes_are_put_into_the_template_and_leave_all_else():
    found = with_sizes(NEW, (CPU,))
    assert amounts(found)[CPU.place] == CPU
    assert amounts(found)[MEMORY.place] == amounts(NEW)[MEMORY.place]
    assert found["spec"]["containers"][0]["image"] == "web:2"
    assert with_sizes(NEW, ()) is NEW
