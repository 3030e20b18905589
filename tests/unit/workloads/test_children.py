import pytest

from kubewright.api.drift import FINGERPRINT
from kubewright.workloads import children
from kubewright.workloads.children.volumes import config_maps_of
from tests.unit.workloads.build import app, kinds_of, made

SELECTOR = {"matchLabels": {children.NAME_LABEL: "web"}}
GATEWAY = {"host": "a.example.com", "gateway": {"name": "public", "namespace": "infra", "listener": "https"}}


def pod(**spec):
    return children.deployment(app(**spec))["spec"]["template"]["spec"]


def container(**spec):
    return pod(**spec)["containers"][0]


def test_the_container_carries_everything_that_the_application_says():
    found = container(
        image="shop:1",
        command=["/bin/serve"],
        args=["--fast"],
        env=[
            {"name": "PORT", "value": "80"},
            {"name": "MODE", "fromConfigMap": {"name": "settings", "key": "mode", "optional": True}},
            {"name": "KEY", "fromSecret": {"name": "keys", "key": "api"}},
            {"name": "POD", "fromField": "metadata.name"},
        ],
        envFrom=[{"secret": "keys", "prefix": "S_"}, {"configMap": "settings"}],
        ports=[{"name": "http", "port": 80, "targetPort": 8080}],
    )
    assert (found["name"], found["image"], found["command"], found["args"]) == (
        "app",
        "shop:1",
        ["/bin/serve"],
        ["--fast"],
    )
    assert found["env"] == [
        {"name": "PORT", "value": "80"},
        {"name": "MODE", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "mode", "optional": True}}},
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "api"}}},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ]
    assert found["envFrom"] == [{"secretRef": {"name": "keys"}, "prefix": "S_"}, {"configMapRef": {"name": "settings"}}]
    assert found["ports"] == [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]


@pytest.mark.parametrize(
    ("said", "requests", "limits"),
    [
        pytest.param(
            {},
            {"cpu": "100m", "memory": "128Mi", "ephemeral-storage": "128Mi"},
            {"cpu": "1", "memory": "256Mi", "ephemeral-storage": "1Gi"},
            id="nothing",
        ),
        pytest.param(
            {"requests": {"cpu": "1000m", "memory": "1024Mi"}},
            {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "128Mi"},
            {"cpu": "4", "memory": "2Gi", "ephemeral-storage": "1Gi"},
            id="requests, which are written as the API server stores them",
        ),
        pytest.param(
            {"limits": {"cpu": "50m", "memory": "1Gi"}},
            {"cpu": "50m", "memory": "128Mi", "ephemeral-storage": "128Mi"},
            {"cpu": "50m", "memory": "1Gi", "ephemeral-storage": "1Gi"},
            id="limits",
        ),
    ],
)
def test_what_is_not_said_of_resources_is_completed(said, requests, limits):
    assert container(resources=said)["resources"] == {"requests": requests, "limits": limits}


