import msgspec
import pytest

from kubewright.api.plan import Announce, Apply, Delete, Scale, SetFinalizers
from kubewright.workloads import children
from kubewright.workloads.decide import DEADLINE_SECONDS, FINALIZER
from tests.unit.workloads.build import (
    NOW,
    all_up,
    app,
    children_of,
    conditions_of,
    is_status,
    live,
    made,
    plan,
    ready_of,
    running,
    seen,
    settled,
    status_of,
)

NOTHING = seen()


def applied(made_plan):
    return [a.resource.kind for a in made_plan.actions if isinstance(a, Apply) and not is_status(a)]


def announced(made_plan):
    return [(action.reason, action.message) for action in made_plan.actions if isinstance(action, Announce)]


def without(view, kind):
    return seen(*((k.kind, obj) for k, obj in view.children.objects.values() if k.kind != kind))


def test_a_new_application_gets_its_finalizer_before_its_children_and_its_status_last():
    new = plan(app(finalizers=()), NOTHING)
    kinds = [type(action).__name__ for action in new.actions if not isinstance(action, Announce)]
    assert kinds == ["SetFinalizers", "Apply", "Apply", "Apply"]
    assert new.actions[0].finalizers == (FINALIZER,)
    assert applied(new) == ["Deployment", "Service"]
    assert is_status(new.actions[-1])
    assert conditions_of(new) == {"Ready": "False", "Reconciling": "True", "Stalled": "False"}


def test_an_application_that_is_as_it_should_be_needs_nothing():
    application = app()
    ready = settled(application, running(application))
    assert ready.status.ready
    assert plan(ready, running(application), NOW + 1000).actions == ()


def test_ready_says_so_for_this_generation():
    application = app(generation=3)
    status = status_of(plan(application, running(application)))
    assert (status["ready"], status["readyReplicas"], status["observedGeneration"]) == (True, 2, 3)
    assert status["selector"] == "app.example.com/name=web"
    assert list(status["endpoints"]) == ["web.shop.svc:80"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"spec": {"replicas": 9}}, id="its replicas were edited"),
        pytest.param({"metadata": {"labels": {children.NAME_LABEL: "web"}}}, id="its labels were removed"),
        pytest.param({"metadata": {"annotations": {}}}, id="its fingerprint was removed"),
        pytest.param({"metadata": {"ownerReferences": []}}, id="its owner was removed"),
    ],
)
def test_drift_of_the_deployment_is_repaired(change):
    application = app()
    view = running(application)
    ready = settled(application, view)
    edited = made(application, "Deployment")
    metadata = edited["metadata"] | change.get("metadata", {})
    drifted = live(edited | {"metadata": metadata, "spec": edited["spec"] | change.get("spec", {})}, **all_up())
    view.children.add(next(kind for kind in view.kinds if kind.kind == "Deployment"), drifted)
    repair = plan(ready, view)
    assert applied(repair) == ["Deployment"]
    assert announced(repair) == [("Repaired", "Deployment shop/web")]


def test_what_others_added_to_a_child_is_theirs():
    application = app()
    view = running(application)
    ready = settled(application, view)
    deployment = msgspec.to_builtins(view.workload(application))
    deployment["metadata"]["annotations"]["team"] = "red"
    deployment["spec"]["template"]["spec"]["containers"].append({"name": "proxy", "image": "envoy"})
    view.children.add(view.kinds[0], msgspec.convert(deployment, type(view.workload(application))))
    assert plan(ready, view).actions == ()


@pytest.mark.parametrize("missing", ["Deployment", "Service"])
def test_a_deleted_child_is_created_again(missing):
    application = app()
    ready = settled(application, running(application))
    again = plan(ready, without(running(application), missing))
    assert applied(again) == [missing]
    assert announced(again) == [("Recreated", f"{missing} shop/web")]


def test_a_changed_spec_updates_only_what_depends_on_it():
    view = running(app())
    changed = msgspec.structs.replace(app(generation=2, image="nginx:2"), status=settled(app(), view).status)
    update = plan(changed, view)
    assert applied(update) == ["Deployment"]
    assert announced(update) == [("Updated", "Deployment shop/web")]


