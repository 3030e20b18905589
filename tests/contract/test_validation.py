"""Objects of built-in kinds that are refused: which field, why, in which words."""

import pytest

from tests.contract.asking import STRATEGIC, Refusal, invalid
from tests.contract.manifests import config_map, deployment, pod, service

KEY_PART = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
LABEL_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
DNS_LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
CONFIG_KEY = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
MISMATCH = "`selector` does not match template `labels`"


SINGLE_STACK = "this cluster is not configured for dual-stack services"
BALANCERS_ONLY = "may only be used when `type` is 'LoadBalancer'"
BAD_NETWORK = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
NO_NAME_PART = (
    'spec.ports[0].appProtocol: Invalid value: "example.com/": name part must consist of alphanumeric characters, '
    "'-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or "
    "'123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)


def templated(**spec):
    made = deployment("a")
    made["spec"]["template"]["spec"].update(spec)
    return made


def labelled(**labels):
    made = deployment("a")
    made["spec"]["template"]["metadata"]["labels"] = labels
    return made


def lacking(document, field):
    del document["spec"][field]
    return document


def container(**fields):
    return pod("a", containers=[{"name": "c", "image": "i", **fields}])


C = "spec.containers[0]"


@pytest.mark.parametrize(
    ("document", "lines"),
    [
        pytest.param(
            labelled(app="other"),
            [f'spec.template.metadata.labels: Invalid value: {{"app":"other"}}: {MISMATCH}'],
            id="labels that the selector does not select",
        ),
        pytest.param(
            lacking(deployment("a"), "selector"),
            [
                "spec.selector: Required value",
                f'spec.template.metadata.labels: Invalid value: {{"app":"a"}}: {MISMATCH}',
            ],
            id="no selector",
        ),
        pytest.param(
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}},
            [
                "spec.selector: Required value",
                f"spec.template.metadata.labels: Invalid value: null: {MISMATCH}",
                "spec.template.spec.containers: Required value",
            ],
            id="no spec",
        ),
        pytest.param(
            deployment("a", -1),
            ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"],
            id="negative replicas",
        ),
        pytest.param(templated(containers=[]), ["spec.template.spec.containers: Required value"], id="no containers"),
        pytest.param(
            templated(containers=[{"name": "c"}]),
            ["spec.template.spec.containers[0].image: Required value"],
            id="no image",
        ),
        pytest.param(
            templated(restartPolicy="Never"),
            ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
            id="pods that never restart",
        ),
        pytest.param(
            deployment("a", strategy={"type": "Sometimes"}),
            [
                (
                    'spec.strategy: Unsupported value: {"Type":"Sometimes","RollingUpdate":null}: '
                    'supported values: "Recreate", "RollingUpdate"'
                )
            ],
            id="an unknown strategy",
        ),
        pytest.param(
            deployment("a", strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}),
            ["spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"],
            id="an update that could never move",
        ),
        pytest.param(
            deployment("a", minReadySeconds=700),
            ["spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds"],
            id="a deadline before readiness",
        ),
    ],
)
async def test_a_deployment_is_refused(api, namespace, document, lines):
    deployments = api.of("deployments", namespace)
    assert (await deployments.create(document)).refused == invalid('Deployment.apps "a"', *lines)
    assert await deployments.names() == []