@pytest.mark.parametrize(
    ("gpu", "asked"),
    [
        pytest.param({"count": 2}, {"nvidia.com/gpu": "2"}, id="whole ones"),
        pytest.param({"mig": "1g.10gb+me"}, {"nvidia.com/mig-1g.10gb.me": "1"}, id="an instance"),
        pytest.param({"share": {}}, {"nvidia.com/gpu.shared": "1"}, id="a time slice"),
        pytest.param(
            {"share": {"memory": "8Gi", "percent": 40}},
            {"nvidia.com/gpu": "1", "nvidia.com/gpumem": "8192", "nvidia.com/gpucores": "40"},
            id="a share",
        ),
    ],
)
def test_gpus_are_asked_for(gpu, asked):
    limits = container(gpu=gpu)["resources"]["limits"]
    assert {name: amount for name, amount in limits.items() if "nvidia" in name} == asked
    assert {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"} in pod(gpu=gpu)["tolerations"]


def test_processes_may_do_what_restricted_allows_and_no_more():
    spec = pod(ports=[{"port": 80}])
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "fsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
        "sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}],
    }
    assert spec["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"name": "tmp", "emptyDir": {}} in spec["volumes"]
    assert "sysctls" not in pod(ports=[{"port": 8080}])["securityContext"]


def test_whoever_may_do_more_says_so():
    spec = pod(security={"profile": "baseline", "writableRoot": True, "capabilities": ["SYS_PTRACE"], "token": True})
    assert spec["automountServiceAccountToken"] is True
    assert "runAsNonRoot" not in spec["securityContext"]
    assert spec["containers"][0]["securityContext"] == {
        "readOnlyRootFilesystem": False,
        "capabilities": {"add": ["SYS_PTRACE"]},
    }
    assert "volumes" not in spec


@pytest.mark.parametrize(
    ("spec", "readiness", "liveness"),
    [
        pytest.param({}, {"tcpSocket": {"port": 80}}, {"tcpSocket": {"port": 80}}, id="by default the first TCP port"),
        pytest.param(
            {"ports": [{"port": 5000, "targetPort": 5001, "appProtocol": "grpc"}]},
            {"grpc": {"port": 5001}},
            {"grpc": {"port": 5001}},
            id="gRPC where it is spoken",
        ),
        pytest.param({"ports": [{"port": 53, "protocol": "UDP"}]}, None, None, id="none without a TCP port"),
        pytest.param(
            {"probes": {"readiness": {"http": {"path": "/up", "port": "http"}}, "liveness": {"disabled": True}}},
            {"httpGet": {"path": "/up", "port": 80, "scheme": "HTTP"}},
            None,
            id="as the application says",
        ),
        pytest.param(
            {"probes": {"readiness": {"exec": {"command": ["true"]}}, "liveness": {"grpc": {"service": "a"}}}},
            {"exec": {"command": ["true"]}},
            {"grpc": {"port": 80, "service": "a"}},
            id="a command, and gRPC",
        ),
    ],
)
def test_probes(spec, readiness, liveness):
    found = container(**spec)
    for name, handler in (("readinessProbe", readiness), ("livenessProbe", liveness)):
        if handler is None:
            assert name not in found
        else:
            assert handler.items() <= found[name].items()


def test_a_probe_keeps_the_times_it_was_given():
    probes = {"startup": {"tcp": {}, "periodSeconds": 2, "failureThreshold": 90, "initialDelaySeconds": 1}}
    found = container(probes=probes)["startupProbe"]
    assert (found["periodSeconds"], found["failureThreshold"], found["initialDelaySeconds"]) == (2, 90, 1)


def test_files_are_mounted_one_by_one_and_a_change_of_one_rolls_the_pods():
    one, other = app(files={"/etc/a/x.conf": "1", "/etc/b/x.conf": "2"}), app(files={"/etc/a/x.conf": "3"})
    config = made(one, "ConfigMap")
    assert config["immutable"] is True
    spec = made(one, "Deployment")["spec"]["template"]["spec"]
    mounts = {m["mountPath"]: m["subPath"] for m in spec["containers"][0]["volumeMounts"] if "subPath" in m}
    assert {path: config["data"][key] for path, key in mounts.items()} == {"/etc/a/x.conf": "1", "/etc/b/x.conf": "2"}
    names = [made(each, "ConfigMap")["metadata"]["name"] for each in (one, other, one)]
    assert names[0] == names[2] != names[1]
    for name, each in zip(names, (one, other), strict=False):
        assert list(config_maps_of(made(each, "Deployment")["spec"]["template"])) == [name]


def volume(**source):
    return {"name": "data", "mountPath": "/data", **source}


@pytest.mark.parametrize(
    ("source", "made_of"),
    [
        pytest.param(
            {"emptyDir": {"size": "1024Mi", "memory": True}},
            {"emptyDir": {"sizeLimit": "1Gi", "medium": "Memory"}},
            id="a folder",
        ),
        pytest.param({"hostPath": {"path": "/var"}}, {"hostPath": {"path": "/var"}}, id="a path of the node"),
        pytest.param({"claim": "mine"}, {"persistentVolumeClaim": {"claimName": "mine"}}, id="a claim"),
        pytest.param(
            {"template": {"size": "1Gi"}},
            {"persistentVolumeClaim": {"claimName": "web-data"}},
            id="a claim that is made",
        ),
        pytest.param({"configMap": {"name": "a"}}, {"configMap": {"name": "a"}}, id="a ConfigMap"),
        pytest.param(
            {"secret": {"name": "a", "optional": True}},
            {"secret": {"secretName": "a", "optional": True}},
            id="a Secret",
        ),
    ],
)
def test_volumes(source, made_of):
    spec = pod(volumes=[volume(readOnly=True, subPath="sub", **source)])
    found = spec["volumes"][0]
    kind = next(iter(made_of))
    assert made_of[kind].items() <= found[kind].items()
    mount = {"name": "data", "mountPath": "/data", "subPath": "sub", "readOnly": True}
    assert spec["containers"][0]["volumeMounts"][0] == mount


def test_a_claim_that_is_made_outlives_its_application_unless_it_is_to_go():
    for delete in (False, True):
        application = app(volumes=[volume(template={"size": "1Gi", "storageClass": "fast", "delete": delete})])
        claim = made(application, "PersistentVolumeClaim")
        assert claim["spec"]["storageClassName"] == "fast"
        assert bool(claim["metadata"].get("ownerReferences")) is delete
    assert made(application, "Deployment")["spec"]["strategy"] == {"type": "Recreate"}


def test_a_stateful_application():
    application = app(kind="stateful", volumes=[volume(template={"size": "1Gi"})])
    assert kinds_of(application) == ["Service", "StatefulSet", "Service"]
    found = [each.manifest for each in children.wanted(application)]
    headless, workload, front = found
    assert (headless["metadata"]["name"], headless["spec"]["clusterIP"]) == ("web-pods", "None")
    assert workload["spec"]["serviceName"] == "web-pods"
    assert [each["metadata"]["name"] for each in workload["spec"]["volumeClaimTemplates"]] == ["data"]
    assert workload["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Retain"
    assert front["spec"]["type"] == "ClusterIP"


def test_a_job():
    application = app(kind="job", ports=[], job={"completions": 3, "parallelism": 3, "indexed": True, "retries": 0})
    spec = made(application, "Job")["spec"]
    assert (spec["completions"], spec["backoffLimit"], spec["completionMode"]) == (3, 0, "Indexed")
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert "readinessProbe" not in spec["template"]["spec"]["containers"][0]
    assert kinds_of(application) == ["Job"]


def test_a_schedule():
    application = app(schedule="0 3 * * *", ports=[], job={"timeZone": "Europe/Berlin", "keepSeconds": 60})
    spec = made(application, "CronJob")["spec"]
    assert (spec["schedule"], spec["timeZone"], spec["concurrencyPolicy"]) == ("0 3 * * *", "Europe/Berlin", "Forbid")
    assert spec["startingDeadlineSeconds"] == 300
    assert spec["jobTemplate"]["spec"]["ttlSecondsAfterFinished"] == 60


def test_an_alias_is_a_service_alone():
    application = app(image="", ports=[], expose={"type": "ExternalName", "externalName": "db.example.com"})
    assert kinds_of(application) == ["Service"]
    assert made(application, "Service")["spec"] == {"type": "ExternalName", "externalName": "db.example.com"}


def test_the_service_reaches_the_containers_port():
    service = children.service(app(ports=[{"name": "grpc", "port": 5000, "targetPort": 8080, "appProtocol": "h2c"}]))
    assert service["spec"]["ports"] == [
        {"name": "grpc", "port": 5000, "targetPort": 8080, "protocol": "TCP", "appProtocol": "h2c"}
    ]
    assert service["spec"]["selector"] == {children.NAME_LABEL: "web"}


def test_ports_without_a_name_get_one_each():
    service = children.service(app(ports=[{"port": 53}, {"port": 53, "protocol": "UDP"}]))
    assert [port["name"] for port in service["spec"]["ports"]] == ["port-53", "port-53-udp"]


def test_an_application_without_ports_has_no_service():
    assert children.service(app(ports=[])) is None


def test_a_load_balancer():
    expose = {"type": "LoadBalancer", "sourceRanges": ["192.0.2.0/24"], "localTraffic": True}
    spec = children.service(app(ports=[{"port": 80, "nodePort": 30080}], expose=expose))["spec"]
    assert (spec["type"], spec["externalTrafficPolicy"], spec["loadBalancerSourceRanges"]) == (
        "LoadBalancer",
        "Local",
        ["192.0.2.0/24"],
    )
    assert spec["ports"][0]["nodePort"] == 30080


def test_a_host_through_an_ingress():
    expose = {"host": "a.example.com", "path": "/shop", "ingressClass": "nginx", "tls": {"issuer": "acme"}}
    ingress = made(app(expose=expose), "Ingress")
    assert ingress["metadata"]["annotations"]["cert-manager.io/cluster-issuer"] == "acme"
    assert ingress["spec"] == {
        "ingressClassName": "nginx",
        "tls": [{"hosts": ["a.example.com"], "secretName": "web-tls"}],
        "rules": [
            {
                "host": "a.example.com",
                "http": {
                    "paths": [
                        {
                            "path": "/shop",
                            "pathType": "Prefix",
                            "backend": {"service": {"name": "web", "port": {"number": 80}}},
                        }
                    ]
                },
            }
        ],
    }


def test_a_host_through_a_gateway():
    assert made(app(expose=GATEWAY), "HTTPRoute")["spec"] == {
        "parentRefs": [{"name": "public", "namespace": "infra", "sectionName": "https"}],
        "hostnames": ["a.example.com"],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                "backendRefs": [{"name": "web", "port": 80}],
            }
        ],
    }


