"""What is answered about a workload: its pods that wait, their place in line, and those no quota lets come to be."""

import pytest
from msgspec.structs import replace

from kubewright.api.apps import Deployment, ReplicaSet, ReplicaSetSpec
from kubewright.api.batch import Job, JobSpec, JobStatus
from kubewright.api.conditions import Condition
from kubewright.api.core import Namespace
from kubewright.api.crds.queue import Queue, QueueSpec, Quota
from kubewright.api.meta import ObjectMeta, OwnerReference, rfc3339
from kubewright.api.pods import ContainerState, ContainerStateTerminated, ContainerStatus
from kubewright.api.priorities import PriorityClass
from kubewright.api.quotas import ResourceQuota, ResourceQuotaStatus
from kubewright.cli.whycalls import lines
from kubewright.errors import OpError
from kubewright.explain.answers import EXPLAINED_AT_MOST, about_owner, about_pod
from kubewright.explain.cluster import Cluster
from kubewright.explain.documents import explanations
from kubewright.explain.line import Place, place_of
from kubewright.explain.missing import missing
from kubewright.explain.runtimes import RunTimes, endings
from kubewright.explain.targets import parse_target
from tests.unit.placement.build import node, pod

NOW = 1_000_000.0


def owned(given, kind, name, **metadata):
    owner = OwnerReference(kind=kind, name=name, uid=name, controller=True)
    return replace(given, metadata=replace(given.metadata, owner_references=(owner,), **metadata))


def run(given, *, since, until=None):
    """Let a pod run since so many seconds before now, or have run."""
    status = replace(given.status, phase="Running", start_time=rfc3339(NOW - since))
    if until is not None:
        ended = ContainerState(terminated=ContainerStateTerminated(finished_at=rfc3339(NOW - until)))
        status = replace(status, phase="Succeeded", container_statuses=(ContainerStatus(state=ended),))
    return replace(given, status=status)


def replica_set(replicas=3, **requests):
    template = {"spec": {"containers": [{"name": "c", "resources": {"requests": requests}}]}}
    meta = ObjectMeta(
        name="web-1",
        namespace="default",
        uid="web-1",
        owner_references=(OwnerReference(kind="Deployment", name="web", uid="web", controller=True),),
    )
    return ReplicaSet(metadata=meta, spec=ReplicaSetSpec(replicas=replicas, template=template))


WEB = Deployment(metadata=ObjectMeta(name="web", namespace="default", uid="web"))


def quota(**amounts):
    hard = {name.replace("_", "."): limit for name, (limit, _) in amounts.items()}
    used = {name.replace("_", "."): used for name, (_, used) in amounts.items()}
    return ResourceQuota(metadata=ObjectMeta(name="q", namespace="default"), status=ResourceQuotaStatus(hard, used))


def test_a_deployments_pods_are_found_through_its_replica_sets():
    sets = {each.key: each for each in [replica_set()]}
    waiting = owned(pod("a", requests={"cpu": "5"}), "ReplicaSet", "web-1")
    there = owned(pod("b", on="n"), "ReplicaSet", "web-1")
    cluster = Cluster(nodes=(node("n"),), pods=(waiting, there, pod("c")), replica_sets=sets, makers=(WEB,))
    answer = about_owner("web", cluster, NOW)
    assert [each.pod.metadata.name for each in answer.waiting] == ["a"]
    assert [each.metadata.name for each in answer.placed] == ["b"]
    assert not answer.is_well


def test_pods_that_a_quota_keeps_from_being_made_are_told_of_with_what_is_lacking():
    sets = {each.key: each for each in [replica_set(cpu="3", memory="1Gi")]}
    quotas = (quota(requests_cpu=("4", "3"), pods=("10", "1"), memory=("1Gi", "512Mi")),)
    cluster = Cluster(nodes=(node("n"),), replica_sets=sets, quotas=quotas, makers=(WEB,))
    (unmade,) = about_owner("web", cluster, NOW).unmade
    assert (unmade.owner, unmade.count) == ("replicaset/web-1", 3)
    assert [str(each) for each in unmade.shortages] == [
        "quota q needs 2 requests.cpu more: 3 of 4 are used, and the next pod asks for 3",
        "quota q needs 512Mi memory more: 512Mi of 1Gi are used, and the next pod asks for 1Gi",
    ]
    assert about_owner("another", cluster, NOW).unmade == ()


def test_a_quota_with_room_is_not_what_keeps_pods_away():
    sets = {each.key: each for each in [replica_set(cpu="3")]}
    cluster = Cluster(replica_sets=sets, quotas=(quota(requests_cpu=("6", "3")),), makers=(WEB,))
    assert about_owner("web", cluster, NOW).unmade == ()