@pytest.mark.parametrize(
    ("document", "lines"),
    [
        pytest.param(pod("a", containers=[]), ["spec.containers: Required value"], id="no containers"),
        pytest.param(pod("a", containers=[{"name": "c"}]), [f"{C}.image: Required value"], id="no image"),
        pytest.param(pod("a", containers=[{"image": "i"}]), [f"{C}.name: Required value"], id="no container name"),
        pytest.param(
            pod("a", containers=[{"name": "c", "image": "i"}] * 2),
            ['spec.containers[1].name: Duplicate value: "c"'],
            id="a container name twice",
        ),
        pytest.param(
            container(name="Not_Valid"), [f'{C}.name: Invalid value: "Not_Valid": {DNS_LABEL}'], id="a bad name"
        ),
        pytest.param(
            container(ports=[{"containerPort": 0}]), [f"{C}.ports[0].containerPort: Required value"], id="port 0"
        ),
        pytest.param(
            container(ports=[{"containerPort": 70000, "protocol": "XYZ", "name": "UPPER"}]),
            [
                (
                    f'{C}.ports[0].name: Invalid value: "UPPER": '
                    "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
                ),
                f'{C}.ports[0].name: Invalid value: "UPPER": must contain at least one letter (a-z)',
                f"{C}.ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
                f'{C}.ports[0].protocol: Unsupported value: "XYZ": supported values: "SCTP", "TCP", "UDP"',
            ],
            id="a port that is wrong in every way",
        ),
        pytest.param(
            container(volumeMounts=[{"name": "v", "mountPath": "/x"}]),
            [f'{C}.volumeMounts[0].name: Not found: "v"'],
            id="a mount of no volume",
        ),
        pytest.param(
            container(env=[{"name": "a=b", "value": "1"}]),
            [
                (
                    f'{C}.env[0].name: Invalid value: "a=b": a valid environment variable name must consist only of '
                    "printable ASCII characters other than '='"
                )
            ],
            id="a bad variable",
        ),
        pytest.param(
            container(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}),
            [f'{C}.resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
            id="a request above its limit",
        ),
        pytest.param(
            container(resources={"requests": {"cpu": "-1"}}),
            [f'{C}.resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0'],
            id="a negative request",
        ),
        pytest.param(
            container(resources={"requests": {"nvidia.com/gpu": "1"}}),
            [f"{C}.resources.limits: Required value: Limit must be set for non overcommitable resources"],
            id="a device without a limit",
        ),
        pytest.param(
            container(resources={"limits": {"nvidia.com/gpu": "1.5"}}),
            [
                f'{C}.resources.limits[nvidia.com/gpu]: Invalid value: "1500m": must be an integer',
                f'{C}.resources.requests[nvidia.com/gpu]: Invalid value: "1500m": must be an integer',
            ],
            id="one and a half devices",
        ),
        pytest.param(
            container(imagePullPolicy="Sometimes"),
            [
                (
                    f'{C}.imagePullPolicy: Unsupported value: "Sometimes": '
                    'supported values: "Always", "IfNotPresent", "Never"'
                )
            ],
            id="an unknown pull policy",
        ),
        pytest.param(
            container(livenessProbe={"periodSeconds": -1, "httpGet": {"port": 80}}),
            [f"{C}.livenessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0"],
            id="a probe with a negative period",
        ),
        pytest.param(
            container(livenessProbe={}),
            [f"{C}.livenessProbe: Required value: must specify a handler type"],
            id="a probe of nothing",
        ),
        pytest.param(
            pod("a", restartPolicy="Perhaps"),
            ['spec.restartPolicy: Unsupported value: "Perhaps": supported values: "Always", "OnFailure", "Never"'],
            id="an unknown restart policy",
        ),
        pytest.param(
            pod("a", dnsPolicy="Perhaps"),
            [
                (
                    'spec.dnsPolicy: Unsupported value: "Perhaps": '
                    'supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"'
                )
            ],
            id="an unknown dns policy",
        ),
        pytest.param(
            pod("a", volumes=[{"name": "v", "emptyDir": {}, "hostPath": {"path": "/x"}}]),
            ["spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"],
            id="a volume of two kinds",
        ),
        pytest.param(
            pod("a", volumes=[{"name": "v", "emptyDir": {}}] * 2),
            ['spec.volumes[1].name: Duplicate value: "v"'],
            id="a volume name twice",
        ),
        pytest.param(
            pod("a", tolerations=[{"operator": "Exists", "value": "x", "key": "k"}]),
            ["spec.tolerations[0].operator: Invalid value: \"x\": value must be empty when `operator` is 'Exists'"],
            id="a toleration that contradicts itself",
        ),
        pytest.param(
            pod("a", nodeSelector={"bad key": "x"}),
            [f'spec.nodeSelector: Invalid value: "bad key": {KEY_PART}'],
            id="a bad node selector",
        ),
        pytest.param(
            pod("a", affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}}}),
            [
                (
                    "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: "
                    "Required value: must have at least one node selector term"
                )
            ],
            id="an affinity to no node",
        ),
        pytest.param(
            pod(
                "a",
                hostNetwork=True,
                containers=[{"name": "c", "image": "i", "ports": [{"containerPort": 80, "hostPort": 81}]}],
            ),
            [f"{C}.ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true"],
            id="a host port that is not the container's",
        ),
    ],
)
async def test_a_pod_is_refused(api, namespace, document, lines):
    pods = api.of("pods", namespace)
    assert (await pods.create(document)).refused == invalid('Pod "a"', *lines)
    assert await pods.names() == []


