"""StatefulSets, DaemonSets, Jobs, disruption budgets and evictions on simulated nodes."""

import pytest

from tests.contract.asking import eventually
from tests.contract.manifests import deployment, pod

QUICK = {"terminationGracePeriodSeconds": 1}
EVICTION = {"apiVersion": "policy/v1", "kind": "Eviction"}


@pytest.fixture
def stateful_sets(api, namespace):
    return api.of("statefulsets", namespace, root="/apis/apps/v1")


@pytest.fixture
def daemon_sets(api, namespace):
    return api.of("daemonsets", namespace, root="/apis/apps/v1")


@pytest.fixture
def revisions(api, namespace):
    return api.of("controllerrevisions", namespace, root="/apis/apps/v1")


@pytest.fixture
def jobs(api, namespace):
    return api.of("jobs", namespace, root="/apis/batch/v1")


@pytest.fixture
def budgets(api, namespace):
    return api.of("poddisruptionbudgets", namespace, root="/apis/policy/v1")


@pytest.fixture
def pods(api, namespace):
    return api.of("pods", namespace)


def template(name, *, image="nginx:1", notes=None, **spec):
    containers = [{"name": "main", "image": image}]
    metadata = {"labels": {"app": name}, "annotations": notes or {}}
    return {"metadata": metadata, "spec": {"containers": containers, **QUICK, **spec}}


def stateful_set(name, replicas=2, *, pod_spec=None, **spec):
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "serviceName": "peers",
            "selector": {"matchLabels": {"app": name}},
            "template": template(name, **(pod_spec or {})),
            **spec,
        },
    }


def daemon_set(name, *, pod_spec=None, **spec):
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": template(name, **(pod_spec or {})),
            **spec,
        },
    }


def job(name, *, seconds="0.1", code="0", policy="Never", **spec):
    notes = {"twin.kubewright.dev/exit-after": seconds, "twin.kubewright.dev/exit-code": code}
    body = {"containers": [{"name": "main", "image": "nginx:1"}], "restartPolicy": policy, **QUICK}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": {"metadata": {"annotations": notes}, "spec": body}, **spec},
    }


def budget(name, app, **spec):
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": {"app": app}}, **spec},
    }


def settled(replicas):
    """Whether all pods of a StatefulSet are there, ready and of the wanted revision."""

    def so(document):
        status = document["status"]
        counts = [status.get(each, 0) for each in ("replicas", "readyReplicas", "updatedReplicas")]
        fresh = status.get("observedGeneration") == document["metadata"]["generation"]
        return fresh and counts == [replicas] * 3 and status["currentRevision"] == status["updateRevision"]

    return so


def everywhere(document):
    """Whether a DaemonSet has an available pod of its template on each node that it wants."""
    status = document["status"]
    wanted = status.get("desiredNumberScheduled", 0)
    counts = [status.get(each, 0) for each in ("numberAvailable", "updatedNumberScheduled")]
    fresh = status.get("observedGeneration") == document["metadata"]["generation"]
    return fresh and wanted and counts == [wanted] * 2


def conditions(document):
    return [
        (each["type"], each["status"], each["reason"], each["message"])
        for each in document.get("status", {}).get("conditions") or []
    ]


def ended(kind):
    return lambda document: any(type_ == kind for type_, *_ in conditions(document))


async def evict(pods, name, **query):
    return await pods.api.ask("POST", pods.at(name, "eviction"), {**EVICTION, "metadata": {"name": name}}, **query)


async def described(pods):
    items = (await pods.list()).ok()["items"]
    return {it["metadata"]["name"]: it for it in items if "deletionTimestamp" not in it["metadata"]}


async def images(pods):
    return {name: it["spec"]["containers"][0]["image"] for name, it in (await described(pods)).items()}


async def until_images(pods, expected):
    async def so():
        return await images(pods) == expected

    await eventually(so, pods.list)


