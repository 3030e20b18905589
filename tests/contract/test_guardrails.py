"""Guard rails, rendered as ValidatingAdmissionPolicies: what each refuses and what it lets pass, with all in force."""

import json
import os

import pytest

from kubewright.api.crds.appservice import TEAM_LABEL
from kubewright.api.crds.rails import DIGEST, TRIABLE, Rails
from kubewright.guardrails.render import drawn, of_team, render
from tests.contract.asking import STRATEGIC, eventually
from tests.contract.manifests import pod, service

TEAM = f"railed-{os.getpid()}"
DIGESTED = f"@sha256:{'0' * 64}"
IMAGE = f"registry.example.com/shop/web:1{DIGESTED}"
MODEL = "nvidia.com/gpu.product"
ALL = Rails(
    registries=("registry.example.com/shop", "docker.io/library", "localhost:5000"),
    image_versions=DIGEST,
    host_paths=("/var/log",),
    deny_privileged=True,
    deny_host_namespaces=True,
    capabilities=("NET_BIND_SERVICE",),
    limits=("memory",),
    highest_priority=1000,
    priority_classes=("railed", "railed-high"),
    gpus_per_pod=2,
    gpu_resources=("nvidia.com/gpu",),
    gpu_models=("H100", "A100"),
    device_classes=("gpu",),
    schedulers=("default-scheduler",),
    tolerations=("nvidia.com/gpu", "dedicated=shop"),
    node_labels={"pool": ("shop", "spare")},
    storage_classes=("fast",),
    service_types=("ClusterIP",),
    deny_external_ips=True,
    ingress_classes=("inner",),
    gateway_classes=("inner",),
    hosts=("shop.example.com", "*.shop.example.com"),
)


def container(name="main", image=IMAGE, **fields):
    fields.setdefault("resources", {"limits": {"memory": "1Gi"}})
    return {"name": name, "image": image, **fields}


def one(spec=None, **fields):
    return pod("one", containers=[container(**fields)], **(spec or {}))


def gpus(count, name="nvidia.com/gpu", **spec):
    limits = {"memory": "1Gi", name: count}
    spec.setdefault("nodeSelector", {MODEL: "H100"})
    return one(spec, resources={"limits": limits})


def affinity(*terms):
    matched = [{"matchExpressions": [{"key": key, "operator": "In", "values": values}]} for key, *values in terms]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": matched}}
    return {"affinity": {"nodeAffinity": required}}


def claim(**spec):
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "one"}, "spec": wanted}


def templated(kind, spec=None, version="apps/v1", **fields):
    template = {"metadata": {"labels": {"app": "one"}}, "spec": one(spec, **fields)["spec"]}
    metadata = {"metadata": {"name": "one"}}
    if kind in {"Job", "CronJob"}:
        template["spec"]["restartPolicy"] = "Never"
        job = {"template": template}
        spec = job if kind == "Job" else {"schedule": "0 * * * *", "jobTemplate": {"spec": job}}
    elif kind == "ReplicationController":
        spec = {"selector": {"app": "one"}, "template": template}
    else:
        spec = {"selector": {"matchLabels": {"app": "one"}}, "template": template}
    return {"apiVersion": version, "kind": kind, **metadata, "spec": spec}


def ingress(spec, **metadata):
    document = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "one", **metadata}}
    return {**document, "spec": spec}