PORT = "must be between 1 and 65535, inclusive"


@pytest.mark.parametrize(
    ("document", "lines"),
    [
        pytest.param(
            service("a", ports=[{"port": 80}, {"port": 81}]),
            ["spec.ports[0].name: Required value", "spec.ports[1].name: Required value"],
            id="two ports without names",
        ),
        pytest.param(
            service("a", ports=[{"port": 80, "name": "a"}, {"port": 80, "name": "b"}]),
            [
                (
                    'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,'
                    '"TargetPort":0,"NodePort":0}'
                )
            ],
            id="a port twice",
        ),
        pytest.param(
            service("a", ports=[{"port": 80, "name": "a"}, {"port": 81, "name": "a"}]),
            ['spec.ports[1].name: Duplicate value: "a"'],
            id="a port name twice",
        ),
        pytest.param(
            service("a", ports=[{"port": 0}]),
            [
                f"spec.ports[0].port: Invalid value: 0: {PORT}",
                f"spec.ports[0].targetPort: Invalid value: 0: {PORT}",
            ],
            id="port 0",
        ),
        pytest.param(
            service("a", ports=[{"port": 80, "nodePort": 30080}]),
            ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
            id="a node port of a cluster ip",
        ),
        pytest.param(
            service("a", type="NodePort", ports=[{"port": 80, "nodePort": 80}]),
            [
                (
                    "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. "
                    "The range of valid ports is 30000-32767"
                )
            ],
            id="a node port outside the range",
        ),
        pytest.param(
            service("a", type="Other"),
            [
                (
                    'spec.type: Unsupported value: "Other": '
                    'supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'
                )
            ],
            id="an unknown type",
        ),
        pytest.param(
            service("a", type="ExternalName"), ["spec.externalName: Required value"], id="an external name without one"
        ),
        pytest.param(
            service("a", clusterIP="1.2.3.4"),
            [
                (
                    'spec.clusterIPs: Invalid value: ["1.2.3.4"]: failed to allocate IP 1.2.3.4: '
                    "the provided network does not match the current range"
                )
            ],
            id="an address outside the range",
        ),
        pytest.param(
            service("a", clusterIP="banana"),
            [
                (
                    'spec.clusterIPs[0]: Invalid value: "banana": '
                    "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
                )
            ],
            id="an address that is none",
        ),
        pytest.param(
            service("a", sessionAffinity="Foo"),
            ['spec.sessionAffinity: Unsupported value: "Foo": supported values: "ClientIP", "None"'],
            id="an unknown affinity",
        ),
        pytest.param(lacking(service("a"), "ports"), ["spec.ports: Required value"], id="no ports"),
        pytest.param(
            service("a", ports=[{"port": 80, "appProtocol": "example.com/"}]),
            ['spec.ports[0].appProtocol: Invalid value: "example.com/": name part must be non-empty', NO_NAME_PART],
            id="a protocol that is no name",
        ),
        pytest.param(
            service("a", ipFamilyPolicy="RequireDualStack"),
            ['spec.ipFamilyPolicy: Invalid value: "RequireDualStack": ' + SINGLE_STACK],
            id="more families than there are",
        ),
        pytest.param(
            service("a", ipFamilies=["IPv6"]),
            ['spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster'],
            id="another family",
        ),
        pytest.param(
            service("a", clusterIPs=["10.96.250.1"]),
            ['spec.clusterIPs: Invalid value: ["10.96.250.1"]: must be empty when `clusterIP` is not specified'],
            id="addresses without the first",
        ),
        pytest.param(
            service("a", loadBalancerClass="example.com/lb", loadBalancerSourceRanges=["10.0.0.0/99"]),
            [
                f"spec.LoadBalancerSourceRanges: Forbidden: {BALANCERS_ONLY}",
                'spec.LoadBalancerSourceRanges[0]: Invalid value: "10.0.0.0/99": ' + BAD_NETWORK,
                f"spec.loadBalancerClass: Forbidden: {BALANCERS_ONLY}",
            ],
            id="what is for load balancers",
        ),
    ],
)
async def test_a_service_is_refused(api, namespace, document, lines):
    services = api.of("services", namespace)
    assert (await services.create(document)).refused == invalid('Service "a"', *lines)
    assert await services.names() == []