def test_only_so_many_pods_that_are_alike_are_explained():
    pods = tuple(owned(pod(f"p{number}", requests={"cpu": "9"}), "ReplicaSet", "web-1") for number in range(30))
    cluster = Cluster(nodes=(node("n"),), pods=pods, replica_sets={replica_set().key: replica_set()}, makers=(WEB,))
    answer = about_owner("web", cluster, NOW)
    assert (len(answer.waiting), answer.unexplained) == (EXPLAINED_AT_MOST, 30 - EXPLAINED_AT_MOST)


def test_the_line_goes_by_priority_and_then_by_age():
    def aged(name, created, **spec):
        given = pod(name, **spec)
        return replace(given, metadata=replace(given.metadata, creation_timestamp=rfc3339(created)))

    pods = [
        aged("old", 10),
        aged("new", 20),
        aged("high", 30, priority=1),
        aged("elsewhere", 5, scheduler_name="other"),
        aged("placed", 1, on="n"),
    ]
    assert [place_of(pods[number], pods) for number in (2, 0, 1)] == [Place(0, 3), Place(1, 3), Place(2, 3)]
    assert str(place_of(pods[1], pods)) == "3 of 3"
    assert place_of(pods[4], pods) is None


def test_run_times_are_learned_from_the_closest_like_that_enough_is_known_of():
    ended = [
        owned(run(pod(f"e{n}", restart_policy="Never"), since=1000 + n, until=900), "Job", f"train-{n}")
        for n in range(6)
    ]
    running = owned(run(pod("r", on="n", restart_policy="Never"), since=40), "Job", "train-77")
    (found,) = endings([running], {}, RunTimes.of(ended), NOW)
    assert (found.seconds, found.by, found.named) == (63.0, "the run times of 6 like it", "job/train-77")
    stranger = owned(run(pod("r", on="n", restart_policy="Never"), since=40), "Job", "other")
    (found,) = endings([stranger], {}, RunTimes.of(ended), NOW)
    assert found.seconds == 63.0
    assert not list(endings([stranger], {}, RunTimes.of(ended[:4]), NOW))
    overdue = owned(run(pod("r", on="n", restart_policy="Never"), since=4000), "Job", "train-77")
    assert not list(endings([overdue], {}, RunTimes.of(ended), NOW))


@pytest.mark.parametrize(
    ("running", "seconds", "by"),
    [
        (pod("a", on="n", active_deadline_seconds=100), 60.0, "its deadline"),
        (owned(pod("a", on="n", restart_policy="Never"), "Job", "j"), 30.0, "its deadline"),
        (owned(pod("a", on="n"), "X", "x", deletion_timestamp=rfc3339(NOW + 20)), 20.0, "its deletion"),
        (owned(pod("a", on="n"), "X", "x", deletion_timestamp=rfc3339(NOW - 20)), 0.0, "its deletion"),
    ],
)
def test_an_end_is_known_by_what_the_pod_or_its_job_says(running, seconds, by):
    spec, status = JobSpec(active_deadline_seconds=100), JobStatus(start_time=rfc3339(NOW - 70))
    job = Job(metadata=ObjectMeta(name="j", namespace="default"), spec=spec, status=status)
    (found,) = endings([run(running, since=40)], {job.key: job}, RunTimes(), NOW)
    assert (found.seconds, found.by) == (seconds, by)


def test_what_serves_for_ever_never_ends():
    assert not list(endings([run(pod("a", on="n"), since=40)], {}, RunTimes(), NOW))


def test_pods_that_are_wanted_and_not_there_have_their_classs_priority():
    owner = replica_set(cpu="1")
    template = {"spec": {"priorityClassName": "high", "containers": []}}
    owner = replace(owner, spec=replace(owner.spec, template=template))
    there = owned(pod("b", on="n"), "ReplicaSet", "web-1")
    classes = (PriorityClass(metadata=ObjectMeta(name="high"), value=7),)
    (found,) = missing(Cluster(pods=(there,), replica_sets={owner.key: owner}, classes=classes))
    assert (found.count, found.pod.spec.priority, str(found)) == (2, 7, "replicaset/web-1")


@pytest.mark.parametrize(
    ("job", "count"),
    [
        (JobSpec(parallelism=2, completions=3), 2),
        (JobSpec(parallelism=2, completions=3, suspend=True), 0),
        (JobSpec(parallelism=4, completions=3), 3),
        (JobSpec(parallelism=2), 2),
    ],
)
def test_a_job_wants_as_many_pods_at_a_time_as_are_left_to_do(job, count):
    owner = Job(metadata=ObjectMeta(name="j", namespace="default", uid="j"), spec=job)
    assert sum(each.count for each in missing(Cluster(jobs={owner.key: owner}))) == count


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("a", "pod/a"),
        ("pod/a", "pod/a"),
        ("po/a", "pod/a"),
        ("deployments/web", "deployment/web"),
        ("deploy/web", "deployment/web"),
        ("AppService/shop", "appservice/shop"),
        ("sts/db", "statefulset/db"),
    ],
)
def test_targets_are_named_as_kubectl_names_them(text, target):
    assert str(parse_target(text)) == target