def test_a_field_that_is_no_longer_wanted_is_taken_back():
    view = running(app(env=[{"name": "A", "value": "1"}]))
    update = plan(app(generation=2), view)
    assert applied(update) == ["Deployment"]
    container = update.actions[0].manifest["spec"]["template"]["spec"]["containers"][0]
    assert "env" not in container


@pytest.mark.parametrize(
    ("before", "after", "pruned"),
    [
        pytest.param({}, {"ports": []}, {"Service"}, id="its last port"),
        pytest.param({"availability": {}}, {}, {"PodDisruptionBudget"}, id="its availability"),
        pytest.param({"access": {}}, {}, {"NetworkPolicy", "ServiceAccount"}, id="its access"),
        pytest.param({"files": {"/a": "b"}}, {}, {"ConfigMap"}, id="its files"),
        pytest.param({"expose": {"host": "a.example.com"}}, {}, {"Ingress"}, id="its host"),
        pytest.param({}, {"kind": "stateful"}, {"Deployment"}, id="its kind"),
    ],
)
def test_what_an_application_ceases_to_ask_for_goes(before, after, pruned):
    change = plan(app(generation=2, **after), running(app(**before)))
    deleted = [action for action in change.actions if isinstance(action, Delete)]
    assert {action.resource.kind for action in deleted} == pruned
    assert {action.uid for action in deleted} == {"child"}


def test_files_of_an_earlier_release_stay_while_its_pods_may_start_again():
    before, after = app(files={"/a": "1"}), app(generation=2, files={"/a": "2"})
    old = made(before, "ConfigMap")["metadata"]["name"]
    for needed in (frozenset({old}), frozenset()):
        change = plan(after, running(before, needed_files=needed))
        deleted = {action.key.name for action in change.actions if isinstance(action, Delete)}
        assert deleted == {old} - needed


def stateful(size="1Gi", **spec):
    return app(kind="stateful", volumes=[{"name": "data", "mountPath": "/d", "template": {"size": size}}], **spec)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        pytest.param(stateful("2Gi", generation=2), "volumeClaimTemplates", id="larger volumes"),
        pytest.param(app(kind="stateful", generation=2), "volumeClaimTemplates", id="no volumes any more"),
        pytest.param(stateful(ports=[], generation=2), "serviceName", id="no name for its pods any more"),
    ],
)
def test_what_a_stateful_set_keeps_is_told_of_and_nothing_is_touched(changed, field):
    stalled = plan(changed, running(stateful()))
    assert [str(each) for each in stalled.actions if not isinstance(each, Announce) and not is_status(each)] == []
    reason, message = ready_of(stalled)
    assert reason == "ImmutableField"
    assert f"StatefulSet shop/web keeps {field} " in message
    assert "--cascade=orphan" in message


def test_another_team_changes_no_claims():
    assert "StatefulSet" in applied(plan(stateful(team="search", generation=2), running(stateful(team="shop"))))


@pytest.mark.parametrize(
    ("application", "kind", "edit"),
    [
        pytest.param(stateful(), "StatefulSet", {"revisionHistoryLimit": 3, "template": {}}, id="a stateful set"),
        pytest.param(
            app(volumes=[{"name": "data", "mountPath": "/d", "template": {"size": "1Gi"}}]),
            "PersistentVolumeClaim",
            {"resources": {"requests": {"storage": "2Gi"}}},
            id="a claim that somebody has grown",
        ),
    ],
)
def test_what_holds_data_is_never_made_anew_by_itself(application, kind, edit):
    manifest = made(application, kind)
    edited = live({**manifest, "spec": {**manifest["spec"], **edit}})
    others = [each for each in children_of(application) if each[0] != kind]
    [repair] = [each for each in plan(application, seen(*others, (kind, edited))).actions if isinstance(each, Apply)][
        :1
    ]
    assert (repair.resource.kind, repair.or_replace) == (kind, "")


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
    stalled = plan(app(**spec), NOTHING)
    assert applied(stalled) == []
    assert conditions_of(stalled) == {"Ready": "False", "Reconciling": "False", "Stalled": "True"}
    [(reason, message)] = announced(stalled)
    assert reason == "InvalidSpec"
    assert words in message


def test_a_refusal_is_announced_once():
    bad = app(replicas=-1)
    assert plan(settled(bad, NOTHING), NOTHING, NOW + 60).actions == ()


