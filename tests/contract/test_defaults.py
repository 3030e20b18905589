"""What the server fills in: whole specs after creation, as the real control plane answers them."""

import pytest

from tests.contract.manifests import deployment, pod, service

CONTAINER = {
    "imagePullPolicy": "IfNotPresent",
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
POD = {
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "securityContext": {},
    "terminationGracePeriodSeconds": 30,
}
UNREACHABLE = [
    {"effect": "NoExecute", "key": f"node.kubernetes.io/{taint}", "operator": "Exists", "tolerationSeconds": 300}
    for taint in ("not-ready", "unreachable")
]
CREATED_POD = {
    **POD,
    "automountServiceAccountToken": False,
    "enableServiceLinks": True,
    "preemptionPolicy": "PreemptLowerPriority",
    "priority": 0,
    "schedulingGates": [{"name": "example.com/gate"}],
    "serviceAccount": "default",
    "serviceAccountName": "default",
    "tolerations": UNREACHABLE,
}
PROBE = {"failureThreshold": 3, "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1}
SERVICE = {
    "internalTrafficPolicy": "Cluster",
    "ipFamilies": ["IPv4"],
    "ipFamilyPolicy": "SingleStack",
    "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
    "selector": {"app": "a"},
    "sessionAffinity": "None",
    "type": "ClusterIP",
}


def held(name, **spec):
    """A pod that nobody schedules, without the volume of a token."""
    gate = [{"name": "example.com/gate"}]
    return pod(name, schedulingGates=gate, automountServiceAccountToken=False, **spec)


async def test_a_pod(api, namespace):
    made = (await api.of("pods", namespace).create(held("a"))).ok()
    assert made["spec"] == {**CREATED_POD, "containers": [{"name": "main", "image": "nginx:1", **CONTAINER}]}
    assert made["metadata"]["generation"] == 1
    assert made["status"]["phase"] == "Pending"
    assert made["status"]["qosClass"] == "BestEffort"


async def test_a_pods_volumes(api, namespace):
    volumes = [
        {"name": "config", "configMap": {"name": "x"}},
        {"name": "empty"},
        {"name": "secret", "secret": {"secretName": "x"}},
        {"name": "host", "hostPath": {"path": "/h"}},
        {"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
    ]
    made = (await api.of("pods", namespace).create(held("a", volumes=volumes))).ok()
    assert made["spec"]["volumes"] == [
        {"name": "config", "configMap": {"defaultMode": 420, "name": "x"}},
        {"name": "empty", "emptyDir": {}},
        {"name": "secret", "secret": {"defaultMode": 420, "secretName": "x"}},
        {"name": "host", "hostPath": {"path": "/h", "type": ""}},
        {
            "name": "token",
            "projected": {
                "defaultMode": 420,
                "sources": [{"serviceAccountToken": {"expirationSeconds": 3600, "path": "t"}}],
            },
        },
    ]


async def test_a_container(api, namespace):
    given = {
        "name": "main",
        "image": "i:latest",
        "ports": [{"containerPort": 80}],
        "livenessProbe": {"httpGet": {"port": 80}},
        "readinessProbe": {"tcpSocket": {"port": 80}},
        "startupProbe": {"grpc": {"port": 80}},
        "resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}},
        "env": [{"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "lifecycle": {"preStop": {"httpGet": {"port": "http"}}},
    }
    made = (await api.of("pods", namespace).create(held("a", containers=[given]))).ok()
    assert made["spec"]["containers"] == [
        {
            **CONTAINER,
            "name": "main",
            "image": "i:latest",
            "imagePullPolicy": "Always",
            "ports": [{"containerPort": 80, "protocol": "TCP"}],
            "livenessProbe": {**PROBE, "httpGet": {"path": "/", "port": 80, "scheme": "HTTP"}},
            "readinessProbe": {**PROBE, "tcpSocket": {"port": 80}},
            "startupProbe": {**PROBE, "grpc": {"port": 80, "service": ""}},
            "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}},
            "env": [{"name": "N", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}}],
            "lifecycle": {"preStop": {"httpGet": {"path": "/", "port": "http", "scheme": "HTTP"}}},
        }
    ]
    assert made["status"]["qosClass"] == "Guaranteed"


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1", "IfNotPresent"),
        ("registry.example.com:5000/nginx", "Always"),
        ("registry.example.com:5000/nginx:1", "IfNotPresent"),
        ("nginx@sha256:" + "0" * 64, "IfNotPresent"),
    ],
)
async def test_an_image_is_pulled_by_its_tag(api, namespace, image, policy):
    made = (await api.of("pods", namespace).create(held("a", containers=[{"name": "c", "image": image}]))).ok()
    assert made["spec"]["containers"][0]["imagePullPolicy"] == policy


async def test_a_deployment(api, namespace):
    given = deployment("a")
    del given["spec"]["replicas"]
    given["spec"]["paused"] = True
    made = (await api.of("deployments", namespace).create(given, dryRun="All")).ok()
    assert made["spec"] == {
        "paused": True,
        "progressDeadlineSeconds": 600,
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "selector": {"matchLabels": {"app": "a"}},
        "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}, "type": "RollingUpdate"},
        "template": {
            "metadata": {"labels": {"app": "a"}},
            "spec": {**POD, "containers": [{"name": "main", "image": "nginx:1", **CONTAINER}]},
        },
    }
    assert made["status"] == {}


async def test_a_recreating_deployment_has_no_rolling_update(api, namespace):
    given = deployment("a", strategy={"type": "Recreate"})
    made = (await api.of("deployments", namespace).create(given, dryRun="All")).ok()
    assert made["spec"]["strategy"] == {"type": "Recreate"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({}, SERVICE, id="cluster ip"),
        pytest.param({"clusterIP": "None"}, {**SERVICE, "clusterIP": "None", "clusterIPs": ["None"]}, id="headless"),
        pytest.param(
            {"type": "NodePort"}, {**SERVICE, "type": "NodePort", "externalTrafficPolicy": "Cluster"}, id="node port"
        ),
        pytest.param(
            {"type": "LoadBalancer"},
            {
                **SERVICE,
                "type": "LoadBalancer",
                "allocateLoadBalancerNodePorts": True,
                "externalTrafficPolicy": "Cluster",
            },
            id="load balancer",
        ),
        pytest.param(
            {"type": "ExternalName", "externalName": "example.com"},
            {
                "type": "ExternalName",
                "externalName": "example.com",
                **{name: SERVICE[name] for name in ("ports", "selector", "sessionAffinity")},
            },
            id="external name",
        ),
        pytest.param(
            {"sessionAffinity": "ClientIP"},
            {
                **SERVICE,
                "sessionAffinity": "ClientIP",
                "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}},
            },
            id="session affinity",
        ),
    ],
)
async def test_a_service(api, namespace, given, expected):
    made = (await api.of("services", namespace).create(service("a", **given))).ok()
    spec = made["spec"]
    if spec["type"] in {"NodePort", "LoadBalancer"}:
        assert 30000 <= spec["ports"][0].pop("nodePort") <= 32767
    if spec["type"] != "ExternalName" and "clusterIP" not in expected:
        assert spec.pop("clusterIPs") == [spec["clusterIP"]]
        assert spec.pop("clusterIP").count(".") == 3
    assert spec == expected
    assert made["status"] == {"loadBalancer": {}}


async def test_a_namespace(api, namespace):
    made = (await api.of("namespaces").get(namespace)).ok()
    assert made["spec"] == {"finalizers": ["kubernetes"]}
    assert made["status"] == {"phase": "Active"}
    assert made["metadata"]["labels"] == {"kubernetes.io/metadata.name": namespace}


async def test_a_new_namespace_gets_an_account_and_the_authoritys_certificate(api, namespace):
    account = await api.of("serviceaccounts", namespace).becomes("default", lambda _: True)
    assert account["metadata"]["namespace"] == namespace
    certificate = await api.of("configmaps", namespace).becomes("kube-root-ca.crt", lambda _: True)
    assert certificate["data"]["ca.crt"].startswith("-----BEGIN CERTIFICATE-----")


async def test_a_secrets_text_is_encoded(api, namespace):
    given = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "stringData": {"k": "v"}}
    made = (await api.of("secrets", namespace).create(given)).ok()
    assert (made["type"], made["data"]) == ("Opaque", {"k": "dg=="})
    assert "stringData" not in made


async def test_a_network_policy(api, namespace):
    given = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "a"},
        "spec": {"podSelector": {}, "ingress": [{"ports": [{"port": 80}]}], "egress": [{}]},
    }
    made = (await api.of("networkpolicies", namespace).create(given)).ok()
    assert made["spec"] == {
        "podSelector": {},
        "ingress": [{"ports": [{"port": 80, "protocol": "TCP"}]}],
        "egress": [{}],
        "policyTypes": ["Ingress", "Egress"],
    }


async def test_quantities_are_written_in_their_shortest_form(api, namespace):
    requests = {"cpu": "0.5", "memory": "2048Ki", "ephemeral-storage": "1000M", "example.com/thing": "2"}
    given = {"requests": requests, "limits": {"example.com/thing": "2"}}
    container = {"name": "c", "image": "i", "resources": given}
    made = (await api.of("pods", namespace).create(held("a", containers=[container]))).ok()
    assert made["spec"]["containers"][0]["resources"]["requests"] == {
        "cpu": "500m",
        "memory": "2Mi",
        "ephemeral-storage": "1G",
        "example.com/thing": "2",
    }
