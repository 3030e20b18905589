import pytest
import yaml

from kubewright.twin.defaults import apply_defaults
from kubewright.twin.kinds import KindTable
from kubewright.twin.validation import validate

TABLE = KindTable.builtin()


def errors_of(text, old=None):
    obj = yaml.safe_load(text)
    kind = TABLE.by_kind(obj["apiVersion"], obj["kind"])
    if kind.namespaced:
        obj["metadata"].setdefault("namespace", "default")
    apply_defaults(kind, obj)
    return {(error.field, error.message) for error in validate(kind, obj, old)}


def pod(extra="", container=""):
    return f"""
apiVersion: v1
kind: Pod
metadata: {{name: p}}
spec:
  {extra}
  containers:
  - name: a
    image: x
    {container}
"""


def deployment(spec, template="metadata: {labels: {a: b}}"):
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: d}}
spec:
  {spec}
  template:
    {template}
    spec: {{containers: [{{name: a, image: x}}]}}
"""


def service(spec):
    return f"apiVersion: v1\nkind: Service\nmetadata: {{name: s}}\nspec: {spec}"


MATCH = "selector: {matchLabels: {a: b}}"

CASES = {
    "a container needs an image": (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a}]}",
        {("spec.containers[0].image", "Required value")},
    ),
    "a pod needs containers": (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {}",
        {("spec.containers", "Required value")},
    ),
    "a mount must name a volume": (
        pod(container="volumeMounts: [{name: nope, mountPath: /a}]"),
        {("spec.containers[0].volumeMounts[0].name", 'Not found: "nope"')},
    ),
    "a request may not exceed its limit": (
        pod(container="resources: {limits: {cpu: 1}, requests: {cpu: 2}}"),
        {("spec.containers[0].resources.requests", 'Invalid value: "2": must be less than or equal to cpu limit of 1')},
    ),
    "devices are whole": (
        pod(container="resources: {limits: {nvidia.com/gpu: 1500m}}"),
        {
            ("spec.containers[0].resources.limits[nvidia.com/gpu]", 'Invalid value: "1500m": must be an integer'),
            ("spec.containers[0].resources.requests[nvidia.com/gpu]", 'Invalid value: "1500m": must be an integer'),
        },
    ),
    "a restart policy is one of three": (
        pod("restartPolicy: Sometimes"),
        {("spec.restartPolicy", 'Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"')},
    ),
    "a probe does something": (
        pod(container="livenessProbe: {}"),
        {("spec.containers[0].livenessProbe", "Required value: must specify a handler type")},
    ),
    "a selector is required": (
        deployment("replicas: -1"),
        {
            ("spec.replicas", "Invalid value: -1: must be greater than or equal to 0"),
            ("spec.selector", "Required value"),
            ("spec.template.metadata.labels", 'Invalid value: {"a":"b"}: `selector` does not match template `labels`'),
        },
    ),
    "an empty selector is refused": (
        deployment("selector: {}"),
        {("spec.selector", "Invalid value: {}: empty selector is invalid for deployment")},
    ),
    "surge and unavailable may not both be zero": (
        deployment(MATCH + "\n  strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0}}"),
        {("spec.strategy.rollingUpdate.maxUnavailable", "Invalid value: 0: may not be 0 when `maxSurge` is 0")},
    ),
    "recreate has no rolling update": (
        deployment(MATCH + "\n  strategy: {type: Recreate, rollingUpdate: {maxSurge: 1}}"),
        {("spec.strategy.rollingUpdate", "Forbidden: may not be specified when strategy `type` is 'Recreate'")},
    ),
    "a service has ports": (service("{}"), {("spec.ports", "Required value")}),
    "several ports have names": (
        service("{ports: [{port: 80}, {port: 81, name: b}]}"),
        {("spec.ports[0].name", "Required value")},
    ),
    "a cluster IP has no node ports": (
        service("{ports: [{port: 80, nodePort: 30000}]}"),
        {("spec.ports[0].nodePort", "Forbidden: may not be used when `type` is 'ClusterIP'")},
    ),
    "a config map's keys are file names": (
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {"..": x}',
        {("data[..]", "Invalid value: \"..\": must not be '..'")},
    ),
    "a TLS secret has both parts": (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: c}\ntype: kubernetes.io/tls",
        {("data[tls.crt]", "Required value"), ("data[tls.key]", "Required value")},
    ),
    "an object has a name": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {}",
        {("metadata.name", "Required value: name or generateName is required")},
    ),
    "a finalizer is qualified": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, finalizers: [foo]}",
        {
            (
                "metadata.finalizers[0]",
                'Invalid value: "foo": name is neither a standard finalizer name nor is it fully qualified',
            )
        },
    ),
    "a CRD's name is plural and group": (
        """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: foo}
spec:
  group: a.example.com
  scope: Namespaced
  names: {plural: foos, kind: Foo}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {a: {}}}}}]