@pytest.mark.parametrize("text", ["service/a", "pod/", "pod/a/b", "/a"])
def test_what_has_no_pods_is_refused_with_what_has(text):
    with pytest.raises(OpError, match="expected KIND/NAME with a kind of: pod, deployment"):
        parse_target(text)


def test_an_answer_as_a_document_says_what_is_to_be_done_and_at_what_cost():
    waiting = pod("a", requests={"cpu": "5"})
    answer = about_pod(waiting, Cluster(nodes=(node("n"),), pods=(waiting,)), NOW)
    document = explanations(answer, "pod/a")
    assert (document["kind"], document["well"]) == ("Explanation", False)
    (found,) = document["pods"]
    assert found["message"].startswith("0/1 nodes are available: 1 Insufficient cpu.")
    assert found["diagnosis"]["filters"] == [
        {"filter": "NodeResourcesFit", "nodes": 1, "alone": 1, "reasons": [{"reason": "Insufficient cpu", "nodes": 1}]}
    ]
    assert found["remedies"] == [
        {
            "kind": "request",
            "cost": 2.0,
            "text": "request 4 cpu instead of 5",
            "node": "n",
            "requests": {"cpu": "4"},
        }
    ]
    assert found["place"] == {"ahead": 0, "waiting": 1}


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("False", "It fits on node n now; default-scheduler says: queue a: no quota of cpu is left"),
        ("True", "It fits on node n now; default-scheduler has not put it there. Does it run?"),
    ],
)
def test_what_only_the_scheduler_knows_is_told_in_its_words(status, told):
    condition = Condition("PodScheduled", status, "Unschedulable", "queue a: no quota of cpu is left")
    held = pod("p")
    held = replace(held, status=replace(held.status, conditions=(condition,)))
    answer = about_pod(held, Cluster(nodes=(node("n"),), pods=(held,)), NOW)
    assert list(lines(answer, "pod/p"))[1].strip() == told


def of_a_team(scheduler="kubewright-scheduler", told=""):
    quotas = (Quota("cpu", "", 2), Quota("memory", "", "1Gi"))
    green = Queue(metadata=ObjectMeta(name="green"), spec=QueueSpec(parent="all"))
    queues = (
        Queue(metadata=ObjectMeta(name="all")),
        Queue(metadata=ObjectMeta(name="blue"), spec=QueueSpec(parent="all", quotas=quotas)),
        green,
    )
    spaces = tuple(
        Namespace(metadata=ObjectMeta(name=name, labels={"kubewright.dev/queue": queue}))
        for name, queue in (("default", "blue"), ("other", "green"))
    )
    lent = pod("lent", on="n1", requests={"cpu": "1"})
    lent = replace(lent, metadata=replace(lent.metadata, namespace="other"))
    waiting = pod("w", requests={"cpu": "2"})
    condition = Condition(type="PodScheduled", status="False", reason="Unschedulable", message=told)
    status = replace(waiting.status, conditions=(condition,))
    waiting = replace(waiting, spec=replace(waiting.spec, scheduler_name=scheduler), status=status)
    return about_pod(waiting, Cluster((node("n1"),), (lent, waiting), namespaces=spaces, queues=queues), NOW)


def test_of_a_pod_whose_queue_lacks_quota_it_is_told_who_borrows_it_and_what_would_help():
    answer = of_a_team()
    text = list(lines(answer, "pod/w"))
    assert "  queue blue: needs 2 cpu, 1 left of 2; queue green borrows 1 cpu" in text
    at = text.index("  As far as its queue goes each of these alone would let it run:")
    assert [each.strip() for each in text[at + 1 : at + 3]] == [
        "1 more cpu of queue blue's quota",
        "request 1 cpu at most",
    ]
    (found,) = explanations(answer, "pod/w")["pods"]
    assert (found["queue"]["name"], found["queue"]["why"]) == ("blue", "needs 2 cpu, 1 left of 2")
    assert found["queue"]["borrowers"] == ["queue green borrows 1 cpu"]


def test_kube_scheduler_heeds_no_queues_unless_ours_is_in_its_place_and_says_so():
    assert of_a_team("default-scheduler").waiting[0].held is None
    assert of_a_team("default-scheduler", "queue blue: needs 2 cpu, 1 left of 2").waiting[0].held is not None
