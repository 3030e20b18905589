"""One Deployment's next step, as writes."""

import msgspec

from kubewright.api.apps import DeploymentCondition, DeploymentStatus
from kubewright.api.meta import rfc3339
from kubewright.twin.controllers.deployment import revisions
from kubewright.twin.controllers.deployment.decide import decide, same_template
from kubewright.twin.controllers.writes import Announce, Create, Patch, Remove
from tests.unit.twin.controllers.build import NOW, deployment, owned, replica_set


def of_type(decision, type_):
    return [write for write in decision.writes if isinstance(write, type_)]


def status_of(decision):
    return next((w.changes["status"] for w in of_type(decision, Patch) if w.subresource == "status"), {})


def settled(replicas=3, **options):
    """Return a Deployment and its one set, with nothing left to do."""
    new = replica_set("web-1", replicas, notes=noted(replicas, 1))
    first = deployment(replicas, notes={revisions.REVISION: "1"}, **options)
    status = status_of(decide(first, [new], NOW))
    conditions = tuple(
        DeploymentCondition(c["type"], c["status"], c["reason"], c["message"], c["lastTransitionTime"],
                            last_update_time=c["lastUpdateTime"])
        for c in status["conditions"]
    )  # fmt: skip
    done = DeploymentStatus(
        observed_generation=1, replicas=replicas, updated_replicas=replicas, ready_replicas=replicas,
        available_replicas=replicas, terminating_replicas=0, conditions=conditions,
    )  # fmt: skip
    return deployment(replicas, notes={revisions.REVISION: "1"}, status=done, **options), new


def noted(replicas, revision, surge=1):
    return {
        revisions.REVISION: str(revision),
        revisions.DESIRED: str(replicas),
        revisions.MAX_REPLICAS: str(replicas + surge),
    }


def test_a_new_deployment_makes_its_set_and_says_so():
    decision = decide(deployment(3), [], NOW)
    (created,) = of_type(decision, Create)
    manifest = created.manifest
    digest = manifest["metadata"]["labels"]["pod-template-hash"]
    assert manifest["metadata"]["name"] == f"web-{digest}"
    assert manifest["spec"]["replicas"] == 3
    assert manifest["spec"]["selector"] == {"matchLabels": {"app": "web", "pod-template-hash": digest}}
    assert manifest["spec"]["template"]["metadata"]["labels"] == {"app": "web", "pod-template-hash": digest}
    assert manifest["metadata"]["annotations"] == noted(3, 1)
    assert [each.message for each in of_type(decision, Announce)] == [f"Scaled up replica set web-{digest} from 0 to 3"]
    status = status_of(decision)
    assert status["unavailableReplicas"] == 3
    reasons = {each["type"]: (each["status"], each["reason"], each["message"]) for each in status["conditions"]}
    assert reasons["Progressing"] == ("True", "NewReplicaSetCreated", f'Created new replica set "web-{digest}"')
    assert reasons["Available"][:2] == ("False", "MinimumReplicasUnavailable")
    assert decision.look_again_at == NOW + 601


def test_nothing_to_do_writes_nothing():
    settled_deployment, new = settled()
    assert decide(settled_deployment, [new], NOW + 5) == decide(settled_deployment, [new], NOW + 5000)
    assert decide(settled_deployment, [new], NOW + 5).writes == ()


def test_the_same_template_has_the_same_hash_until_it_collides():
    one = revisions.template_hash(deployment(3))
    assert one == revisions.template_hash(deployment(5))
    assert one != revisions.template_hash(deployment(3, image="web:2"))
    assert one != revisions.template_hash(deployment(3, status=DeploymentStatus(collision_count=1)))


def test_a_set_of_that_name_counts_as_ours_only_with_our_template_and_owner():
    assert same_template(deployment(3), replica_set("web-x", 3))
    assert not same_template(deployment(3), replica_set("web-x", 3, image="web:9"))
    assert not same_template(deployment(3), replica_set("web-x", 3, owners=(owned("Deployment", "other"),)))


