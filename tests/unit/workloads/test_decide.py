import msgspec
import pytest

from kubewright.api.plan import Announce, Apply, Delete, SetFinalizers
from kubewright.workloads import children
from kubewright.workloads.decide import FINALIZER, decide
from kubewright.workloads.observed import Observed
from tests.unit.workloads.build import NOW, app, child, conditions_of, is_status, running, settled, status_of

NOTHING = Observed(None, None)


def applied(plan):
    return [action.resource.kind for action in plan.actions if isinstance(action, Apply) and not is_status(action)]


def announced(plan):
    return [(action.reason, action.message) for action in plan.actions if isinstance(action, Announce)]


def test_a_new_application_gets_its_finalizer_before_its_children_and_its_status_last():
    plan = decide(app(finalizers=()), NOTHING, NOW)
    kinds = [type(action).__name__ for action in plan.actions if not isinstance(action, Announce)]
    assert kinds == ["SetFinalizers", "Apply", "Apply", "Apply"]
    assert plan.actions[0].finalizers == (FINALIZER,)
    assert applied(plan) == ["Deployment", "Service"]
    assert is_status(plan.actions[-1])
    assert conditions_of(plan) == {"Ready": "False", "Reconciling": "True", "Stalled": "False"}


def test_an_application_that_is_as_it_should_be_needs_nothing():
    application = app()
    observed = running(application)
    ready = settled(application, observed)
    assert ready.status.ready
    assert decide(ready, observed, NOW + 1000).actions == ()


def test_ready_says_so_for_this_generation():
    application = app(generation=3)
    status = status_of(decide(application, running(application), NOW))
    assert (status["ready"], status["readyReplicas"], status["observedGeneration"]) == (True, 2, 3)
    assert status["selector"] == "app.example.com/name=web"


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        pytest.param({"spec": {"replicas": 9}}, "Deployment", id="its replicas were edited"),
        pytest.param({"metadata": {"labels": {}}}, "Deployment", id="its labels were removed"),
        pytest.param({"metadata": {"annotations": {}}}, "Deployment", id="its fingerprint was removed"),
        pytest.param({"metadata": {"ownerReferences": []}}, "Deployment", id="its owner was removed"),
    ],
)
def test_drift_of_the_deployment_is_repaired(change, kind):
    application = app()
    observed = running(application)
    ready = settled(application, observed)
    edited = children.deployment(application)
    metadata = edited["metadata"] | change.get("metadata", {})
    if change.get("metadata") == {"labels": {}}:
        metadata["labels"] = {children.NAME_LABEL: "web"}
    live = child(edited | {"metadata": metadata, "spec": edited["spec"] | change.get("spec", {})})
    plan = decide(ready, Observed(live, observed.service), NOW)
    assert applied(plan) == [kind]
    assert announced(plan) == [("Repaired", "Deployment shop/web")]


def test_what_others_added_to_a_child_is_theirs():
    application = app()
    observed = running(application)
    ready = settled(application, observed)
    deployment = msgspec.to_builtins(observed.deployment)
    deployment["metadata"]["annotations"]["team"] = "red"
    deployment["spec"]["template"]["spec"]["containers"].append({"name": "proxy", "image": "envoy"})
    live = msgspec.convert(deployment, type(observed.deployment))
    assert decide(ready, Observed(live, observed.service), NOW).actions == ()


@pytest.mark.parametrize("missing", ["deployment", "service"])
def test_a_deleted_child_is_created_again(missing):
    application = app()
    observed = running(application)
    ready = settled(application, observed)
    left = Observed(
        None if missing == "deployment" else observed.deployment,
        None if missing == "service" else observed.service,
    )
    plan = decide(ready, left, NOW)
    assert applied(plan) == [missing.capitalize()]
    assert announced(plan) == [("Recreated", f"{missing.capitalize()} shop/web")]


def test_a_changed_spec_updates_only_what_depends_on_it():
    observed = running(app())
    ready = settled(app(), observed)
    changed = msgspec.structs.replace(app(generation=2, image="nginx:2"), status=ready.status)
    plan = decide(changed, observed, NOW)
    assert applied(plan) == ["Deployment"]
    assert announced(plan) == [("Updated", "Deployment shop/web")]


def test_a_field_that_is_no_longer_wanted_is_taken_back():
    with_env = app(env=[{"name": "A", "value": "1"}])
    observed = running(with_env)
    plan = decide(app(generation=2), observed, NOW)
    assert applied(plan) == ["Deployment"]
    container = plan.actions[0].manifest["spec"]["template"]["spec"]["containers"][0]
    assert "env" not in container