async def test_a_stateful_set_numbers_its_pods(stateful_sets, pods, revisions):
    made = (await stateful_sets.create(stateful_set("a", 2))).ok()
    done = await stateful_sets.becomes("a", settled(2))
    assert done["status"] == {
        "availableReplicas": 2,
        "collisionCount": 0,
        "currentReplicas": 2,
        "currentRevision": done["status"]["updateRevision"],
        "observedGeneration": 1,
        "readyReplicas": 2,
        "replicas": 2,
        "updateRevision": done["status"]["updateRevision"],
        "updatedReplicas": 2,
    }
    (revision,) = (await revisions.list()).ok()["items"]
    assert revision["metadata"]["name"] == done["status"]["updateRevision"]
    assert revision["revision"] == 1
    assert revision["data"]["spec"]["template"]["$patch"] == "replace"
    found = await described(pods)
    assert sorted(found) == ["a-0", "a-1"]
    one = found["a-1"]
    assert one["metadata"]["labels"]["apps.kubernetes.io/pod-index"] == "1"
    assert one["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] == "a-1"
    assert one["metadata"]["labels"]["controller-revision-hash"] == revision["metadata"]["name"]
    assert (one["spec"]["hostname"], one["spec"]["subdomain"]) == ("a-1", "peers")
    assert one["metadata"]["generateName"] == "a-"
    assert one["metadata"]["ownerReferences"][0]["uid"] == made["metadata"]["uid"]


async def test_an_ordered_set_waits_for_each_pod(stateful_sets, pods):
    never = {"notes": {"twin.kubewright.dev/ready-seconds": "never"}}
    (await stateful_sets.create(stateful_set("a", 3, pod_spec=never))).ok()
    await stateful_sets.becomes("a", lambda it: it["status"].get("replicas") == 1)
    await pods.becomes("a-0", lambda it: it["status"]["phase"] == "Running")
    assert await pods.names() == ["a-0"]


async def test_a_parallel_set_waits_for_none(stateful_sets, pods):
    never = {"notes": {"twin.kubewright.dev/ready-seconds": "never"}}
    (await stateful_sets.create(stateful_set("a", 3, pod_spec=never, podManagementPolicy="Parallel"))).ok()
    await stateful_sets.becomes("a", lambda it: it["status"].get("replicas") == 3)
    assert await pods.names() == ["a-0", "a-1", "a-2"]


async def test_a_set_begins_where_its_ordinals_do(stateful_sets, pods):
    (await stateful_sets.create(stateful_set("a", 2, ordinals={"start": 5}))).ok()
    await stateful_sets.becomes("a", settled(2))
    assert await pods.names() == ["a-5", "a-6"]


async def test_a_set_shrinks_from_the_top(stateful_sets, pods):
    (await stateful_sets.create(stateful_set("a", 3, podManagementPolicy="Parallel"))).ok()
    await stateful_sets.becomes("a", settled(3))
    (await stateful_sets.merge("a", {"spec": {"replicas": 1}}, "scale")).ok()
    await stateful_sets.becomes("a", settled(1))
    assert await pods.names() == ["a-0"]


async def test_claims_are_made_for_each_pod_and_stay(stateful_sets, pods, api, namespace):
    claims = api.of("persistentvolumeclaims", namespace, root="/api/v1")
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "", "resources": {"requests": {"storage": "1Gi"}}}
    wanted = [{"metadata": {"name": "data", "labels": {"tier": "db"}}, "spec": spec}]
    (await stateful_sets.create(stateful_set("a", 2, podManagementPolicy="Parallel", volumeClaimTemplates=wanted))).ok()
    made = await claims.becomes("data-a-1", lambda it: True)
    assert made["metadata"]["labels"] == {"app": "a", "tier": "db"}
    assert "ownerReferences" not in made["metadata"]
    one = await pods.becomes("a-1", lambda it: True)
    (volume,) = [each for each in one["spec"]["volumes"] if each["name"] == "data"]
    assert volume["persistentVolumeClaim"] == {"claimName": "data-a-1"}
    (await stateful_sets.delete("a")).ok()
    await pods.gone("a-1")
    assert await claims.names() == ["data-a-0", "data-a-1"]


async def test_a_set_rolls_from_the_top(stateful_sets, pods, revisions):
    (await stateful_sets.create(stateful_set("a", 2))).ok()
    await stateful_sets.becomes("a", settled(2))
    (await stateful_sets.merge("a", {"spec": {"template": template("a", image="nginx:2")}})).ok()
    await stateful_sets.becomes("a", settled(2))
    assert await images(pods) == {"a-0": "nginx:2", "a-1": "nginx:2"}
    assert sorted(each["revision"] for each in (await revisions.list()).ok()["items"]) == [1, 2]