def test_a_name_that_someone_else_holds_is_never_taken():
    foreign = made(app("other"), "Deployment")
    foreign["metadata"] |= {"name": "web"}
    taken = plan(app(), seen(("Deployment", live(foreign))))
    assert applied(taken) == []
    [(reason, message)] = announced(taken)
    assert reason == "NameTaken"
    assert "belongs to AppService other" in message


def test_a_child_that_lost_its_owner_is_taken_back():
    orphan = made(app(), "Deployment")
    orphan["metadata"] = {key: value for key, value in orphan["metadata"].items() if key != "ownerReferences"}
    assert "Deployment" in applied(plan(app(), seen(("Deployment", live(orphan)))))


def test_deletion_removes_the_children_first_and_then_the_finalizer():
    application = app(deleted=True)
    first = plan(application, seen(*children_of(app())))
    assert [type(action) for action in first.actions] == [Delete, Delete]
    last = plan(application, NOTHING)
    assert [type(action) for action in last.actions] == [SetFinalizers]
    assert last.actions[0].finalizers == ()
    assert last.actions[0].resource_version == "7"


def test_deletion_does_not_wait_for_ever():
    application, view = app(deleted=True), running(app())
    late = plan(application, view, NOW + DEADLINE_SECONDS)
    assert [action.finalizers for action in late.actions if isinstance(action, SetFinalizers)] == [()]
    [(reason, message)] = announced(late)
    assert reason == "DeadlineExceeded"
    assert "Deployment shop/web" in message


def test_children_that_are_to_stay_are_let_be():
    orphaning = app(deleted=True, finalizers=("orphan", FINALIZER))
    kept = plan(orphaning, running(app()))
    assert [action.finalizers for action in kept.actions] == [("orphan",)]


def test_deletion_leaves_others_children_and_others_finalizers():
    foreign = made(app("other"), "Deployment")
    foreign["metadata"] |= {"name": "web"}
    application = app(deleted=True, finalizers=("them/hold", FINALIZER))
    left = plan(application, seen(("Deployment", live(foreign))))
    assert [action.finalizers for action in left.actions] == [("them/hold",)]


def test_without_a_status_subresource_no_status_is_sent():
    application = app()
    assert plan(application, running(application, status_served=False)).actions == ()


SCALED = {"scaling": {"min": 3, "max": 9}}


def with_replicas(application, replicas):
    """The view of an application whose autoscaler has chosen a number."""
    manifest = made(application, "Deployment")
    chosen = live(manifest | {"spec": manifest["spec"] | {"replicas": replicas}}, **all_up(replicas))
    others = [(kind, obj) for kind, obj in children_of(application) if kind != "Deployment"]
    return seen(("Deployment", chosen), *others)


@pytest.mark.parametrize("replicas", [3, 7, 9, 0])
def test_the_number_of_pods_is_the_autoscalers(replicas):
    application = app(**SCALED)
    view = with_replicas(application, replicas)
    ready = settled(application, view)
    assert "replicas" not in made(application, "Deployment")["spec"]
    assert ready.status.ready
    assert plan(ready, view).actions == ()


@pytest.mark.parametrize(("replicas", "bounded"), [(1, 3), (12, 9)])
def test_the_number_of_pods_is_brought_within_bounds(replicas, bounded):
    application = app(**SCALED)
    scaled = plan(application, with_replicas(application, replicas))
    assert [a.replicas for a in scaled.actions if isinstance(a, Scale)] == [bounded]


def test_the_number_is_held_on_to_before_it_is_left_to_an_autoscaler():
    change = plan(app(generation=2, **SCALED), running(app(replicas=5), 5))
    kinds = [type(action).__name__ for action in change.actions if isinstance(action, Scale | Apply)]
    assert kinds.index("Scale") < kinds.index("Apply")
    assert next(a.replicas for a in change.actions if isinstance(a, Scale)) == 5


JOB = {"kind": "job", "ports": []}


def test_a_job_that_has_run_to_its_end_is_ready_and_not_run_again():
    application = app(**JOB)
    done = seen(*children_of(application, conditions=[{"type": "Complete", "status": "True"}]))
    ready = settled(application, done)
    assert ready.status.ready
    assert plan(ready, done).actions == ()
    assert plan(ready, NOTHING).actions == ()
    assert "Job" in applied(plan(msgspec.structs.replace(app(generation=2, **JOB), status=ready.status), NOTHING))


