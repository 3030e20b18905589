import copy

import pytest
import yaml

from kubewright.twin.defaults import apply_defaults
from kubewright.twin.defaults.computed import image_tag
from kubewright.twin.kinds import KindTable

TABLE = KindTable.builtin()


def completed(text):
    obj = yaml.safe_load(text)
    apply_defaults(TABLE.by_kind(obj["apiVersion"], obj["kind"]), obj)
    return obj


def test_a_pod_is_completed_as_the_api_server_completes_it():
    obj = completed("""
apiVersion: v1
kind: Pod
metadata: {name: p, labels: {}}
spec:
  nodeName: ""
  hostNetwork: false
  volumes: [{name: e}, {name: c, configMap: {name: x}}]
  containers:
  - name: a
    image: nginx
    ports: [{containerPort: 80}]
    env: [{name: A, value: ""}, {name: B, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
    resources: {limits: {cpu: 1000m, memory: 1024Mi}, requests: {cpu: 0.5}}
    livenessProbe: {httpGet: {port: 80}}
""")
    assert obj["metadata"] == {"name": "p"}
    assert obj["spec"] == {
        "volumes": [{"name": "e", "emptyDir": {}}, {"name": "c", "configMap": {"name": "x", "defaultMode": 420}}],
        "containers": [
            {
                "name": "a",
                "image": "nginx",
                "imagePullPolicy": "Always",
                "ports": [{"containerPort": 80, "protocol": "TCP"}],
                "env": [
                    {"name": "A"},
                    {"name": "B", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "spec.nodeName"}}},
                ],
                "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m", "memory": "1Gi"}},
                "livenessProbe": {
                    "httpGet": {"path": "/", "port": 80, "scheme": "HTTP"},
                    "timeoutSeconds": 1,
                    "periodSeconds": 10,
                    "successThreshold": 1,
                    "failureThreshold": 3,
                },
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }
        ],
        "dnsPolicy": "ClusterFirst",
        "enableServiceLinks": True,
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
    }


def test_a_deployment_rolls_by_a_quarter_and_keeps_zero_replicas():
    spec = completed("""
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec: {replicas: 0, template: {spec: {containers: [{name: a, image: x, resources: {limits: {cpu: 1}}}]}}}
""")["spec"]
    assert spec["replicas"] == 0
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
    }
    assert (spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]) == (10, 600)
    # Only a pod's requests follow its limits, not a template's.
    assert spec["template"]["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "1"}}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            "{ports: [{port: 80}]}",
            {
                "type": "ClusterIP",
                "sessionAffinity": "None",
                "internalTrafficPolicy": "Cluster",
                "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
            },
        ),
        (
            "{type: NodePort, ports: [{port: 80, targetPort: http}]}",
            {
                "type": "NodePort",
                "sessionAffinity": "None",
                "internalTrafficPolicy": "Cluster",
                "externalTrafficPolicy": "Cluster",
                "ports": [{"port": 80, "protocol": "TCP", "targetPort": "http"}],
            },
        ),
        (
            "{type: ExternalName, externalName: a.b}",
            {"type": "ExternalName", "externalName": "a.b", "sessionAffinity": "None"},
        ),
    ],
)
def test_a_service_is_completed_by_its_type(spec, expected):
    assert completed(f"apiVersion: v1\nkind: Service\nmetadata: {{name: s}}\nspec: {spec}")["spec"] == expected


def test_a_secrets_plain_text_is_encoded_into_its_data():
    obj = completed("apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: '1'}\ndata: {b: Zm9v}")
    assert obj["data"] == {"a": "MQ==", "b": "Zm9v"}
    assert obj["type"] == "Opaque"
    assert "stringData" not in obj


def test_a_network_policy_with_egress_rules_has_both_types():
    obj = completed("""
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: n}
spec: {podSelector: {}, ingress: [], egress: [{ports: [{port: 53}]}]}
""")
    assert obj["spec"] == {
        "podSelector": {},
        "egress": [{"ports": [{"port": 53, "protocol": "TCP"}]}],
        "policyTypes": ["Ingress", "Egress"],
    }


def test_completing_twice_changes_nothing_more():
    spec = "{template: {spec: {containers: [{name: a, image: x}]}}}"
    text = f"apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: s}}\nspec: {spec}"
    once = completed(text)
    twice = copy.deepcopy(once)
    apply_defaults(TABLE.by_kind("apps/v1", "StatefulSet"), twice)
    assert twice == once


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("nginx", "latest"),
        ("nginx:1.2", "1.2"),
        ("localhost:5000/a/b", "latest"),
        ("localhost:5000/a/b:v1", "v1"),
        ("nginx@sha256:abc", ""),
        ("nginx:latest@sha256:abc", "latest"),
    ],
)
def test_an_images_tag_is_what_follows_its_name(image, tag):
    assert image_tag(image) == tag
