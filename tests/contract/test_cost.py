"""`kubewright cost` on live clusters: an hour as it is now, of pods that are there, whoever's cluster it is."""

import asyncio
import json
import subprocess
import sys
from fractions import Fraction

import pytest

from tests.contract.asking import eventually

PRICES = """
currency: EUR
cpu: 10
memory: 1
storage: {"": 0}
"""


@pytest.fixture
def cost(cluster, tmp_path):
    prices = tmp_path / "prices.yaml"
    prices.write_text(PRICES)

    def ask(*arguments):
        command = [sys.executable, "-m", "kubewright", "cost", "--kubeconfig", str(cluster.kubeconfig)]
        command += ["--prices", str(prices), "-o", "json", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        document = json.loads(done.stdout)
        (step,) = document["steps"]
        rows = {each["name"]: each for each in step["rows"]}
        assert sum(Fraction(each["total"]) for each in rows.values()) == Fraction(step["cost"])
        assert document["instantaneous"]
        assert document["currency"] == "EUR"
        return rows

    async def cost(*arguments):
        return await asyncio.to_thread(ask, *arguments)

    return cost


async def test_what_pods_request_is_charged_to_their_namespaces_team(api, namespace, cost):
    label = {"metadata": {"labels": {"kubewright.dev/team": f"team-of-{namespace}"}}}
    (await api.of("namespaces").merge(namespace, label)).ok()
    requests = {"cpu": "250m", "memory": "64Mi"}
    container = {"name": "main", "image": "nginx:1", "resources": {"requests": requests}}
    pods = api.of("pods", namespace)
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "labels": {"app.kubernetes.io/name": "web", "tier": namespace}},
        "spec": {"containers": [container]},
    }
    (await pods.create(manifest)).ok()

    async def bound():
        return (await pods.get("web")).ok()["spec"].get("nodeName")

    node = await eventually(bound)
    mine = (await cost())[f"team-of-{namespace}"]
    assert Fraction(mine["cpu"]) >= Fraction("2.5")
    assert Fraction(mine["memory"]) >= Fraction(1, 16)
    for by, name in (
        ("namespace", namespace),
        ("app", f"{namespace}/web"),
        ("controller", f"{namespace}/pod/web"),
        ("label:tier", namespace),
    ):
        assert (await cost("--by", by))[name]["total"] == mine["total"]
    by_node = await cost("--by", "node", "--idle", "share")
    assert node in by_node
    assert "__idle__" not in by_node