def serving(*hosts):
    backend = {"service": {"name": "one", "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return [{"http": {"paths": [path]}, **({"host": host} if host else {})} for host in hosts]


def devices(name):
    spec = {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": name}}]}}
    return {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": {"name": "one"}, "spec": spec}


def devices_template(*names):
    first = [{"name": f"r{number}", "deviceClassName": name} for number, name in enumerate(names)]
    spec = {"spec": {"devices": {"requests": [{"name": "r", "firstAvailable": first}]}}}
    return {**devices(""), "kind": "ResourceClaimTemplate", "spec": spec}


def volume(**source):
    return {"volumes": [{"name": "v", **source}]}


ROOTS = {
    "Pod": "/api/v1 pods",
    "ReplicationController": "/api/v1 replicationcontrollers",
    "PersistentVolumeClaim": "/api/v1 persistentvolumeclaims",
    "Service": "/api/v1 services",
    "Deployment": "/apis/apps/v1 deployments",
    "StatefulSet": "/apis/apps/v1 statefulsets",
    "DaemonSet": "/apis/apps/v1 daemonsets",
    "ReplicaSet": "/apis/apps/v1 replicasets",
    "Job": "/apis/batch/v1 jobs",
    "CronJob": "/apis/batch/v1 cronjobs",
    "Ingress": "/apis/networking.k8s.io/v1 ingresses",
    "ResourceClaim": "/apis/resource.k8s.io/v1 resourceclaims",
    "ResourceClaimTemplate": "/apis/resource.k8s.io/v1 resourceclaimtemplates",
}
OTHERS = f"docker.io/other/web:1{DIGESTED}"
REFUSED = [

    ("registries", one(image=OTHERS), f"image {OTHERS}"),
    ("registries", one(image=f"other/web:1{DIGESTED}"), f"image {OTHERS}"),
    ("registries", one(image=f"registry.example.com/shopping/web{DIGESTED}"), "shopping/web"),
    ("registries", one(image=f"localhost:50000/web{DIGESTED}"), "localhost:50000/web"),
    ("registries", one(volume(image={"reference": OTHERS})), f"image {OTHERS}"),
    *(("registries", templated(kind, image=OTHERS), f"image {OTHERS}") for kind in
      ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")),
    *(("registries", templated(kind, version="batch/v1", image=OTHERS), f"image {OTHERS}") for kind in
      ("Job", "CronJob")),
    ("registries", templated("ReplicationController", version="v1", image=OTHERS), f"image {OTHERS}"),
    ("registries", one({"initContainers": [container("first", OTHERS)]}), f"image {OTHERS}"),
    ("imageVersions", one(image="nginx:latest"), "image docker.io/library/nginx:latest; allowed by imageVersions"),
    ("hostPaths", one(volume(hostPath={"path": "/var/logs"})), "hostPath /var/logs"),
    ("denyPrivileged", one(securityContext={"privileged": True}), "container main is privileged"),
    ("denyHostNamespaces", one({"hostNetwork": True}), "hostNetwork"),
    ("denyHostNamespaces", one({"hostPID": True}), "hostPID"),
    ("denyHostNamespaces", one(ports=[{"containerPort": 80, "hostPort": 80}]), "container main has a hostPort"),
    ("capabilities", one(securityContext={"capabilities": {"add": ["NET_BIND_SERVICE", "SYS_ADMIN"]}}),
     "container main adds SYS_ADMIN"),
    ("limits", one(resources={}), "container main has no limit of memory"),
    ("highestPriority", one({"priorityClassName": "railed-high"}), "priority 2000"),
    ("priorityClasses", one({"priorityClassName": "railed-other"}), "priorityClassName railed-other"),
    ("gpusPerPod", gpus(3), "GPUs: 3"),
    ("gpuResources", gpus(1, "nvidia.com/mig-1g.5gb"), "container main has nvidia.com/mig-1g.5gb"),
    ("gpuModels", gpus(1, nodeSelector={"a": "b"}), f"GPUs without a {MODEL}"),
    ("gpuModels", gpus(1, nodeSelector={}, **affinity((MODEL, "H100"), (MODEL, "H100", "T4"))), "GPUs without"),
    ("deviceClasses", devices("other"), "deviceClassName other"),
    ("deviceClasses", devices_template("gpu", "other"), "deviceClassName other"),
    ("schedulers", one({"schedulerName": "mine"}), "schedulerName mine"),
    ("schedulers", one({"nodeName": "node-1"}), "nodeName node-1"),
    ("tolerations", one({"tolerations": [{"operator": "Exists"}]}), "toleration of every taint"),
    ("tolerations", one({"tolerations": [{"key": "dedicated", "operator": "Exists"}]}), "toleration of dedicated;"),
    ("tolerations", one({"tolerations": [{"key": "dedicated", "value": "bank"}]}), "toleration of dedicated=bank"),
    ("nodeLabels", one({"nodeSelector": {"pool": "bank"}}), "nodeSelector pool=bank"),
    ("nodeLabels", one(affinity(("pool", "shop", "bank"))), "node affinity for other values of pool"),
    ("storageClasses", claim(storageClassName="slow"), "storageClassName slow"),
    ("serviceTypes", service("one", type="NodePort"), "type NodePort"),
    ("serviceTypes", service("one", type="LoadBalancer"), "type LoadBalancer"),
    ("denyExternalIps", service("one", externalIPs=["192.0.2.1"]), "externalIP 192.0.2.1"),
    ("ingressClasses", ingress({"rules": serving("shop.example.com")}), "no ingressClassName"),
    ("ingressClasses", ingress({"ingressClassName": "outer", "rules": serving("shop.example.com")}), "outer"),
    ("ingressClasses", ingress({"rules": serving("shop.example.com")},
                               annotations={"kubernetes.io/ingress.class": "outer"}), "outer"),
    ("hosts", ingress({"ingressClassName": "inner", "rules": serving("shop.example.com", "bank.example.com")}),
     "host bank.example.com"),
    ("hosts", ingress({"ingressClassName": "inner", "rules": serving("")}), "every host"),
]  # fmt: skip

ALLOWED = [
    one(),
    one(image=f"nginx{DIGESTED}"),
    one(image=f"localhost:5000/web:1{DIGESTED}"),
    one(volume(hostPath={"path": "/var/log/pods"})),
    one(securityContext={"privileged": False, "capabilities": {"add": ["NET_BIND_SERVICE"]}}),
    one({"priorityClassName": "railed"}),
    one({"tolerations": [{"key": "dedicated", "value": "shop"}, {"key": "nvidia.com/gpu", "operator": "Exists"}]}),
    one({"tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}]}),
    one({"nodeSelector": {"pool": "shop", "zone": "a"}}),
    one(affinity(("pool", "shop", "spare"), ("zone", "a"))),
    gpus(2),
    gpus(1, nodeSelector={}, **affinity((MODEL, "H100"), (MODEL, "A100", "H100"))),
    templated("Deployment", resources={}),
    templated("DaemonSet"),
    templated("CronJob", version="batch/v1"),
    claim(storageClassName="fast"),
    claim(storageClassName=""),
    devices("gpu"),
    devices_template("gpu"),
    service("one"),
    ingress({"ingressClassName": "inner", "rules": serving("shop.example.com", "a.shop.example.com")}),
]
CLASSES = {"railed": 1000, "railed-high": 2000, "railed-other": 10}


@pytest.fixture(scope="module")
def railed(cluster):
    """A namespace of a team with every rail; gives its name."""
    rendered = render(ALL, of_team(TEAM))
    namespace = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": TEAM, "labels": {TEAM_LABEL: TEAM}}}
    classes = [
        {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": value}
        for name, value in CLASSES.items()
    ]
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": [namespace, *classes, *rendered]})
    cluster.kubectl("apply", "--server-side", "-f", "-", stdin=listed)
    yield TEAM
    cluster.kubectl("delete", "--wait=false", "-f", "-", stdin=listed)


@pytest.fixture
async def held(api, railed):
    """The namespace, usable; a function that gives where a document of it is kept."""

    async def usable():
        return (await api.of("serviceaccounts", railed).get("default")).status == 200

    await eventually(usable)

    def kept(document):
        root, plural = ROOTS[document["kind"]].split()
        return api.of(plural, railed, root=root)

    return kept


def test_every_rail_has_a_case_that_it_refuses():
    # Gateways are served where somebody has defined them.
    assert {each[0] for each in REFUSED} == {each.name for each in drawn(ALL)} - {"gatewayClasses"}
    assert {each.name for each in drawn(ALL)} == set(TRIABLE)


@pytest.mark.parametrize(("rail", "document", "told"), REFUSED, ids=[f"{a}-{n}" for n, (a, *_) in enumerate(REFUSED)])
async def test_a_rail_refuses_and_says_what_and_what_is_allowed(held, rail, document, told):
    # Until the server knows of the rail, or of a class that is named, it says something else.
    found = await held(document).refuses(document, says=f"allowed by {rail} of team-{TEAM}: ")
    assert (found.code, found.reason) == (403, "Forbidden"), found.message
    assert told in found.message


async def test_what_keeps_to_the_rails_is_written_without_a_warning(held):
    for document in ALLOWED:
        await held(document).takes(document)
        answer = await held(document).create(document, dryRun="All")
        answer.ok()
        assert answer.warnings == [], document


async def test_a_debugging_container_is_held_to_the_rails(api, railed, held):
    pods = api.of("pods", railed)
    (await pods.create(one())).ok()
    debug = {"spec": {"ephemeralContainers": [{"name": "debug", "image": OTHERS}]}}

    async def refused():
        answer = await pods.patch("one", STRATEGIC, debug, "ephemeralcontainers", dryRun="All")
        return answer if answer.status >= 400 else None

    assert f"image {OTHERS}; allowed by registries" in (await eventually(refused)).refused.message
    debug["spec"]["ephemeralContainers"][0]["image"] = IMAGE
    (await pods.patch("one", STRATEGIC, debug, "ephemeralcontainers")).ok()
    await pods.delete("one", gracePeriodSeconds=0)


async def test_what_offended_before_a_rail_was_drawn_may_be_changed_otherwise(api, cluster, namespace):
    pods = api.of("pods", namespace)
    (await pods.create({**one(image=OTHERS), "metadata": {"name": "old", "finalizers": ["example.com/held"]}})).ok()
    late = f"{TEAM}-late"
    rails = render(Rails(registries=("registry.example.com",), trial=("registries",)), of_team(late))
    rails += render(Rails(registries=("registry.example.com",)), of_team(late))
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": rails})
    cluster.kubectl("label", "namespace", namespace, f"{TEAM_LABEL}={late}")
    try:
        cluster.kubectl("apply", "--server-side", "-f", "-", stdin=listed)

        async def refused():
            answer = await pods.create(one(image=OTHERS), dryRun="All")
            return answer.status >= 400 and answer.warnings

        # In trial the rail warns; beside it, enforced, it refuses.
        (warning,) = await eventually(refused)
        assert f"image {OTHERS}; allowed by registries of team-{late}: registry.example.com" in warning
        (await pods.merge("old", {"metadata": {"finalizers": None, "labels": {"a": "b"}}})).ok()
        another = {"spec": {"containers": [{"name": "main", "image": f"{OTHERS[:-1]}1"}]}}
        assert "allowed by registries" in (await pods.patch("old", STRATEGIC, another)).refused.message
    finally:
        cluster.kubectl("delete", "-f", "-", stdin=listed)


async def test_the_server_finds_nothing_wrong_with_the_expressions(cluster, railed):
    """A control plane checks the types of what expressions read, and tells what looks wrong in the status."""
    rendered = render(ALL, of_team(railed))
    for name in [each["metadata"]["name"] for each in rendered if each["kind"] == "ValidatingAdmissionPolicy"]:
        found = cluster.kubectl("get", "validatingadmissionpolicy", name, "-o", "json")
        assert not json.loads(found.stdout).get("status", {}).get("typeChecking", {}).get("expressionWarnings")