""",
        {
            ("metadata.name", 'Invalid value: "foo": must be spec.names.plural+"."+spec.group'),
            (
                "spec.validation.openAPIV3Schema.properties[a].type",
                "Required value: must not be empty for specified object fields",
            ),
        },
    ),
    "a lease lasts": (
        "apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {name: l}\nspec: {leaseDurationSeconds: 0}",
        {("spec.leaseDurationSeconds", "Invalid value: 0: must be greater than 0")},
    ),
    "a job's pods end": (
        (
            "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\n"
            "spec: {template: {spec: {containers: [{name: a, image: x}]}}}"
        ),
        {("spec.template.spec.restartPolicy", 'Required value: valid values: "OnFailure", "Never"')},
    ),
    "a slice's addresses are of its type, and its ports named once": (
        """
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: s}
addressType: IPv6
endpoints: [{addresses: [10.1.2.3]}, {addresses: []}]
ports: [{name: http, port: 80}, {name: http, port: 81}]
""",
        {
            ("endpoints[0].addresses", 'Invalid value: "10.1.2.3": must be an IPv6 address'),
            ("endpoints[1].addresses", "Required value: must contain at least 1 address"),
            ("ports[1].name", 'Duplicate value: "http"'),
        },
    ),
    "an autoscaler's metric says what it measures, and its rules how fast": (
        """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: h}
spec:
  maxReplicas: 3
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: a}
  metrics: [{type: Resource}]
  behavior: {scaleDown: {stabilizationWindowSeconds: 5000, policies: [{type: Pods, value: 0, periodSeconds: 60}]}}
""",
        {
            ("spec.metrics[0].resource", "Required value: must populate information for the given metric source"),
            (
                "spec.behavior.scaleDown.stabilizationWindowSeconds",
                "Invalid value: 5000: must be less than or equal to 3600",
            ),
            ("spec.behavior.scaleDown.policies[0].value", "Invalid value: 0: must be greater than zero"),
        },
    ),
    "a quota of a scope limits what has that scope, and device counts are whole": (
        """
apiVersion: v1
kind: ResourceQuota
metadata: {name: q}
spec: {hard: {services: "1", example.com/gpu: 1500m}, scopes: [BestEffort]}
""",
        {
            ("spec.hard[example.com/gpu]", 'Invalid value: "1500m": must be an integer'),
            ("spec.scopes", 'Invalid value: ["BestEffort"]: unsupported scope applied to resource'),
        },
    ),
    "a claim asks for room and says who may use it": (
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: c}\nspec: {volumeMode: Odd}",
        {
            ("spec.accessModes", "Required value: at least 1 access mode is required"),
            ("spec.resources[storage]", "Required value"),
            ("spec.volumeMode", 'Unsupported value: "Odd": supported values: "Block", "Filesystem"'),
        },
    ),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_what_is_wrong_is_said_in_the_servers_words(text, expected):
    assert errors_of(text) == expected


DEVICE_PLUGIN = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: nvidia-device-plugin-daemonset, namespace: kube-system}
spec:
  selector: {matchLabels: {name: nvidia-device-plugin-ds}}
  template:
    spec:
      containers:
      - image: nvidia/k8s-device-plugin:v0.12.0
        name: nvidia-device-plugin-ctr
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: ["ALL"]}}
        volumeMounts: [{name: device-plugin, mountPath: /var/lib/kubelet/device-plugins}]
"""


def test_the_device_plugin_without_labels_and_volume_is_refused_with_both_causes():
    assert errors_of(DEVICE_PLUGIN) == {
        ("spec.template.metadata.labels", "Invalid value: null: `selector` does not match template `labels`"),
        ("spec.template.spec.containers[0].volumeMounts[0].name", 'Not found: "device-plugin"'),
    }


def updated(text, change):
    old = yaml.safe_load(text)
    kind = TABLE.by_kind(old["apiVersion"], old["kind"])
    old["metadata"].setdefault("namespace", "default")
    apply_defaults(kind, old)
    new = yaml.safe_load(yaml.safe_dump(old))
    change(new)
    return [(error.field, error.message) for error in validate(kind, new, old)]


def test_a_deployments_selector_never_changes():
    def change(obj):
        obj["spec"]["selector"] = obj["spec"]["template"]["metadata"]["labels"] = {"matchLabels": {"a": "c"}}
        obj["spec"]["template"]["metadata"]["labels"] = {"a": "c"}

    assert updated(deployment(MATCH), change) == [
        ("spec.selector", 'Invalid value: {"matchLabels":{"a":"c"}}: field is immutable')
    ]


def test_of_a_pod_the_image_may_change_and_the_rest_may_not():
    def image(obj):
        obj["spec"]["containers"][0]["image"] = "y"

    def account(obj):
        obj["spec"]["nodeSelector"] = {"a": "b"}

    assert updated(pod(), image) == []
    ((field, message),) = updated(pod(), account)
    assert field == "spec"
    assert message.startswith("Forbidden: pod updates may not change fields other than `spec.containers[*].image`")


def test_no_finalizer_is_added_to_what_is_being_deleted():
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, deletionTimestamp: '2026-01-01T00:00:00Z'}"
    ((field, message),) = updated(text, lambda obj: obj["metadata"].update(finalizers=["a.b/c"]))
    assert field == "metadata.finalizers"
    assert 'found new finalizers []string{"a.b/c"}' in message


def test_a_pod_that_asks_for_devices_is_accepted():
    assert errors_of(pod(container="resources: {limits: {nvidia.com/gpu: 2}}")) == set()