def test_nobody_calls_and_nobody_is_called_but_who_is_named():
    access = {
        "from": [{"app": "front", "ports": ["http"]}, {"app": "probe", "namespace": "monitoring"}],
        "to": [{"app": "db", "ports": [5432]}, {"cidr": "192.0.2.0/24", "besides": ["192.0.2.1/32"]}],
    }
    spec = made(app(access=access), "NetworkPolicy")["spec"]
    assert (spec["podSelector"], spec["policyTypes"]) == (SELECTOR, ["Ingress", "Egress"])
    port = [{"protocol": "TCP", "port": 80}]
    assert spec["ingress"] == [
        {"from": [{"podSelector": {"matchLabels": {children.NAME_LABEL: "front"}}}], "ports": port},
        {
            "from": [
                {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
                    "podSelector": {"matchLabels": {children.NAME_LABEL: "probe"}},
                }
            ],
            "ports": port,
        },
    ]
    names, db, outside = spec["egress"]
    assert {each["port"] for each in names["ports"]} == {53}
    assert db["ports"] == [{"protocol": "TCP", "port": 5432}]
    assert outside == {"to": [{"ipBlock": {"cidr": "192.0.2.0/24", "except": ["192.0.2.1/32"]}}]}


def test_beyond_ones_namespace_a_team_is_what_namespaces_say():
    [rule] = made(app(access={"from": [{"team": "search"}]}), "NetworkPolicy")["spec"]["ingress"]
    label = {"matchLabels": {children.TEAM_LABEL: "search"}}
    assert rule["from"] == [{"namespaceSelector": label}, {"podSelector": label}]


