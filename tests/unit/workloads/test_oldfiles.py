"""Files of earlier releases: which are needed, and that nobody is asked for what is known already."""

import asyncio
from types import SimpleNamespace

from kubewright.api.applyset import Observed
from kubewright.api.apps import ReplicaSet, ReplicaSetSpec
from kubewright.api.core import CONFIG_MAPS
from kubewright.api.crds.appservice import AppService
from kubewright.api.live import LiveObject, live_resource
from kubewright.api.meta import ObjectMeta
from kubewright.workloads.kinds import CHILD_DEPLOYMENTS
from kubewright.workloads.oldfiles import needed_files

APP = AppService(metadata=ObjectMeta(name="web", namespace="shop"))
MAPS = live_resource(CONFIG_MAPS)


def mounting(*names):
    volumes = [{"name": name, "configMap": {"name": name}} for name in names]
    return {"spec": {"containers": [], "volumes": volumes}}


class Client:
    """Knows ReplicaSets by the files that they mount, and counts who asks."""

    def __init__(self, *sets):
        self.sets = [ReplicaSet(spec=ReplicaSetSpec(template=mounting(*each))) for each in sets]
        self.asked = 0

    async def list(self, _kind, **_options):
        self.asked += 1
        return SimpleNamespace(items=self.sets)


def needed(client, *there, running):
    observed = Observed()
    for name in there:
        observed.add(MAPS, LiveObject(metadata=ObjectMeta(name=name, namespace="shop")))
    spec = {"template": mounting(*running)}
    observed.add(CHILD_DEPLOYMENTS, LiveObject(metadata=ObjectMeta(name="web", namespace="shop"), spec=spec))
    wanted = [{"kind": "ConfigMap", "metadata": {"name": "new"}}]
    return asyncio.run(needed_files(client, APP, wanted, observed))


def test_files_of_releases_that_can_come_back_are_needed():
    client = Client(["older"], ["new"])
    assert needed(client, "new", "old", "older", "oldest", running=["old"]) == {"old", "older"}
    assert client.asked == 1


def test_nobody_is_asked_when_there_are_no_others_or_all_are_mounted_now():
    client = Client()
    assert needed(client, "new", running=["new"]) == frozenset()
    assert needed(client, "new", "old", running=["old"]) == {"old"}
    assert client.asked == 0