def test_a_service_goes_with_the_last_port():
    observed = running(app())
    without = app(generation=2, ports=[])
    plan = decide(without, observed, NOW)
    deleted = [action for action in plan.actions if isinstance(action, Delete)]
    assert [(action.resource.kind, action.uid) for action in deleted] == [("Service", "child")]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        pytest.param({"replicas": -1}, "spec.replicas", id="negative replicas"),
        pytest.param({"image": ""}, "spec.image", id="no image"),
        pytest.param({"resources": {"limits": {"cpu": "many"}}}, "spec.resources.limits[cpu]", id="no quantity"),
        pytest.param({"name": "a" * 64}, "metadata.name", id="a name too long for a label"),
        pytest.param({"name": "web.shop"}, "metadata.name", id="a name that no Service can have"),
    ],
)
def test_a_spec_that_a_lax_definition_let_through_stalls_and_touches_no_child(spec, words):
    plan = decide(app(**spec), NOTHING, NOW)
    assert applied(plan) == []
    assert conditions_of(plan) == {"Ready": "False", "Reconciling": "False", "Stalled": "True"}
    [(reason, message)] = announced(plan)
    assert reason == "InvalidSpec"
    assert words in message


def test_a_refusal_is_announced_once():
    bad = app(replicas=-1)
    assert decide(settled(bad, NOTHING), NOTHING, NOW + 60).actions == ()


def test_a_name_that_someone_else_holds_is_never_taken():
    foreign = children.deployment(app("other"))
    foreign["metadata"] |= {"name": "web"}
    plan = decide(app(), Observed(child(foreign), None), NOW)
    assert applied(plan) == []
    [(reason, message)] = announced(plan)
    assert reason == "NameTaken"
    assert "belongs to AppService other" in message


def test_a_child_that_lost_its_owner_is_taken_back():
    orphan = children.deployment(app())
    orphan["metadata"] = {key: value for key, value in orphan["metadata"].items() if key != "ownerReferences"}
    assert "Deployment" in applied(decide(app(), Observed(child(orphan), None), NOW))


def test_deletion_removes_the_children_first_and_then_the_finalizer():
    application = app(deleted=True)
    observed = running(application)
    plan = decide(application, observed, NOW)
    assert [type(action) for action in plan.actions] == [Delete, Delete]
    plan = decide(application, NOTHING, NOW)
    assert [type(action) for action in plan.actions] == [SetFinalizers]
    assert plan.actions[0].finalizers == ()
    assert plan.actions[0].resource_version == "7"


def test_deletion_leaves_others_children_and_others_finalizers():
    foreign = children.deployment(app("other"))
    foreign["metadata"] |= {"name": "web"}
    application = app(deleted=True, finalizers=("them/hold", FINALIZER))
    plan = decide(application, Observed(child(foreign), None), NOW)
    assert [action.finalizers for action in plan.actions] == [("them/hold",)]


def test_without_a_status_subresource_no_status_is_sent():
    application = app()
    plan = decide(application, running(application), NOW, status_served=False)
    assert plan.actions == ()


@pytest.mark.parametrize(
    ("status", "reason", "stalled"),
    [
        pytest.param({"observedGeneration": 0}, "Progressing", "False", id="not seen yet"),
        pytest.param({"observedGeneration": 1, "updatedReplicas": 1}, "Progressing", "False", id="half updated"),
        pytest.param(
            {"observedGeneration": 1, "updatedReplicas": 2, "replicas": 3}, "Progressing", "False", id="old pods left"
        ),
        pytest.param(
            {"observedGeneration": 1, "updatedReplicas": 2, "replicas": 2, "readyReplicas": 2, "availableReplicas": 1},
            "Progressing",
            "False",
            id="not available",
        ),
        pytest.param(
            {
                "observedGeneration": 1,
                "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}],
            },
            "ProgressDeadlineExceeded",
            "True",
            id="past its deadline",
        ),
    ],
)
def test_an_unfinished_rollout_is_not_ready(status, reason, stalled):
    application = app()
    observed = running(application)
    live = child(children.deployment(application), **status)
    plan = decide(application, Observed(live, observed.service), NOW)
    [ready] = [condition for condition in status_of(plan)["conditions"] if condition["type"] == "Ready"]
    assert (ready["status"], ready["reason"]) == ("False", reason)
    assert conditions_of(plan)["Stalled"] == stalled