def test_going_back_renumbers_the_old_set_and_remembers():
    old = replica_set("web-1", 0, notes=noted(3, 1), age=99)
    new = replica_set("web-2", 3, image="web:2", notes=noted(3, 2))
    decision = decide(deployment(3, image="web:1", notes={revisions.REVISION: "2"}), [old, new], NOW)
    annotated = next(w for w in of_type(decision, Patch) if w.key.name == "web-1")
    assert annotated.changes["metadata"]["annotations"] == {revisions.REVISION: "3", revisions.HISTORY: "1"}
    own = next(w for w in of_type(decision, Patch) if w.resource.plural == "deployments")
    assert own.changes["metadata"] == {"annotations": {revisions.REVISION: "3"}}


def test_a_deployments_annotations_are_copied_but_not_what_kubectl_keeps():
    notes = {"kubernetes.io/change-cause": "new", "kubectl.kubernetes.io/last-applied-configuration": "{}"}
    (created,) = of_type(decide(deployment(1, notes=notes), [], NOW), Create)
    copied = created.manifest["metadata"]["annotations"]
    assert copied["kubernetes.io/change-cause"] == "new"
    assert "kubectl.kubernetes.io/last-applied-configuration" not in copied


def test_recreate_empties_the_old_sets_first_and_waits_for_their_pods():
    old = replica_set("web-1", 3, notes=noted(3, 1, 0))
    target = deployment(3, image="web:2", recreate=True)
    first = decide(target, [old], NOW, old_pods=True)
    assert [w.changes["spec"] for w in of_type(first, Patch) if w.key.name == "web-1"] == [{"replicas": 0}]
    assert not of_type(first, Create)
    empty = replica_set("web-1", 0, notes=noted(3, 1, 0))
    assert not of_type(decide(target, [empty], NOW, old_pods=True), Create)
    assert of_type(decide(target, [empty], NOW, old_pods=False), Create)


def test_a_paused_deployment_makes_no_set_and_says_that_it_is_paused():
    decision = decide(deployment(3, image="web:2", paused=True), [replica_set("web-1", 3, notes=noted(3, 1))], NOW)
    assert not of_type(decision, Create)
    conditions = {each["type"]: each for each in status_of(decision)["conditions"]}
    assert (conditions["Progressing"]["status"], conditions["Progressing"]["reason"]) == ("Unknown", "DeploymentPaused")
    assert decision.look_again_at is None


def test_a_rollout_that_stands_still_times_out_once():
    old_stamp = rfc3339(NOW - 700)
    progressing = DeploymentCondition(
        "Progressing", "True", "ReplicaSetUpdated", "", old_stamp, last_update_time=old_stamp
    )
    status = DeploymentStatus(observed_generation=1, replicas=3, updated_replicas=3, conditions=(progressing,))
    stuck = replica_set("web-1", 3, 0, notes=noted(3, 1))
    decision = decide(deployment(3, notes={revisions.REVISION: "1"}, status=status), [stuck], NOW)
    conditions = {each["type"]: each for each in status_of(decision)["conditions"]}
    assert conditions["Progressing"]["reason"] == "ProgressDeadlineExceeded"
    assert conditions["Progressing"]["message"] == 'ReplicaSet "web-1" has timed out progressing.'
    assert decision.look_again_at is None


def test_empty_old_sets_beyond_the_limit_go_oldest_revision_first():
    live, new = settled(revision_history_limit=1)
    old = [
        replica_set(f"old-{number}", 0, image=f"web:0{number}", age=90 - number, notes=noted(3, -number))
        for number in range(3)
    ]
    for number, each in enumerate(old):
        each.metadata.annotations[revisions.REVISION] = "0" if not number else str(number)
    removed = [write.key.name for write in of_type(decide(live, [*old, new], NOW), Remove)]
    assert removed == ["old-0", "old-1"]


def test_a_deployment_being_deleted_only_counts():

    target = deployment(3)
    going = msgspec.structs.replace(
        target, metadata=msgspec.structs.replace(target.metadata, deletion_timestamp=rfc3339(NOW))
    )
    decision = decide(going, [], NOW)
    assert {type(write) for write in decision.writes} == {Patch}