async def test_a_partition_holds_lower_pods_back(stateful_sets, pods):
    update = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    (await stateful_sets.create(stateful_set("a", 2, updateStrategy=update))).ok()
    await stateful_sets.becomes("a", settled(2))
    (await stateful_sets.merge("a", {"spec": {"template": template("a", image="nginx:2")}})).ok()
    await until_images(pods, {"a-0": "nginx:1", "a-1": "nginx:2"})
    split = await stateful_sets.becomes("a", lambda it: it["status"].get("readyReplicas") == 2)
    assert split["status"]["currentRevision"] != split["status"]["updateRevision"]
    (await pods.delete("a-0", {"gracePeriodSeconds": 0})).ok()
    await until_images(pods, {"a-0": "nginx:1", "a-1": "nginx:2"})


async def test_on_delete_leaves_pods_until_they_are_deleted(stateful_sets, pods):
    (await stateful_sets.create(stateful_set("a", 2, updateStrategy={"type": "OnDelete"}))).ok()
    await stateful_sets.becomes("a", lambda it: it["status"].get("readyReplicas") == 2)
    (await stateful_sets.merge("a", {"spec": {"template": template("a", image="nginx:2")}})).ok()
    await stateful_sets.becomes("a", lambda it: it["status"]["observedGeneration"] == 2)
    (await pods.delete("a-0", {"gracePeriodSeconds": 0})).ok()
    await until_images(pods, {"a-0": "nginx:2", "a-1": "nginx:1"})


async def test_a_daemon_runs_on_every_node(daemon_sets, pods, revisions, api):
    (await daemon_sets.create(daemon_set("a"))).ok()
    done = await daemon_sets.becomes("a", everywhere)
    nodes = sorted(await api.of("nodes").names())
    found = list((await described(pods)).values())
    assert sorted(it["spec"]["nodeName"] for it in found) == nodes
    count = len(nodes)
    assert done["status"] == {
        "currentNumberScheduled": count,
        "desiredNumberScheduled": count,
        "numberAvailable": count,
        "numberMisscheduled": 0,
        "numberReady": count,
        "observedGeneration": 1,
        "updatedNumberScheduled": count,
    }
    (revision,) = (await revisions.list()).ok()["items"]
    digest = revision["metadata"]["labels"]["controller-revision-hash"]
    assert revision["metadata"]["name"] == f"a-{digest}"
    one = found[0]
    assert one["metadata"]["labels"]["controller-revision-hash"] == digest
    assert one["metadata"]["labels"]["pod-template-generation"] == "1"
    assert one["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] == {
        "nodeSelectorTerms": [
            {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [one["spec"]["nodeName"]]}]}
        ]
    }
    added = ("not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure", "unschedulable")
    assert [each["key"] for each in one["spec"]["tolerations"]] == [f"node.kubernetes.io/{key}" for key in added]
    assert all(each["operator"] == "Exists" for each in one["spec"]["tolerations"])


async def test_a_daemon_keeps_to_its_node_selector(daemon_sets, pods, api):
    node = min(await api.of("nodes").names())
    (await daemon_sets.create(daemon_set("a", pod_spec={"nodeSelector": {"kubernetes.io/hostname": node}}))).ok()
    await daemon_sets.becomes("a", everywhere)
    assert [it["spec"]["nodeName"] for it in (await described(pods)).values()] == [node]


async def test_a_daemon_rolls_node_by_node(daemon_sets, pods):
    (await daemon_sets.create(daemon_set("a"))).ok()
    done = await daemon_sets.becomes("a", everywhere)
    assert done["metadata"]["annotations"]["deprecated.daemonset.template.generation"] == "1"
    (await daemon_sets.merge("a", {"spec": {"template": template("a", image="nginx:2")}})).ok()
    done = await daemon_sets.becomes("a", everywhere)
    assert done["metadata"]["annotations"]["deprecated.daemonset.template.generation"] == "2"
    assert set((await images(pods)).values()) == {"nginx:2"}


async def test_a_daemon_that_is_updated_on_delete_waits(daemon_sets, pods):
    (await daemon_sets.create(daemon_set("a", updateStrategy={"type": "OnDelete"}))).ok()
    await daemon_sets.becomes("a", everywhere)
    (await daemon_sets.merge("a", {"spec": {"template": template("a", image="nginx:2")}})).ok()
    left = await daemon_sets.becomes("a", lambda it: it["status"]["observedGeneration"] == 2)
    assert left["status"].get("updatedNumberScheduled", 0) == 0
    first = min(await pods.names())
    (await pods.delete(first, {"gracePeriodSeconds": 0})).ok()
    await daemon_sets.becomes("a", lambda it: it["status"].get("updatedNumberScheduled") == 1)
    assert sorted((await images(pods)).values()).count("nginx:2") == 1