async def test_a_node_port_that_is_taken_is_refused(api, namespace):
    services = api.of("services", namespace)
    taken = (await services.create(service("a", type="NodePort"))).ok()["spec"]["ports"][0]["nodePort"]
    refused = (await services.create(service("b", type="NodePort", ports=[{"port": 80, "nodePort": taken}]))).refused
    line = f"spec.ports[0].nodePort: Invalid value: {taken}: provided port is already allocated"
    assert refused == invalid('Service "b"', line)


async def test_an_address_that_is_taken_is_refused(api, namespace):
    services = api.of("services", namespace)
    taken = (await services.create(service("a"))).ok()["spec"]["clusterIP"]
    refused = (await services.create(service("b", clusterIP=taken))).refused
    line = (
        f'spec.clusterIPs: Invalid value: ["{taken}"]: failed to allocate IP {taken}: provided IP is already allocated'
    )
    assert refused == invalid('Service "b"', line)


async def test_a_deleted_services_address_is_free_again(api, namespace):
    services = api.of("services", namespace)
    taken = (await services.create(service("a"))).ok()["spec"]["clusterIP"]
    (await services.delete("a")).ok()
    assert (await services.create(service("b", clusterIP=taken))).ok()["spec"]["clusterIP"] == taken


LONG = "a" * 260
CONTENT = ("spec", "data", "immutable", "type")


@pytest.mark.parametrize(
    ("document", "lines"),
    [
        pytest.param(
            config_map("a", labels={"bad key": "v"}),
            [f'metadata.labels: Invalid value: "bad key": {KEY_PART}'],
            id="a bad label key",
        ),
        pytest.param(
            config_map("a", labels={f"{LONG}/k": "v"}),
            [f'metadata.labels: Invalid value: "{LONG}/k": prefix part must be no more than 253 bytes'],
            id="a label key with a long prefix",
        ),
        pytest.param(
            config_map("a", labels={"k": "bad value!"}),
            [f'metadata.labels: Invalid value: "bad value!": {LABEL_VALUE}'],
            id="a bad label value",
        ),
        pytest.param(config_map("A_b"), [f'metadata.name: Invalid value: "A_b": {SUBDOMAIN}'], id="a bad name"),
        pytest.param(
            config_map(LONG),
            [f'metadata.name: Invalid value: "{LONG}": must be no more than 253 characters'],
            id="a long name",
        ),
        pytest.param(
            config_map("a", {"bad key": "v"}),
            [f'data[bad key]: Invalid value: "bad key": {CONFIG_KEY}'],
            id="a bad key",
        ),
        pytest.param(
            {**config_map("a", {"k": "v"}), "binaryData": {"k": "dg=="}},
            ['data[k]: Invalid value: "k": duplicate of key present in binaryData'],
            id="a key twice",
        ),
        pytest.param(
            config_map("a", finalizers=["plain"]),
            [
                (
                    'metadata.finalizers[0]: Invalid value: "plain": '
                    "name is neither a standard finalizer name nor is it fully qualified"
                )
            ],
            id="a finalizer without a domain",
        ),
        pytest.param(
            config_map("a", annotations={"a": "x" * 300_000}),
            ["metadata.annotations: Too long: may not be more than 262144 bytes"],
            id="long annotations",
        ),
        pytest.param(
            config_map("a", ownerReferences=[{"apiVersion": "v1", "kind": "ConfigMap", "name": "x"}]),
            ["metadata.ownerReferences[0].uid: Required value: must not be empty"],
            id="an owner without a uid",
        ),
    ],
)
async def test_metadata_and_config_are_refused(api, namespace, document, lines):
    maps = api.of("configmaps", namespace)
    expected = invalid(f'ConfigMap "{document["metadata"]["name"]}"', *lines)
    assert (await maps.create(document)).refused == expected