@pytest.mark.parametrize(
    ("expose", "opened"),
    [
        pytest.param({}, [], id="inside only"),
        pytest.param({"host": "a.example.com"}, [{"ports": [{"protocol": "TCP", "port": 80}]}], id="a host"),
        pytest.param(
            {"type": "LoadBalancer", "sourceRanges": ["192.0.2.0/24"]},
            [{"ports": [{"protocol": "TCP", "port": 80}], "from": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}],
            id="a load balancer for some",
        ),
    ],
)
def test_what_is_exposed_is_open(expose, opened):
    assert made(app(access={}, expose=expose), "NetworkPolicy")["spec"]["ingress"] == opened


def test_an_application_without_an_account_of_its_own_says_so_lest_an_older_one_stays():
    assert "ServiceAccount" not in kinds_of(app(name="default"))
    assert made(app(), "Deployment")["spec"]["template"]["spec"]["serviceAccountName"] == "default"


def test_an_account_tells_an_application_apart():
    application = app(access={})
    assert made(application, "ServiceAccount")["automountServiceAccountToken"] is False
    assert made(application, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"] == "web"
    others = app(access={}, security={"serviceAccount": "shared"})
    assert "ServiceAccount" not in kinds_of(others)
    assert made(others, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"] == "shared"


@pytest.mark.parametrize(
    ("availability", "bound"),
    [
        ({}, {"maxUnavailable": 1}),
        ({"maxUnavailable": "25%"}, {"maxUnavailable": "25%"}),
        ({"minAvailable": 2}, {"minAvailable": 2}),
    ],
)
def test_a_budget(availability, bound):
    spec = made(app(availability=availability), "PodDisruptionBudget")["spec"]
    assert spec == {**bound, "selector": SELECTOR, "unhealthyPodEvictionPolicy": "AlwaysAllow"}


def test_pods_are_spread():
    constraints = pod(availability={"zones": "required", "nodes": "none"})["topologySpreadConstraints"]
    assert [(each["topologyKey"], each["whenUnsatisfiable"]) for each in constraints] == [
        ("topology.kubernetes.io/zone", "DoNotSchedule")
    ]
    assert len(pod(replicas=2)["topologySpreadConstraints"]) == 2
    assert "topologySpreadConstraints" not in pod(replicas=1)


def test_placement():
    spec = pod(
        placement={
            "nodeSelector": {"disk": "ssd"},
            "nodes": [{"key": "arch", "values": ["arm64"]}, {"key": "gpu", "operator": "DoesNotExist", "weight": 7}],
            "near": [{"app": "cache"}],
            "apart": [{"required": True, "topology": "topology.kubernetes.io/zone"}],
            "tolerations": [{"key": "spot", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 0}],
            "priorityClass": "high",
        },
        gpu={"model": "NVIDIA-A100-SXM4-80GB"},
    )
    assert spec["nodeSelector"] == {"disk": "ssd", "nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}
    affinity = spec["affinity"]
    needed, wished = (
        "requiredDuringSchedulingIgnoredDuringExecution",
        "preferredDuringSchedulingIgnoredDuringExecution",
    )
    assert affinity["nodeAffinity"][needed]["nodeSelectorTerms"] == [
        {"matchExpressions": [{"key": "arch", "operator": "In", "values": ["arm64"]}]}
    ]
    assert affinity["nodeAffinity"][wished][0]["weight"] == 7
    near = affinity["podAffinity"][wished][0]["podAffinityTerm"]
    assert near["labelSelector"] == {"matchLabels": {children.NAME_LABEL: "cache"}}
    [apart] = affinity["podAntiAffinity"][needed]
    assert (apart["topologyKey"], apart["labelSelector"]) == ("topology.kubernetes.io/zone", SELECTOR)
    assert spec["tolerations"][0] == {
        "key": "spot",
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": 0,
    }
    assert spec["priorityClassName"] == "high"


def test_an_autoscaler():
    scaling = {"min": 2, "max": 9, "targets": [{"metric": "cpu", "percent": 60}, {"metric": "rps", "average": "1000m"}]}
    spec = made(app(scaling=scaling), "HorizontalPodAutoscaler")["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"], spec["scaleTargetRef"]["kind"]) == (2, 9, "Deployment")
    assert spec["metrics"] == [
        {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}},
        {"type": "Pods", "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": "1"}}},
    ]
    usual = made(app(kind="stateful", scaling={"max": 3}), "HorizontalPodAutoscaler")["spec"]
    assert usual["scaleTargetRef"]["kind"] == "StatefulSet"
    assert usual["metrics"][0]["resource"]["target"]["averageUtilization"] == 70