def test_a_changed_job_takes_the_place_of_the_old():
    change = plan(app(generation=2, image="nginx:2", **JOB), running(app(**JOB)))
    [apply] = [a for a in change.actions if isinstance(a, Apply) and not is_status(a)]
    assert (apply.resource.kind, apply.or_replace) == ("Job", "child")


def test_a_failed_job_stalls():
    application = app(**JOB)
    failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "too often"}
    told = plan(application, seen(*children_of(application, conditions=[failed])))
    assert ready_of(told) == ("BackoffLimitExceeded", "too often")
    assert conditions_of(told)["Stalled"] == "True"


@pytest.mark.parametrize(
    ("status", "reason", "stalled"),
    [
        pytest.param({"observedGeneration": 0}, "Progressing", "False", id="not seen yet"),
        pytest.param({"observedGeneration": 1, "updatedReplicas": 1}, "Progressing", "False", id="half updated"),
        pytest.param(
            {"observedGeneration": 1, "updatedReplicas": 2, "replicas": 3}, "Progressing", "False", id="old pods left"
        ),
        pytest.param(all_up() | {"availableReplicas": 1}, "Progressing", "False", id="not available"),
        pytest.param(
            {
                "observedGeneration": 1,
                "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}],
            },
            "ProgressDeadlineExceeded",
            "True",
            id="past its deadline",
        ),
        pytest.param(
            {
                "observedGeneration": 1,
                "conditions": [
                    {
                        "type": "ReplicaFailure",
                        "status": "True",
                        "message": 'pods "web-1" is forbidden: exceeded quota: team, requested: cpu=1',
                    }
                ],
            },
            "QuotaExceeded",
            "True",
            id="over its quota",
        ),
    ],
)
def test_an_unfinished_rollout_is_not_ready(status, reason, stalled):
    application = app()
    told = plan(application, seen(*children_of(application, **status)))
    assert ready_of(told)[0] == reason
    assert status_of(told)["ready"] is False
    assert conditions_of(told)["Stalled"] == stalled


def test_a_route_without_the_gateway_api_says_what_is_missing():
    application = app(expose={"host": "a.example.com", "gateway": {"name": "public"}})
    built_in = tuple(kind for kind in NOTHING.kinds if kind.kind != "HTTPRoute")
    objects = [(kind, obj) for kind, obj in children_of(application) if kind != "HTTPRoute"]
    told = plan(application, seen(*objects, kinds=built_in))
    assert ready_of(told)[0] == "KindMissing"
    assert applied(told) == []


def test_a_route_that_its_gateway_refuses_is_told_of():
    application = app(expose={"host": "a.example.com", "gateway": {"name": "public"}})
    refusal = {"type": "Accepted", "status": "False", "reason": "NotAllowedByListeners"}
    refused = live(made(application, "HTTPRoute"), parents=[{"conditions": [refusal]}])
    others = [(kind, obj) for kind, obj in children_of(application) if kind != "HTTPRoute"]
    told = plan(application, seen(("HTTPRoute", refused), *others))
    assert ready_of(told) == ("RouteRefused", "the Gateway does not take its route: NotAllowedByListeners")


@pytest.mark.parametrize(
    ("expose", "url"),
    [
        pytest.param({"host": "a.example.com", "tls": {}}, "https://a.example.com", id="over TLS"),
        pytest.param({"host": "a.example.com", "path": "/shop"}, "http://a.example.com/shop", id="with a path"),
    ],
)
def test_the_status_says_where_users_reach_it(expose, url):
    application = app(expose=expose)
    status = status_of(plan(application, running(application)))
    assert status["url"] == url
    assert list(status["endpoints"]) == ["web.shop.svc:80", url]


def test_a_load_balancers_address_is_told():
    application = app(expose={"type": "LoadBalancer"})
    balanced = live(made(application, "Service"), loadBalancer={"ingress": [{"ip": "192.0.2.7"}]})
    others = [(kind, obj) for kind, obj in children_of(application) if kind != "Service"]
    assert status_of(plan(application, seen(("Service", balanced), *others)))["url"] == "http://192.0.2.7:80"
