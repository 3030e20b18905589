"""What pods refer to: what is missing is said in the kubelet's words, and nobody else is asked for."""

import asyncio

import msgspec
import pytest

from kubewright.api.core import Pod
from kubewright.errors import ErrorKind, OpError
from kubewright.twin.kubelet.references import missing, refers

STORED = {
    ("configmaps", "there"): {"data": {"key": "value"}},
    ("secrets", "there"): {"data": {"key": "dmFsdWU="}},
    ("persistentvolumeclaims", "there"): {},
}


class Server:
    def __init__(self):
        self.asked = []

    async def get(self, resource, key):
        self.asked.append((resource.plural, key.name))
        if (resource.plural, key.name) not in STORED:
            raise OpError("get", ErrorKind.NOT_FOUND, str(key), "not there")
        return msgspec.json.decode(msgspec.json.encode(STORED[resource.plural, key.name]), type=resource.type)


def pod(*, volumes=(), **container):
    spec = {"containers": [{"name": "main", "image": "x", **container}], "volumes": list(volumes)}
    return msgspec.convert({"metadata": {"name": "a", "namespace": "ns"}, "spec": spec}, Pod)


def look(subject):
    server = Server()
    return asyncio.run(missing(server, subject)), server.asked


def variable(kind, name, key="key", **more):
    return {"name": "X", "valueFrom": {f"{kind}KeyRef": {"name": name, "key": key, **more}}}


@pytest.mark.parametrize(
    ("env", "problem"),
    [
        (variable("configMap", "there"), None),
        (variable("secret", "there"), None),
        (variable("configMap", "gone"), 'configmap "gone" not found'),
        (variable("secret", "gone"), 'secret "gone" not found'),
        (variable("secret", "there", "other"), "couldn't find key other in Secret ns/there"),
        (variable("configMap", "there", "other"), "couldn't find key other in ConfigMap ns/there"),
        (variable("configMap", "gone", optional=True), None),
        (variable("secret", "there", "other", optional=True), None),
    ],
)
def test_variables(env, problem):
    found, _ = look(pod(env=[env]))
    assert found.variables.get("main") == problem


def test_whole_objects_become_variables():
    found, asked = look(pod(envFrom=[{"configMapRef": {"name": "there"}}, {"secretRef": {"name": "gone"}}]))
    assert found.variables == {"main": 'secret "gone" not found'}
    assert asked == [("configmaps", "there"), ("secrets", "gone")]


@pytest.mark.parametrize(
    ("volume", "problem"),
    [
        ({"configMap": {"name": "there"}}, None),
        ({"configMap": {"name": "gone"}}, 'MountVolume.SetUp failed for volume "v" : configmap "gone" not found'),
        ({"configMap": {"name": "gone", "optional": True}}, None),
        ({"secret": {"secretName": "gone"}}, 'MountVolume.SetUp failed for volume "v" : secret "gone" not found'),
        ({"persistentVolumeClaim": {"claimName": "there"}}, None),
        ({"emptyDir": {}}, None),
    ],
)
def test_volumes(volume, problem):
    found, _ = look(pod(volumes=[{"name": "v", **volume}]))
    assert found.volumes == (() if problem is None else (problem,))


def test_a_claim_that_is_missing():
    found, _ = look(pod(volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "gone"}}]))
    (text,) = found.volumes
    assert 'failed to fetch PVC from API server: persistentvolumeclaims "gone" not found' in text


def test_a_pod_that_refers_to_nothing_asks_nobody():
    subject = pod(volumes=[{"name": "v", "emptyDir": {}}], env=[{"name": "X", "value": "y"}])
    assert not refers(subject)
    assert look(subject)[1] == []


def test_each_object_is_asked_for_once():
    env = [variable("secret", "there"), variable("secret", "there", "other"), variable("secret", "there")]
    assert look(pod(env=env, volumes=[{"name": "v", "secret": {"secretName": "there"}}]))[1] == [("secrets", "there")]
