"""What is rendered is what a server takes, and what is shown as a difference is what applying would change."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from kubewright.api.crds.appservice import APP_SERVICE_CRD
from kubewright.workloads.kinds import BUILT_IN
from tests.contract.conftest import kubewright

ROOT = "/apis/app.example.com/v1"
EXAMPLES = Path(__file__).parents[2] / "examples" / "apps"
PLURALS = {kind.kind: kind.plural for kind in BUILT_IN}


@pytest.fixture(scope="module")
def defined(module_app_service_kind):
    with module_app_service_kind(yaml.safe_dump(APP_SERVICE_CRD)):
        yield


@pytest.fixture
def tool(cluster):
    """Run a command of kubewright's against the cluster."""

    def tool(*arguments, stdin=""):
        command = [sys.executable, "-m", "kubewright", *arguments]
        environment = cluster.environment()
        return subprocess.run(
            command, input=stdin, text=True, capture_output=True, env=environment, timeout=300, check=False
        )

    return tool


async def test_the_examples_and_all_that_is_rendered_of_them_are_taken(api, tool, run, namespace, defined):
    applied = run("apply", "--dry-run=server", "-f", str(EXAMPLES)).stdout.splitlines()
    assert len(applied) == sum(path.read_text().count("kind: AppService") for path in EXAMPLES.glob("*.yaml"))
    items = json.loads(tool("render", "-f", str(EXAMPLES), "-n", namespace, "-o", "json").stdout)["items"]
    assert len(items) > 80
    for each in items:
        if each["kind"] in PLURALS:
            (await api.ask("POST", path_of(each), each, dryRun="All", fieldValidation="Strict")).ok()


def path_of(manifest):
    root = f"/apis/{manifest['apiVersion']}" if "/" in manifest["apiVersion"] else f"/api/{manifest['apiVersion']}"
    return f"{root}/namespaces/{manifest['metadata']['namespace']}/{PLURALS[manifest['kind']]}"


APP = """
apiVersion: app.example.com/v1
kind: AppService
metadata: {name: web}
spec:
  image: nginx:1
  replicas: 1
  ports: [{name: http, port: 80}]
  availability: {}
"""


def lines(answer):
    return answer.stdout.splitlines()


async def test_a_difference_is_what_applying_would_change(api, cluster, tool, run, namespace, defined):
    apps = api.of("appservices", namespace, root=ROOT)
    await apps.served()

    def diff(text):
        return tool("diff", "-f", "-", "-n", namespace, stdin=text)

    new = diff(APP)
    assert (new.returncode, new.stderr) == (1, "")
    assert [line for line in lines(new) if line.startswith("+++")] == [
        f"+++ merged {kind}/{namespace}/web" for kind in ("AppService", "Deployment", "Service", "PodDisruptionBudget")
    ]
    options = ["--kubeconfig", str(cluster.kubeconfig), "--no-leader-elect", "--listen", "127.0.0.1:0"]
    with kubewright(cluster.state / "up-delivery.log", "up", *options):
        run("apply", "-f", "-", stdin=APP)
        await apps.becomes("web", lambda it: it.get("status", {}).get("ready"))
        same = diff(APP)
        assert (same.returncode, same.stdout, same.stderr) == (0, "", "")
        changed = diff(APP.replace("nginx:1", "nginx:2").replace("  availability: {}\n", "").replace(": 1", ": 3"))
        assert changed.returncode == 1
        assert {"-  image: nginx:1", "+  image: nginx:2", "+  replicas: 3"} <= set(lines(changed))
        assert f"--- live PodDisruptionBudget/{namespace}/web" in lines(changed)
        rehearsed = tool("diff", "-f", "-", "-n", namespace, "--rehearse", stdin=APP.replace("nginx:1", "nginx:2"))
        assert rehearsed.returncode == 1
        assert f"rehearsal of AppService/{namespace}/web: passed: all 1 pods" in lines(rehearsed)[-1]
        huge = APP + '  resources: {requests: {cpu: "900"}, limits: {cpu: "900"}}\n'
        failed = tool("diff", "-f", "-", "-n", namespace, "--rehearse", stdin=huge)
        assert (failed.returncode, "Insufficient cpu" in lines(failed)[-1]) == (3, True)
        refused = diff(APP.replace("port: 80", "port: 80, nodePort: 80"))
        assert refused.returncode == 2
        assert "a node's port is one of 30000 to 32767" in refused.stderr
        await apps.delete("web")
        await apps.gone("web")