async def test_a_job_completes(jobs, pods):
    made = (await jobs.create(job("a", completions=2, parallelism=2))).ok()
    uid = made["metadata"]["uid"]
    assert made["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    assert made["metadata"]["labels"]["batch.kubernetes.io/job-name"] == "a"
    done = await jobs.becomes("a", ended("Complete"))
    text = "Reached expected number of succeeded pods"
    assert conditions(done) == [
        ("SuccessCriteriaMet", "True", "CompletionsReached", text),
        ("Complete", "True", "CompletionsReached", text),
    ]
    counted = {key: done["status"].get(key) for key in ("active", "ready", "terminating", "succeeded", "failed")}
    assert counted == {"active": None, "ready": 0, "terminating": 0, "succeeded": 2, "failed": None}
    assert done["status"]["uncountedTerminatedPods"] == {}
    assert done["status"]["completionTime"] >= done["status"]["startTime"]
    assert not any("finalizers" in it["metadata"] for it in (await described(pods)).values())


async def test_an_indexed_job_numbers_its_pods(jobs, pods):
    (await jobs.create(job("a", completions=3, parallelism=3, completionMode="Indexed"))).ok()
    done = await jobs.becomes("a", ended("Complete"))
    assert done["status"]["completedIndexes"] == "0-2"
    found = (await described(pods)).values()
    key = "batch.kubernetes.io/job-completion-index"
    assert sorted(it["metadata"]["annotations"][key] for it in found) == ["0", "1", "2"]
    for it in found:
        index = it["metadata"]["labels"][key]
        assert it["metadata"]["generateName"] == f"a-{index}-"
        assert it["spec"]["hostname"] == f"a-{index}"
        (variable,) = it["spec"]["containers"][0]["env"]
        assert variable["name"] == "JOB_COMPLETION_INDEX"
        assert variable["valueFrom"]["fieldRef"]["fieldPath"] == f"metadata.labels['{key}']"


async def test_a_job_gives_up(jobs, pods):
    (await jobs.create(job("a", code="3", backoffLimit=0))).ok()
    done = await jobs.becomes("a", ended("Failed"))
    text = "Job has reached the specified backoff limit"
    assert conditions(done) == [
        ("FailureTarget", "True", "BackoffLimitExceeded", text),
        ("Failed", "True", "BackoffLimitExceeded", text),
    ]
    assert (done["status"]["failed"], done["status"]["ready"]) == (1, 0)
    assert "completionTime" not in done["status"]


async def test_a_job_has_a_deadline(jobs, pods):
    (await jobs.create(job("a", seconds="600", activeDeadlineSeconds=1))).ok()
    done = await jobs.becomes("a", ended("Failed"))
    assert [each[2:] for each in conditions(done)] == [
        ("DeadlineExceeded", "Job was active longer than specified deadline")
    ] * 2
    assert done["status"]["failed"] == 1


async def test_a_suspended_job_waits_and_goes_on(jobs, pods):
    (await jobs.create(job("a", suspend=True))).ok()
    held = await jobs.becomes("a", ended("Suspended"))
    assert conditions(held) == [("Suspended", "True", "JobSuspended", "Job suspended")]
    assert "startTime" not in held["status"]
    assert await pods.names() == []
    (await jobs.merge("a", {"spec": {"suspend": False}})).ok()
    done = await jobs.becomes("a", ended("Complete"))
    assert conditions(done)[0] == ("Suspended", "False", "JobResumed", "Job resumed")


async def test_an_ended_job_goes_after_its_time(jobs, pods):
    (await jobs.create(job("a", ttlSecondsAfterFinished=0))).ok()
    await jobs.gone("a")

    async def none():
        return await pods.names() == []

    await eventually(none, pods.list)


async def test_a_budget_counts_pods(budgets, api, namespace):
    (await budgets.create(budget("b", "a", minAvailable=1))).ok()
    (await api.of("deployments", namespace).create(deployment("a", 2))).ok()
    full = await budgets.becomes("b", lambda it: it["status"].get("disruptionsAllowed") == 1)
    counts = ("currentHealthy", "desiredHealthy", "expectedPods", "observedGeneration")
    assert [full["status"][each] for each in counts] == [2, 1, 2, 1]
    assert conditions(full) == [("DisruptionAllowed", "True", "SufficientPods", "")]


async def test_a_budget_in_shares_asks_what_is_wanted(budgets, api, namespace):
    (await api.of("deployments", namespace).create(deployment("a", 4))).ok()
    (await budgets.create(budget("b", "a", maxUnavailable="25%"))).ok()
    full = await budgets.becomes("b", lambda it: it["status"].get("currentHealthy") == 4)
    counts = ("disruptionsAllowed", "desiredHealthy", "expectedPods")
    assert [full["status"][each] for each in counts] == [1, 3, 4]


async def test_an_eviction_within_the_budget_uses_it_up(budgets, stateful_sets, pods):
    slow = {"notes": {"twin.kubewright.dev/stop-seconds": "600"}, "terminationGracePeriodSeconds": 600}
    made = stateful_set("a", 2, podManagementPolicy="Parallel", pod_spec=slow)
    (await stateful_sets.create(made)).ok()
    (await budgets.create(budget("b", "a", minAvailable=1))).ok()
    await budgets.becomes("b", lambda it: it["status"].get("disruptionsAllowed") == 1)
    assert (await evict(pods, "a-0", dryRun="All")).status == 201
    assert (await evict(pods, "a-0")).status == 201
    refused = await evict(pods, "a-1")
    assert refused.refused.code == 429
    assert refused.refused.reason == "TooManyRequests"
    (await stateful_sets.delete("a", {"propagationPolicy": "Orphan"})).ok()
    await stateful_sets.gone("a")
    for name in ("a-0", "a-1"):
        (await pods.delete(name, {"gracePeriodSeconds": 0})).ok()


async def test_an_eviction_beyond_the_budget_is_refused(budgets, stateful_sets, pods):
    (await stateful_sets.create(stateful_set("a", 1))).ok()
    (await budgets.create(budget("b", "a", minAvailable=1))).ok()
    await budgets.becomes("b", lambda it: it["status"].get("currentHealthy") == 1)
    refused = await evict(pods, "a-0")
    assert refused.refused.message == "Cannot evict pod as it would violate the pod's disruption budget."
    assert refused.document["details"] == {
        "causes": [
            {
                "reason": "DisruptionBudget",
                "message": "The disruption budget b needs 1 healthy pods and has 1 currently",
            }
        ]
    }
    assert (await pods.get("a-0")).status == 200


async def test_several_budgets_for_a_pod_are_an_error(budgets, stateful_sets, pods):
    (await stateful_sets.create(stateful_set("a", 1))).ok()
    await stateful_sets.becomes("a", settled(1))
    for name in ("b", "c"):
        (await budgets.create(budget(name, "a", minAvailable=0))).ok()
    refused = (await evict(pods, "a-0")).refused
    assert refused.code == 500
    assert refused.message == (
        "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
    )


async def test_a_pod_that_does_not_run_yet_is_evicted_in_spite_of_its_budget(budgets, pods):
    waiting = pod("a", nodeSelector={"no": "such"})
    waiting["metadata"]["labels"] = {"app": "a"}
    (await pods.create(waiting)).ok()
    (await budgets.create(budget("b", "a", minAvailable=1))).ok()
    await budgets.becomes("b", lambda it: it["status"].get("expectedPods") == 1)
    assert (await evict(pods, "a")).status == 201
    await pods.gone("a")


async def test_a_daemon_that_failed_is_taken_away_and_told_of(api, namespace, daemon_sets, pods):
    (await daemon_sets.create(daemon_set("agent"))).ok()
    await daemon_sets.becomes("agent", everywhere)
    failed = (await pods.list()).ok()["items"][0]
    name, node = failed["metadata"]["name"], failed["spec"]["nodeName"]
    (await pods.merge(name, {"status": {"phase": "Failed"}}, "status")).ok()
    await pods.gone(name)
    await daemon_sets.becomes("agent", everywhere)

    async def told():
        events = (await api.of("events", namespace).list(fieldSelector="involvedObject.name=agent")).ok()["items"]
        return [each["message"] for each in events if each["reason"] == "FailedDaemonPod"]

    text = f"Found failed daemon pod {namespace}/{name} on node {node}, will try to kill it"
    assert await eventually(told) == [text]