@pytest.mark.parametrize(
    ("mesh", "labels", "annotations"),
    [
        ({"type": "istio", "revision": "1-30"}, {"istio.io/rev": "1-30"}, "proxy.istio.io/config"),
        ({"type": "istio-ambient"}, {"istio.io/dataplane-mode": "ambient"}, None),
        ({"type": "linkerd"}, {}, "linkerd.io/inject"),
        ({"type": "none"}, {"sidecar.istio.io/inject": "false"}, "linkerd.io/inject"),
    ],
)
def test_a_mesh(mesh, labels, annotations):
    metadata = made(app(mesh=mesh), "Deployment")["spec"]["template"]["metadata"]
    assert labels.items() <= metadata["labels"].items()
    assert annotations is None or annotations in metadata["annotations"]


def test_in_istio_callers_are_known_by_their_account():
    access = {"from": [{"app": "front", "namespace": "shop-ui", "ports": ["http"]}]}
    application = app(mesh={"type": "istio"}, access=access, expose={"host": "a.example.com"})
    spec = made(application, "AuthorizationPolicy")["spec"]
    assert spec["rules"] == [
        {
            "from": [{"source": {"principals": ["*/ns/shop-ui/sa/front"]}}],
            "to": [{"operation": {"ports": ["80"]}}],
        },
        {"to": [{"operation": {"ports": ["80"]}}]},
    ]
    assert "AuthorizationPolicy" not in kinds_of(app(mesh={"type": "linkerd"}, access=access))


