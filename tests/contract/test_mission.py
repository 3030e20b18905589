"""Six inputs as a user writes them: each accepted or refused as it deserves, in the same words."""

import json

import pytest

from tests.contract.asking import eventually

CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: appservices.app.example.com
spec:
  group: app.example.com
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              replicas:
                type: integer
              image:
                type: string
  scope: Namespaced
  names:
    plural: appservices
    singular: appservice
    kind: AppService
"""
NETWORK_POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: backend-policy
spec:
  podSelector:
    matchLabels:
      app: backend
  policyTypes:
  - Ingress
  - Egress
  ingress:
  - from:
    - podSelector:
        matchLabels:
          app: frontend
    ports:
    - protocol: TCP
      port: 8080
"""
GPU_POD = """
apiVersion: v1
kind: Pod
metadata:
  name: gpu-pod
spec:
  containers:
  - name: cuda-container
    image: nvidia/cuda:11.0-base
    resources:
      limits:
        nvidia.com/gpu: 2
"""
DEVICE_PLUGIN = """
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: nvidia-device-plugin-daemonset
  namespace: kube-system
spec:
  selector:
    matchLabels:
      name: nvidia-device-plugin-ds
  template:
    spec:
      containers:
      - image: nvidia/k8s-device-plugin:v0.12.0
        name: nvidia-device-plugin-ctr
        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            drop: ["ALL"]
        volumeMounts:
        - name: device-plugin
          mountPath: /var/lib/kubelet/device-plugins
"""
PROMETHEUS = """
global:
  scrape_interval: 15s
scrape_configs:
  - job_name: 'kubernetes-pods'
    kubernetes_sd_configs:
    - role: pod
"""
ALERT = """
groups:
- name: example
  rules:
  - alert: HighMemoryUsage
    expr: container_memory_usage_bytes{pod!=""} / container_spec_memory_limit_bytes > 0.9
"""


@pytest.fixture
def run(cluster, namespace):
    def run(*arguments, stdin="", check=True):
        return cluster.kubectl("-n", namespace, *arguments, stdin=stdin, check=check)

    return run


def applied(run, text):
    return run("apply", "-f", "-", stdin=text).stdout


def test_the_network_policy_is_taken_and_read_back(run):
    assert applied(run, NETWORK_POLICY) == "networkpolicy.networking.k8s.io/backend-policy created\n"
    assert applied(run, NETWORK_POLICY) == "networkpolicy.networking.k8s.io/backend-policy unchanged\n"
    spec = json.loads(run("get", "netpol", "backend-policy", "-o", "json").stdout)["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert "egress" not in spec
    assert spec["ingress"][0]["ports"] == [{"port": 8080, "protocol": "TCP"}]
    described = run("describe", "netpol", "backend-policy").stdout
    assert "Allowing egress traffic:\n    <none> (Selected pods are isolated for egress connectivity)" in described
    run("delete", "netpol", "backend-policy")


def test_the_gpu_pod_waits_where_no_node_has_a_gpu(run):
    assert applied(run, GPU_POD) == "pod/gpu-pod created\n"
    run("wait", "--for=condition=PodScheduled=False", "pod/gpu-pod", "--timeout=180s")
    read = json.loads(run("get", "pod", "gpu-pod", "-o", "json").stdout)
    resources = read["spec"]["containers"][0]["resources"]
    assert resources == {"limits": {"nvidia.com/gpu": "2"}, "requests": {"nvidia.com/gpu": "2"}}
    (condition,) = [each for each in read["status"]["conditions"] if each["type"] == "PodScheduled"]
    assert condition["reason"] == "Unschedulable"
    assert "Insufficient nvidia.com/gpu" in condition["message"]
    run("delete", "pod", "gpu-pod")


async def test_the_gpu_pod_runs_on_a_node_that_has_gpus(api, namespace, run):
    nodes, pods = api.of("nodes"), api.of("pods", namespace)
    name = (await nodes.names())[0]
    gpus = {"nvidia.com/gpu": "4"}
    (await nodes.merge(name, {"status": {"capacity": gpus, "allocatable": gpus}}, "status")).ok()
    try:
        applied(run, GPU_POD)
        running = await pods.becomes("gpu-pod", lambda it: it["status"]["phase"] == "Running")
        assert running["spec"]["nodeName"] == name
    finally:
        none = {"nvidia.com/gpu": None}
        (await nodes.merge(name, {"status": {"capacity": none, "allocatable": none}}, "status")).ok()


def test_the_device_plugin_is_refused_with_both_of_its_faults(cluster, run):
    refused = cluster.kubectl("apply", "-f", "-", stdin=DEVICE_PLUGIN, check=False)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        'The DaemonSet "nvidia-device-plugin-daemonset" is invalid: \n'
        "* spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`\n"
        '* spec.template.spec.containers[0].volumeMounts[0].name: Not found: "device-plugin"\n'
    )


@pytest.mark.parametrize("text", [PROMETHEUS, ALERT], ids=["prometheus configuration", "alert rule"])
def test_what_is_no_kubernetes_object_is_refused_by_kubectl(run, text):
    refused = run("apply", "-f", "-", stdin=text, check=False)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        'error: error validating "STDIN": error validating data: [apiVersion not set, kind not set]; '
        "if you choose to ignore these errors, turn validation off with --validate=false\n"
    )


async def test_the_definition_is_taken_and_its_objects_are_checked(api, namespace, run, app_service_kind):
    with app_service_kind(CRD):
        made = json.loads(run("get", "crd", "appservices.app.example.com", "-o", "json").stdout)
        assert made["spec"]["names"]["listKind"] == "AppServiceList"
        collection = api.of("appservices", namespace, root="/apis/app.example.com/v1")
        await collection.served()
        document = {"apiVersion": "app.example.com/v1", "kind": "AppService", "metadata": {"name": "a"}}
        (await collection.create({**document, "spec": {"replicas": 1, "image": "nginx:1"}})).ok()
        refused = (await collection.merge("a", {"spec": {"replicas": "two"}})).refused
        assert refused.message == (
            'AppService.app.example.com "a" is invalid: spec.replicas: Invalid value: "string": '
            'spec.replicas in body must be of type integer: "string"'
        )

        async def explained():
            return "FIELD: image <string>" in run("explain", "appservice.spec.image", check=False).stdout

        await eventually(explained)
