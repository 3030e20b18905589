"""What kubewright deploys keeps to Pod Security: applications to `restricted`, the node agent to none."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from kubewright.cli.main import cli
from kubewright.replay.sweep import job
from tests.contract.asking import eventually
from tests.contract.manifests import pod

APPS = Path(__file__).parents[2] / "examples"
LEVELS = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
POD_KINDS = {"Deployment", "StatefulSet", "Job", "CronJob", "DaemonSet"}


def printed(*words):
    output = CliRunner().invoke(cli, words, catch_exceptions=False).output
    return [each for each in yaml.safe_load_all(output) if each["kind"] in POD_KINDS]


def pods_of(documents):
    """Give the pods that they would make: those are enforced upon, what makes them is only warned about."""
    for each in documents:
        spec = each["spec"]
        template = spec["jobTemplate"]["spec"]["template"] if each["kind"] == "CronJob" else spec["template"]
        # A StatefulSet's pods have volumes for its claims.
        volumes = [{"name": one["metadata"]["name"], "emptyDir": {}} for one in spec.get("volumeClaimTemplates", ())]
        template["spec"]["volumes"] = [*template["spec"].get("volumes", ()), *volumes]
        labels = template.get("metadata", {}).get("labels", {})
        metadata = {"name": each["metadata"]["name"], "labels": labels}
        yield {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


@pytest.fixture
async def restricted(api, namespace):
    (await api.of("namespaces").merge(namespace, {"metadata": {"labels": LEVELS}})).ok()
    pods = api.of("pods", namespace)
    await pods.refuses(pod("plain"), says='violates PodSecurity "restricted')
    return pods


@pytest.fixture(scope="module")
def pods():
    """Those of every example; rendering runs a loop of its own."""
    paths = [APPS / "hello.yaml", APPS / "shop.yaml", *sorted((APPS / "apps").glob("*.yaml"))]
    return [each for path in paths for each in pods_of(printed("render", "-f", str(path)))]


async def test_every_example_of_an_application_is_restricted(restricted, pods):
    assert len(pods) > 8
    for each in pods:
        # Accounts and classes are not there: only what Pod Security says is asked for.
        for field in ("serviceAccountName", "priorityClassName", "runtimeClassName"):
            each["spec"].pop(field, None)
        answer = await restricted.create(each, dryRun="All")
        assert answer.status < 300, (each["metadata"]["name"], answer.document)
        assert answer.warnings == [], each["metadata"]["name"]


async def test_the_job_of_a_replays_sweep_is_accepted_and_restricted(api, restricted, namespace):
    made = job(["--nodes=20"], (1, 2, 3), image="kubewright:1", at_once=2)
    (await api.of("jobs", namespace).create(made, dryRun="All")).ok()
    made["metadata"]["name"] = "sweep"
    (one,) = pods_of([made])
    answer = await restricted.create(one, dryRun="All")
    answer.ok()
    assert answer.warnings == []


async def test_the_node_agent_runs_only_where_pods_may_be_privileged(api, restricted, namespace):
    (agent,) = pods_of(printed("agent", "manifest", "--image", "kubewright:1"))
    for field in ("serviceAccountName", "priorityClassName"):
        agent["spec"].pop(field, None)
    assert "restricted volume types" in (await restricted.create(agent, dryRun="All")).refused.message
    levels = dict.fromkeys(LEVELS, "privileged")
    (await api.of("namespaces").merge(namespace, {"metadata": {"labels": levels}})).ok()

    async def accepted():
        answer = await restricted.create(agent, dryRun="All")
        return answer if answer.status < 300 else None

    # Admission has the namespace's levels from a cache.
    assert (await eventually(accepted)).warnings == []