def test_every_child_bears_the_teams_label():
    application = app(team="payments", access={}, availability={}, files={"/a": "b"})
    for each in children.wanted(application):
        assert each.manifest["metadata"]["labels"][children.TEAM_LABEL] == "payments"
    assert made(application, "Deployment")["spec"]["template"]["metadata"]["labels"][children.TEAM_LABEL] == "payments"


def test_the_fingerprint_changes_with_the_manifest_and_only_then():
    def fingerprint(**spec):
        return made(app(**spec), "Deployment")["metadata"]["annotations"][FINGERPRINT]

    assert fingerprint() == fingerprint()
    assert fingerprint() != fingerprint(replicas=3)


def test_a_scale_policy_where_an_autoscaler_would_not_do():
    hours = {"name": "day", "start": "0 8 * * *", "end": "0 18 * * *", "min": 0, "max": 20}
    queue = {"query": "sum(waiting)", "average": 30}
    scaling = {
        "min": 0,
        "max": 9,
        "targets": [{"metric": "cpu", "percent": 60}],
        "metrics": [{"queue": queue}],
        "schedules": [hours],
        "fallback": {"replicas": 3},
        "mode": "reactive",
    }
    spec = made(app(scaling=scaling), "ScalePolicy")["spec"]
    assert spec == {
        "target": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "min": 0,
        "max": 9,
        "mode": "reactive",
        "metrics": [{"cpu": {"percent": 60}}, {"queue": queue}],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}},
        "schedules": [hours],
        "fallback": {"replicas": 3},
    }
    kinds = kinds_of(app(scaling=scaling))
    assert "HorizontalPodAutoscaler" not in kinds
    usual = made(app(scaling={"max": 3, "mode": "predictive"}), "ScalePolicy")["spec"]
    assert usual["metrics"] == [{"cpu": {"percent": 70}}]