@pytest.mark.parametrize(
    ("plural", "what", "document", "lines"),
    [
        pytest.param(
            "secrets",
            'Secret "a"',
            {"type": "kubernetes.io/tls"},
            ["data[tls.crt]: Required value", "data[tls.key]: Required value"],
            id="a tls secret without its keys",
        ),
        pytest.param(
            "networkpolicies",
            'NetworkPolicy.networking.k8s.io "a"',
            {"spec": {"podSelector": {}, "policyTypes": ["Sideways"], "ingress": [{"from": [{}]}]}},
            [
                "spec.ingress[0].from[0]: Required value: must specify a peer",
                'spec.policyTypes[0]: Unsupported value: "Sideways": supported values: "Ingress", "Egress"',
            ],
            id="a policy from nowhere",
        ),
        pytest.param(
            "leases",
            'Lease.coordination.k8s.io "a"',
            {"spec": {"leaseDurationSeconds": -1}},
            ["spec.leaseDurationSeconds: Invalid value: -1: must be greater than 0"],
            id="a lease of a negative time",
        ),
        pytest.param(
            "jobs",
            'Job.batch "a"',
            {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}}},
            ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
            id="a job that always restarts",
        ),
    ],
)
async def test_other_kinds_are_refused(api, namespace, plural, what, document, lines):
    refused = (await api.of(plural, namespace).create({"metadata": {"name": "a"}, **document})).refused
    assert refused == invalid(what, *lines)


@pytest.mark.parametrize(
    ("plural", "document", "message"),
    [
        pytest.param(
            "deployments",
            {**deployment("a"), "spec": {"replicas": "two"}},
            "Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
            id="text where a number belongs",
        ),
        pytest.param(
            "deployments",
            templated(containers={}),
            "Deployment: json: cannot unmarshal object into Go struct field "
            "PodSpec.spec.template.spec.containers of type []v1.Container",
            id="an object where a list belongs",
        ),
        pytest.param(
            "pods",
            container(resources={"requests": {"cpu": "much"}}),
            "Pod: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
            id="a quantity that is none",
        ),
        pytest.param(
            "configmaps",
            {**config_map("a"), "binaryData": {"k": "!!!"}},
            "ConfigMap: illegal base64 data at input byte 0",
            id="data that is not base64",
        ),
        pytest.param(
            "configmaps",
            config_map("a", labels={"l": True}),
            "ConfigMap: json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels of type string",
            id="a boolean label",
        ),
    ],
)
async def test_a_value_of_the_wrong_type_is_refused(api, namespace, plural, document, message):
    refused = (await api.of(plural, namespace).create(document)).refused
    kind = message.partition(":")[0]
    assert refused == Refusal(400, "BadRequest", f'{kind} in version "v1" cannot be handled as a {message}')


