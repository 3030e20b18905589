"""The API server refuses applications whose fields contradict each other, at the field, with a sentence that helps."""

import pytest
import yaml

from kubewright.api.crds.appservice import APP_SERVICE_CRD

ROOT = "/apis/app.example.com/v1"
PORTS = [{"name": "http", "port": 80}, {"name": "admin", "port": 9000}]
CANARY = {"strategy": "canary", "steps": [{"weight": 10}, {"weight": 50, "pauseSeconds": 5}]}
VOLUME = {"name": "data", "mountPath": "/data"}


def a_service(**spec):
    return {"image": "nginx:1", "ports": PORTS, **spec}


def a_job(**spec):
    return {"image": "nginx:1", "kind": "job", **spec}


REFUSED = {
    "no image": ({"replicas": 1}, "image", "say which container image to run"),
    "a node's port outside the range": (
        a_service(ports=[{"port": 80, "nodePort": 80}], expose={"type": "NodePort"}),
        "ports[0].nodePort",
        "a node's port is one of 30000 to 32767",
    ),
    "a node's port without NodePort": (
        a_service(ports=[{"port": 80, "nodePort": 30080}]),
        "ports",
        "set expose.type, or remove nodePort",
    ),
    "a port's name twice": (
        a_service(ports=[{"port": 80, "name": "http"}, {"port": 81, "name": "http"}]),
        "ports",
        "rename one of those that share it",
    ),
    "an ExternalName with ports": (
        {"ports": PORTS, "expose": {"type": "ExternalName", "externalName": "db.example.com"}},
        "ports",
        "it has no ports and no pods: remove ports",
    ),
    "an ExternalName with an image": (
        {"image": "nginx:1", "expose": {"type": "ExternalName", "externalName": "db.example.com"}},
        "image",
        "nothing runs: remove image",
    ),
    "an ExternalName without a name": (
        {"expose": {"type": "ExternalName"}},
        "expose.externalName",
        "say both or neither",
    ),
    "exposed without ports": (
        {"image": "x", "expose": {"type": "LoadBalancer"}},
        "expose",
        "there is no port to expose",
    ),
    "a host on an unknown port": (
        a_service(expose={"host": "shop.example.com", "port": "web"}),
        "expose.port",
        "the application has no such port",
    ),
    "TLS without a host": (a_service(expose={"tls": {}}), "expose.host", "say which in expose.host"),
    "a gateway and TLS": (
        a_service(expose={"host": "shop.example.com", "gateway": {"name": "public"}, "tls": {}}),
        "expose.tls",
        "choose a listener with gateway.listener",
    ),
    "a gateway and an ingress class": (
        a_service(expose={"host": "shop.example.com", "gateway": {"name": "public"}, "ingressClass": "nginx"}),
        "expose.ingressClass",
        "keep one of the two",
    ),
    "source ranges that are none": (
        a_service(expose={"type": "LoadBalancer", "sourceRanges": ["10.0.0.0"]}),
        "expose.sourceRanges",
        "source ranges are CIDRs",
    ),
    "hostPath under restricted": (
        a_service(volumes=[{**VOLUME, "hostPath": {"path": "/var/log"}}]),
        "volumes",
        "forbidden by the profiles restricted and baseline",
    ),
    "a volume of two kinds": (
        a_service(volumes=[{**VOLUME, "emptyDir": {}, "claim": "data"}]),
        "volumes[0]",
        "a volume has one source",
    ),
    "a volume of no kind": (a_service(volumes=[VOLUME]), "volumes[0]", "a volume has one source"),
    "two volumes at one path": (
        a_service(volumes=[{**VOLUME, "emptyDir": {}}, {"name": "more", "mountPath": "/data", "emptyDir": {}}]),
        "volumes",
        "each volume is mounted at a path of its own",
    ),
    "a file without a path": (a_service(files={"app.conf": "a"}), "files", "such as /etc/app/config.yaml"),
    "a variable with two sources": (
        a_service(env=[{"name": "A", "value": "1", "fromField": "metadata.name"}]),
        "env[0]",
        "a variable has one source",
    ),
    "variables of two objects": (
        a_service(envFrom=[{"secret": "a", "configMap": "b"}]),
        "envFrom[0]",
        "name a configMap or a secret",
    ),
    "a probe that asks twice": (
        a_service(probes={"readiness": {"http": {"path": "/"}, "tcp": {}}}),
        "probes.readiness",
        "a probe asks in one way",
    ),
    "a request above its limit": (
        a_service(resources={"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}),
        "resources.requests",
        "a request is at most its limit",
    ),
    "capabilities under restricted": (
        a_service(security={"capabilities": ["SYS_ADMIN"]}),
        "security.capabilities",
        "adds no capability but NET_BIND_SERVICE",
    ),
    "a MIG profile that no GPU has": (a_service(gpu={"mig": "5g.50gb"}), "gpu.mig", "no GPU has this MIG profile"),
    "a share of a slice": (a_service(gpu={"mig": "1g.10gb", "share": {"percent": 10}}), "gpu.share", "one whole GPU"),
    "fewer than the least": (a_service(scaling={"min": 3, "max": 2}), "scaling.min", "raise max or lower min"),
    "none, and nothing to wake it": (
        a_service(scaling={"min": 0, "max": 2}),
        "scaling.min",
        "what wakes the application",
    ),
    "an adapter's metric for a policy": (
        a_service(scaling={"max": 2, "mode": "reactive", "targets": [{"metric": "rps", "average": "5"}]}),
        "scaling.targets",
        "a metric requests or promql",
    ),
    "a percent of what nobody requests": (
        a_service(scaling={"max": 2, "targets": [{"metric": "queue_length", "percent": 50}]}),
        "scaling.targets[0].percent",
        "say average",
    ),
    "two budgets": (
        a_service(availability={"minAvailable": 1, "maxUnavailable": "10%"}),
        "availability.minAvailable",
        "keep one of minAvailable and maxUnavailable",
    ),
    "a toleration with Exists and a value": (
        a_service(placement={"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]}),
        "placement.tolerations[0].value",
        "remove value, or say Equal",
    ),
    "a rule for nodes without values": (
        a_service(placement={"nodes": [{"key": "disk"}]}),
        "placement.nodes[0].values",
        "all other operators have some",
    ),
    "a caller by name and by address": (
        a_service(access={"from": [{"app": "web", "cidr": "10.0.0.0/8"}]}),
        "access.from[0]",
        "say one or the other",
    ),
    "a caller on a port that is not there": (
        a_service(access={"from": [{"app": "web", "ports": ["grpc"]}]}),
        "access.from",
        "name some of ports",
    ),
    "an address that is none": (a_service(access={"to": [{"cidr": "10.0.0.0/99"}]}), "access.to[0].cidr", "10.0.0.0/8"),
    "revisions of Linkerd": (
        a_service(mesh={"type": "linkerd", "revision": "1-30"}),
        "mesh.revision",
        "only Istio has revisions",
    ),
    "no room for errors": (a_service(slo={"availability": 100}), "slo.availability", "such as 99.9"),
    "a schedule for what runs for ever": (
        {"image": "x", "kind": "stateful", "schedule": "* * * * *"},
        "schedule",
        "set kind to job, or remove schedule",
    ),
    "a job's fields for a service": (a_service(job={"retries": 1}), "job", "only a job runs to its end"),
    "a job with ports": (a_job(ports=PORTS), "ports", "a job answers nobody"),
    "a job that is scaled": (a_job(scaling={"max": 3}), "scaling", "use job.parallelism"),
    "more at once than there are": (
        a_job(job={"parallelism": 3, "completions": 2}),
        "job.parallelism",
        "lower parallelism",
    ),
    "a canary without traffic": (
        {"image": "x", "rollout": CANARY},
        "rollout.strategy",
        "moves traffic, and without ports there is none",
    ),
    "a second set of what is stateful": (
        a_service(kind="stateful", rollout={"strategy": "blueGreen"}),
        "rollout.strategy",
        "pods that are not interchangeable have no second set",
    ),
    "a route to a part of what is stateful": (
        a_service(kind="stateful", rollout=CANARY | {"traffic": "virtualService"}, mesh={"type": "istio"}),
        "rollout.traffic",
        "is some of them: set rollout.traffic to auto",
    ),
    "a node's port twice": (
        a_service(
            ports=[{"port": 80, "nodePort": 30080}, {"port": 81, "nodePort": 30080}], expose={"type": "NodePort"}
        ),
        "ports",
        "a node's port of its own",
    ),
    "clients' addresses without a way from outside": (
        a_service(expose={"localTraffic": True}),
        "expose.localTraffic",
        "set expose.type, or remove localTraffic",
    ),
    "exceptions that are no addresses": (
        a_service(access={"from": [{"cidr": "10.0.0.0/8", "besides": ["10.1.0.0"]}]}),
        "access.from[0].besides",
        "ranges within cidr",
    ),
    "all answers are quick": (
        a_service(slo={"latency": {"milliseconds": 100, "percent": 100}}),
        "slo.latency.percent",
        "more than 0 and less than 100",
    ),
    "a target of two kinds": (
        a_service(scaling={"max": 3, "targets": [{"metric": "cpu", "percent": 50, "average": "1"}]}),
        "scaling.targets[0]",
        "say one of the two",
    ),
    "a toleration of nothing in particular": (
        a_service(placement={"tolerations": [{"effect": "NoSchedule"}]}),
        "placement.tolerations[0].key",
        "say operator Exists, or name a key",
    ),
    "a job that stays available": (a_job(availability={}), "availability", "remove availability"),
    "a job that is rolled out": (a_job(rollout={"history": 3}), "rollout", "a job is not rolled out"),
    "a job with an objective": (a_job(slo={"availability": 99}), "slo", "remove slo"),
    "a canary by routes without a gateway": (
        a_service(rollout={**CANARY, "traffic": "httpRoute"}),
        "rollout.traffic",
        "name it in expose.gateway",
    ),
    "a canary by VirtualServices without Istio": (
        a_service(rollout={**CANARY, "traffic": "virtualService"}, mesh={"type": "linkerd"}),
        "rollout.traffic",
        "set mesh.type to istio",
    ),
    "steps that go back": (
        a_service(rollout={"strategy": "canary", "steps": [{"weight": 50}, {"weight": 10}]}),
        "rollout.steps",
        "put the steps in order",
    ),
    "steps without a canary": (
        a_service(rollout={"steps": [{"weight": 50}]}),
        "rollout.steps",
        "set strategy to canary",
    ),
    "a gate without a bound": (
        a_service(rollout={"gates": [{"name": "a", "metric": "errors"}]}),
        "rollout.gates[0].max",
        "a gate has a bound",
    ),
    "a budget that nobody set": (
        a_service(rollout={"gates": [{"name": "a", "metric": "burnRate", "max": 2}]}),
        "rollout.gates",
        "say slo, or choose another metric",
    ),
}
FULL = a_service(
    kind="service",
    pullSecrets=["registry"],
    team="payments",
    env=[
        {"name": "A", "value": "1"},
        {"name": "B", "fromSecret": {"name": "s", "key": "k"}},
        {"name": "C", "fromField": "metadata.name"},
    ],
    envFrom=[{"secret": "s", "prefix": "S_"}],
    files={"/etc/app/app.yaml": "a: 1"},
    resources={"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": 1, "memory": "1Gi"}},
    probes={"readiness": {"http": {"path": "/ready", "port": "http"}}, "liveness": {"disabled": True}},
    volumes=[{**VOLUME, "template": {"size": "1Gi"}}, {"name": "tls", "mountPath": "/tls", "secret": {"name": "tls"}}],
    expose={"host": "shop.example.com", "gateway": {"name": "public", "namespace": "gateways"}, "port": 80},
    access={
        "from": [{"app": "web", "ports": ["http", 9000]}, {"cidr": "10.0.0.0/8", "besides": ["10.1.0.0/16"]}],
        "to": [{"app": "db", "namespace": "data", "ports": [5432]}, {"team": "search"}],
    },
    scaling={"min": 2, "max": 9, "targets": [{"metric": "cpu", "percent": 60}, {"metric": "rps", "average": "100"}]},
    availability={"maxUnavailable": "25%", "zones": "required"},
    placement={
        "nodeSelector": {"disk": "ssd"},
        "nodes": [{"key": "zone", "values": ["a"], "weight": 5}],
        "apart": [{"required": True}],
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
    },
    gpu={"count": 2, "mig": "1g.10gb+me"},
    slo={"availability": 99.9, "latency": {"milliseconds": 300}},
    mesh={"type": "istio", "revision": "canary"},
    rollout={**CANARY, "gates": [{"name": "burn", "metric": "burnRate", "max": 2}], "maxSurge": "50%", "undo": 3},
)
TAKEN = {
    "every field": FULL,
    "a stateful one": {"image": "x", "kind": "stateful", "volumes": [{**VOLUME, "template": {"size": "1Gi"}}]},
    "a job": a_job(job={"completions": 5, "parallelism": 5, "indexed": True}),
    "a schedule": {"image": "x", "schedule": "*/5 * * * *", "job": {"timeZone": "Europe/Berlin"}},
    "an alias": {"expose": {"type": "ExternalName", "externalName": "db.example.com"}},
    "node's ports": a_service(
        ports=[{"port": 80, "nodePort": 30080}], expose={"type": "NodePort", "localTraffic": True}
    ),
    "hostPath under privileged": a_service(
        volumes=[{**VOLUME, "hostPath": {"path": "/var/log"}}], security={"profile": "privileged"}
    ),
    "a share": a_service(gpu={"share": {"memory": "8Gi", "percent": 40}}),
}


@pytest.fixture(scope="module")
def defined(module_app_service_kind):
    with module_app_service_kind(yaml.safe_dump(APP_SERVICE_CRD)):
        yield


@pytest.fixture
async def apps(api, namespace, defined):
    apps = api.of("appservices", namespace, root=ROOT)
    await apps.served()
    return apps


def document(spec, name="a"):
    return {"apiVersion": "app.example.com/v1", "kind": "AppService", "metadata": {"name": name}, "spec": spec}


@pytest.mark.parametrize(("spec", "field", "sentence"), REFUSED.values(), ids=REFUSED)
async def test_a_contradiction_is_refused_where_it_is(apps, spec, field, sentence):
    refused = (await apps.create(document(spec))).refused
    assert (refused.code, refused.reason) == (422, "Invalid")
    ((where, _, message),) = refused.causes
    assert where == f"spec.{field}"
    assert sentence in message
    assert await apps.names() == []


@pytest.mark.parametrize("spec", TAKEN.values(), ids=TAKEN)
async def test_what_fits_together_is_taken_as_it_is(apps, spec):
    (await apps.create(document(spec))).ok()
    kept = (await apps.get("a")).ok()["spec"]
    assert within(spec, kept)
    (await apps.delete("a")).ok()


def within(asked, kept):
    """Tell whether all that was asked for was kept; defaults may have been added."""
    if isinstance(asked, dict):
        return all(name in kept and within(value, kept[name]) for name, value in asked.items())
    if isinstance(asked, list):
        return len(asked) == len(kept) and all(map(within, asked, kept))
    return asked == kept


@pytest.mark.parametrize(
    ("name", "spec", "sentence"),
    [
        pytest.param("shop.web", a_service(), "at most 63 small letters", id="a name with a dot"),
        pytest.param("a" * 64, a_service(), "at most 63 small letters", id="a name that no label may have"),
        pytest.param("a" * 53, {"image": "x", "schedule": "* * * * *"}, "at most 52", id="a schedule's long name"),
        pytest.param("a" * 53, a_service(kind="stateful"), "at most 52", id="a stateful application's long name"),
        pytest.param(
            "a" * 61,
            a_job(job={"indexed": True, "completions": 20, "parallelism": 1}),
            "at most 63 characters together",
            id="an indexed job's long name",
        ),
    ],
)
async def test_a_name_that_children_cannot_have_is_refused(apps, name, spec, sentence):
    refused = (await apps.create(document(spec, name))).refused
    assert sentence in refused.message