@pytest.mark.parametrize(
    ("plural", "document", "change", "refusal"),
    [
        pytest.param(
            "deployments",
            deployment("a", 0),
            {"spec": {"selector": {"matchLabels": {"app": "b"}}, "template": {"metadata": {"labels": {"app": "b"}}}}},
            invalid(
                'Deployment.apps "a"',
                'spec.selector: Invalid value: {"matchLabels":{"app":"b"}}: field is immutable',
            ),
            id="a deployment's selector",
        ),
        pytest.param(
            "services",
            service("a"),
            {"spec": {"clusterIP": "10.96.99.99", "clusterIPs": ["10.96.99.99"]}},
            invalid('Service "a"', 'spec.clusterIPs[0]: Invalid value: ["10.96.99.99"]: may not change once set'),
            id="a service's address",
        ),
        pytest.param(
            "configmaps",
            {**config_map("a", {"k": "v"}), "immutable": True},
            {"data": {"k": "w"}},
            invalid('ConfigMap "a"', "data: Forbidden: field is immutable when `immutable` is set"),
            id="an immutable config map",
        ),
        pytest.param(
            "secrets",
            {"metadata": {"name": "a"}, "immutable": True},
            {"immutable": False},
            invalid('Secret "a"', "immutable: Forbidden: field is immutable when `immutable` is set"),
            id="an immutable secret",
        ),
        pytest.param(
            "secrets",
            {"metadata": {"name": "a"}},
            {"type": "example.com/other"},
            invalid('Secret "a"', 'type: Invalid value: "example.com/other": field is immutable'),
            id="a secret's type",
        ),
    ],
)
async def test_what_may_not_change_stays(api, namespace, plural, document, change, refusal):
    collection = api.of(plural, namespace)
    (await collection.create(document)).ok()
    before = (await collection.get("a")).ok()
    assert (await collection.merge("a", change)).refused == refusal
    after = (await collection.get("a")).ok()
    assert [after.get(name) for name in CONTENT] == [before.get(name) for name in CONTENT]


POD_MAY_CHANGE = (
    "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
    "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n"
)


@pytest.fixture
async def pods(api, namespace):
    pods = api.of("pods", namespace)
    gate = [{"name": "example.com/gate"}]
    (await pods.create(pod("a", schedulingGates=gate, automountServiceAccountToken=False))).ok()
    return pods


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"restartPolicy": "Never"}, id="restart policy"),
        pytest.param({"terminationGracePeriodSeconds": 5}, id="grace period"),
        pytest.param({"nodeName": "n"}, id="node"),
    ],
)
async def test_a_pods_spec_may_not_change(pods, change):
    refused = (await pods.merge("a", {"spec": change})).refused
    assert (refused.code, refused.fields) == (422, {"spec": "FieldValueForbidden"})
    assert refused.message.startswith(f'Pod "a" is invalid: {POD_MAY_CHANGE}')


async def test_a_pods_image_may_change(pods):
    changed = (await pods.patch("a", STRATEGIC, {"spec": {"containers": [{"name": "main", "image": "i:2"}]}})).ok()
    assert changed["spec"]["containers"][0]["image"] == "i:2"
    assert changed["metadata"]["generation"] == 2


async def test_a_pods_tolerations_may_be_added_to(pods):
    have = (await pods.get("a")).ok()["spec"]["tolerations"]
    more = [*have, {"key": "k", "operator": "Exists"}]
    assert (await pods.merge("a", {"spec": {"tolerations": more}})).ok()["spec"]["tolerations"] == more
    assert (await pods.merge("a", {"spec": {"tolerations": have}})).refused.reason == "Invalid"


async def test_a_pod_needs_its_account_and_its_priority_class(api, namespace):
    pods = api.of("pods", namespace)
    refused = (await pods.create(pod("a", priorityClassName="absent"))).refused
    assert refused == Refusal(403, "Forbidden", 'pods "a" is forbidden: no PriorityClass with name absent was found')


async def test_a_namespace_is_a_dns_label(api):
    refused = (await api.of("namespaces").create({"metadata": {"name": "Upper_case"}})).refused
    line = f'metadata.name: Invalid value: "Upper_case": {DNS_LABEL}'
    assert refused == invalid('Namespace "Upper_case"', line)
