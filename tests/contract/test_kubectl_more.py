"""kubectl's rarer commands; those with a kubelet behind them on the twin alone, whose nodes answer for theirs."""

import json
import re
import time
from datetime import UTC, datetime

import pytest

from tests.contract.manifests import config_map, crd, custom, deployment, pod, schema
from tests.contract.test_certificates import key_and_request, signing_request
from tests.contract.test_kubectl import table

SCRAPED_SECONDS = 180
NOT_IN_SERVER = "error: Metrics API not available\n"


@pytest.fixture
def ready(run):
    """A pod that is ready, by the name a."""
    run("create", "-f", "-", stdin=pod("a"))
    run("wait", "--for=condition=Ready", "pod/a", "--timeout=180s")
    return "a"


@pytest.fixture
def only_on_the_twin(cluster):
    if cluster.name != "twin":
        pytest.skip("the real control plane finds no kubelet at its simulated nodes")


def once_scraped(run, *command):
    """What kubectl says once the thing asked for was there for two scrapes, which are 15 seconds apart."""
    deadline = time.monotonic() + SCRAPED_SECONDS
    while (said := run(*command, check=False)).returncode != 0:
        assert time.monotonic() < deadline, said.stderr
        time.sleep(0.5)
    return said.stdout


def test_a_kustomization_is_applied_shown_and_deleted(said, tmp_path):
    (tmp_path / "web.yaml").write_text(json.dumps(deployment("web", 0)))
    kustomization = {
        "namePrefix": "pre-",
        "resources": ["web.yaml"],
        "configMapGenerator": [{"name": "settings", "literals": ["k=v"]}],
        "images": [{"name": "nginx", "newTag": "9"}],
    }
    (tmp_path / "kustomization.yaml").write_text(json.dumps(kustomization))
    created = said("apply", "-k", str(tmp_path)).splitlines()
    assert [re.sub(r"-\w{10} ", " ", line) for line in created] == [
        "configmap/pre-settings created",
        "deployment.apps/pre-web created",
    ]
    assert said("get", "-k", str(tmp_path), "-o", "name").splitlines()[-1] == "deployment.apps/pre-web"
    image = "jsonpath={.spec.template.spec.containers[0].image}"
    assert said("get", "deployment", "pre-web", "-o", image) == "nginx:9"
    assert said("diff", "-k", str(tmp_path)) == ""
    assert len(said("delete", "-k", str(tmp_path)).splitlines()) == 2


def test_what_was_applied_last_is_shown(said):
    said("apply", "-f", "-", stdin=config_map("a", {"k": "1"}))
    shown = said("apply", "view-last-applied", "cm", "a", "-o", "json")
    assert json.loads(shown)["data"] == {"k": "1"}


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["cronjob", "a", "--image=busybox", "--schedule=@yearly"], "cronjob.batch/a created"),
        (["ingress", "a", "--rule=example.com/=a:80"], "ingress.networking.k8s.io/a created"),
        (["quota", "a", "--hard=pods=5"], "resourcequota/a created"),
        (["service", "loadbalancer", "a", "--tcp=80"], "service/a created"),
        (["service", "externalname", "a", "--external-name=example.com"], "service/a created"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_create_makes_a_kind_that_can_be_described(said, arguments, answer):
    assert said("create", *arguments) == answer
    kind = answer.partition("/")[0]
    assert re.search(r"^Name: +a$", said("describe", kind, "a"), re.MULTILINE)


@pytest.mark.parametrize("kind", ["clusterrole", "clusterrolebinding", "priorityclass"])
def test_create_makes_a_kind_of_the_cluster(cluster, namespace, kind):
    options = {
        "clusterrole": ["--verb=get", "--resource=pods"],
        "clusterrolebinding": ["--clusterrole=view", "--user=u"],
        "priorityclass": ["--value=5"],
    }
    group = "scheduling.k8s.io" if kind == "priorityclass" else "rbac.authorization.k8s.io"
    made = cluster.kubectl("create", kind, namespace, *options[kind])
    assert made.stdout == f"{kind}.{group}/{namespace} created\n"
    assert cluster.kubectl("delete", kind, namespace).stdout == f'{kind}.{group} "{namespace}" deleted\n'


def test_a_custom_object_is_applied_described_labelled_and_deleted(cluster, said, run, tmp_path):
    definition = crd(schema(size={"type": "integer"}))
    name, kind = definition["metadata"]["name"], definition["spec"]["names"]["kind"]
    # A cache of its own: what is served has just changed.
    cache = {"KUBECACHEDIR": str(tmp_path)}
    run("create", "-f", "-", stdin=definition)
    try:
        cluster.established(name)
        assert re.search(r"^Name: +things", said("describe", "crd", name), re.MULTILINE)
        applied = run("apply", "-f", "-", stdin=custom(definition, "a", spec={"size": 3}), **cache)
        assert applied.stdout == f"{kind.lower()}.contract.example.com/a created\n"
        assert said("label", name, "a", "l=1", **cache) == f"{kind.lower()}.contract.example.com/a labeled"
        text = said("describe", name, "a", **cache)
        for line in (r"Name: +a", r"Labels: +l=1", rf"Kind: +{kind}", r" +Size: +3"):
            assert re.search(f"^{line}$", text, re.MULTILINE), (line, text)
        assert said("get", name, "a", "-o", "jsonpath={.spec.size}", **cache) == "3"
        run("delete", name, "a", **cache)
    finally:
        run("delete", "crd", name, "--wait=false")


def test_set_resources_and_serviceaccount(said, run):
    run("create", "-f", "-", stdin=deployment("web", 0))
    assert said("set", "resources", "deployment/web", "--limits=cpu=200m", "--requests=cpu=100m") == (
        "deployment.apps/web resource requirements updated"
    )
    assert said("set", "serviceaccount", "deployment/web", "default") == "deployment.apps/web serviceaccount updated"
    spec = json.loads(said("get", "deployment", "web", "-o", "jsonpath={.spec.template.spec}"))
    assert spec["containers"][0]["resources"] == {"limits": {"cpu": "200m"}, "requests": {"cpu": "100m"}}
    assert spec["serviceAccountName"] == "default"


def test_set_env_from_a_config_map_and_list(said, run):
    run("create", "-f", "-", stdin=deployment("web", 0))
    run("create", "-f", "-", stdin=config_map("a", {"k": "v"}))
    assert said("set", "env", "deployment/web", "--from=configmap/a") == "deployment.apps/web env updated"
    assert said("set", "env", "deployment/web", "--list").splitlines()[-1] == "# K from configmap a, key k"


def test_autoscale_a_deployment(said, run):
    run("create", "-f", "-", stdin=deployment("web", 0))
    made = said("autoscale", "deployment/web", "--min=1", "--max=3", "--cpu=70%")
    assert made == "horizontalpodautoscaler.autoscaling/web autoscaled"
    spec = json.loads(said("get", "hpa", "web", "-o", "jsonpath={.spec}"))
    assert (spec["minReplicas"], spec["maxReplicas"]) == (1, 3)
    assert spec["metrics"][0]["resource"]["target"] == {"type": "Utilization", "averageUtilization": 70}
    assert re.search(r"^Max replicas: +3$", said("describe", "hpa", "web"), re.MULTILINE)


@pytest.mark.parametrize("kind", ["statefulset", "daemonset"])
def test_rollouts_of_other_workloads_are_recorded_and_undone(said, run, kind):
    made = deployment("web", 1)
    spec = {key: made["spec"][key] for key in ("selector", "template")}
    # No node is right for it: rolled out as soon as it is seen.
    spec["template"]["spec"]["nodeSelector"] = {"example.com/none": ""}
    named = {"statefulset": "StatefulSet", "daemonset": "DaemonSet"}[kind]
    spec |= {"replicas": 0, "serviceName": "web"} if kind == "statefulset" else {}
    run("create", "-f", "-", stdin={**made, "kind": named, "spec": spec})
    target = f"{kind}/web"
    run("rollout", "status", target, "--timeout=180s")
    assert said("set", "image", target, "main=nginx:2") == f"{kind}.apps/web image updated"
    run("rollout", "status", target, "--timeout=180s")
    revisions = [line.split()[0] for line in said("rollout", "history", target).splitlines()[2:]]
    assert revisions == ["1", "2"]
    assert said("rollout", "undo", target) == f"{kind}.apps/web rolled back"
    assert said("get", target, "-o", "jsonpath={.spec.template.spec.containers[0].image}") == "nginx:1"
    assert said("rollout", "restart", target) == f"{kind}.apps/web restarted"


def test_what_an_account_may_do_is_told(cluster, said, run, namespace):
    run("create", "role", "a", "--verb=get,list", "--resource=configmaps")
    run("create", "rolebinding", "a", "--role=a", f"--serviceaccount={namespace}:default")
    account = f"--as=system:serviceaccount:{namespace}:default"
    allowed = ("-n", namespace, "auth", "can-i", "get", "configmaps", account)
    cluster.until(lambda done: done.stdout == "yes\n", *allowed)  # an authorizer hears of roles a little later
    refused = run("auth", "can-i", "delete", "configmaps", account, check=False)
    assert (refused.returncode, refused.stdout) == (1, "no\n")
    rows = said("auth", "can-i", "--list", account).splitlines()
    assert rows[0].split() == ["Resources", "Non-Resource", "URLs", "Resource", "Names", "Verbs"]
    assert (
        re.sub(r" +", " ", next(row for row in rows if row.startswith("configmaps"))) == "configmaps [] [] [get list]"
    )


def test_roles_are_reconciled(said, namespace):
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "a", "namespace": namespace},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
    }
    assert said("auth", "reconcile", "-f", "-", stdin=role).splitlines()[0] == (
        "role.rbac.authorization.k8s.io/a reconciled"
    )
    role["rules"][0]["verbs"] = ["list"]
    said("auth", "reconcile", "-f", "-", stdin=role)
    assert said("get", "role", "a", "-o", "jsonpath={.rules[*].verbs}") == '["get"] ["list"]'


def test_explain_recursively(said):
    text = said("explain", "pod.spec.tolerations", "--recursive")
    assert "FIELD: tolerations <[]Toleration>\n" in text
    assert "  effect\t<string>\n  enum: NoExecute, NoSchedule, PreferNoSchedule\n" in text
    assert "  tolerationSeconds\t<integer>" in text


def test_cluster_info_says_where_it_runs(said):
    text = re.sub(r"\x1b\[[0-9;]*m", "", said("cluster-info"))
    assert re.match(r"Kubernetes control plane is running at https://127\.0\.0\.1:\d+\n", text)


def test_get_sorts_by_a_field(said):
    for name, value in (("a", "3"), ("b", "1"), ("c", "2")):
        said("create", "-f", "-", stdin=config_map(name, {"k": value}, labels={"l": "1"}))
    sorted_names = said("get", "cm", "-l", "l", "--sort-by=.data.k", "-o", "name").splitlines()
    assert sorted_names == ["configmap/b", "configmap/c", "configmap/a"]


def test_get_of_several_kinds_and_of_a_subresource(said, run):
    run("create", "-f", "-", stdin=config_map("a"))
    run("create", "-f", "-", stdin=deployment("web", 0))
    assert said("get", "cm/a", "deploy/web", "-o", "name").splitlines() == ["configmap/a", "deployment.apps/web"]
    scale = json.loads(said("get", "deploy", "web", "--subresource=scale", "-o", "json"))
    assert (scale["kind"], scale["spec"]) == ("Scale", {})
    rows = table(said("get", "deploy", "web", "--subresource=scale"))
    assert (rows[0], rows[1][:3]) == (["NAME", "DESIRED", "AVAILABLE", "AGE"], ["web", "0", "0"])


def test_wait_for_a_creation(said, run):
    late = run("wait", "--for=create", "cm/a", "--timeout=1s", check=False)
    assert late.returncode == 1
    run("create", "-f", "-", stdin=config_map("a"))
    assert said("wait", "--for=create", "cm/a", "--timeout=180s") == "configmap/a condition met"


def test_labels_and_annotations_are_overwritten_and_listed(said, run):
    run("create", "-f", "-", stdin=config_map("a", labels={"l": "1"}))
    assert said("label", "cm", "a", "l=2", "--overwrite") == "configmap/a labeled"
    assert said("label", "cm", "a", "--list") == "l=2"
    assert said("annotate", "cm", "a", "n=1") == "configmap/a annotated"
    assert said("annotate", "cm", "a", "n=2", "--overwrite") == "configmap/a annotated"
    assert said("annotate", "cm", "a", "--list") == "n=2"


def test_debug_adds_an_ephemeral_container(said, run):
    run("create", "-f", "-", stdin=pod("a", schedulerName="nobody"))
    run("debug", "a", "--image=busybox", "--container=look", "--target=main", "--attach=false", "--profile=general")
    (added,) = json.loads(said("get", "pod", "a", "-o", "jsonpath={.spec.ephemeralContainers}"))
    assert (added["name"], added["image"], added["targetContainerName"]) == ("look", "busybox", "main")
    run("debug", "a", "--image=busybox", "--copy-to=b", "--attach=false", "--profile=general")
    assert len(json.loads(said("get", "pod", "b", "-o", "jsonpath={.spec.containers}"))) == 2


@pytest.mark.parametrize(("verb", "condition"), [("approve", "Approved"), ("deny", "Denied")])
def test_certificates_are_approved_and_denied(said, run, namespace, verb, condition):
    _, request = key_and_request("u")
    run("create", "-f", "-", stdin=signing_request(namespace, request))
    try:
        answer = f"certificatesigningrequest.certificates.k8s.io/{namespace}"
        assert said("certificate", verb, namespace) == f"{answer} {condition.lower()}"
        assert said("get", "csr", namespace, "-o", "jsonpath={.status.conditions[0].type}") == condition
        assert re.search(rf"^Status: +{condition}", said("describe", "csr", namespace), re.MULTILINE)
    finally:
        run("delete", "csr", namespace)


def test_a_token_is_bound_and_limited(said, run):
    run("create", "-f", "-", stdin=pod("a", schedulerName="nobody"))
    bound = json.loads(
        said(
            "create",
            "token",
            "default",
            "--duration=20m",
            "--bound-object-kind=Pod",
            "--bound-object-name=a",
            "-o=json",
        )
    )
    assert bound["spec"]["boundObjectRef"]["name"] == "a"
    left = datetime.fromisoformat(bound["status"]["expirationTimestamp"]) - datetime.now(UTC)
    assert 1100 < left.total_seconds() < 1300


def test_top_without_metrics_says_so_and_shows_usage_on_the_twin(cluster, run, ready, tmp_path):
    if cluster.name != "twin":
        # A fresh cache: another case may have served metrics.
        assert run("top", "nodes", check=False, KUBECACHEDIR=str(tmp_path)).stderr == NOT_IN_SERVER
        return
    nodes = once_scraped(run, "top", "nodes").splitlines()
    assert nodes[0].split() == ["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"]
    assert len(nodes) > 3
    pods = once_scraped(run, "top", "pods", "--containers")
    assert re.search(rf"^{ready} +main +\d+m +\d+Mi", pods, re.MULTILINE)


@pytest.mark.usefixtures("only_on_the_twin")
def test_logs_of_a_pod_and_of_a_workload(said, run, web):
    pods = said("get", "pods", "-o", "name").splitlines()
    whole = said("logs", pods[0]).splitlines()
    assert whole
    assert said("logs", pods[0], "--tail=1") == whole[-1]
    assert said("logs", pods[0], "-c", "main", "--timestamps").splitlines()[0].endswith(whole[0])
    assert len(said("logs", "-l", "app=web", "--prefix", "--tail=1").splitlines()) == 2
    assert said("logs", web, "--tail=1")
    before = run("logs", pods[0], "--previous", check=False)
    assert re.search(r"previous terminated container .main. in pod \S+ not found", before.stderr)


@pytest.mark.usefixtures("only_on_the_twin")
@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["exec", "a", "--", "true"], "running commands in containers"),
        (["attach", "a"], "attaching to containers"),
        (["cp", "a:/etc/hosts", "hosts"], "running commands in containers"),
        (["port-forward", "pod/a", ":80"], "port forwarding"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_what_needs_a_stream_into_a_container_says_that_it_is_not_modelled(run, ready, arguments, what):
    refused = run(*arguments, check=False)
    assert refused.returncode != 0
    assert what in refused.stderr


def test_a_list_is_checked_before_it_is_applied(run, said, tmp_path):
    # A list is the last thing that kubectl checks by OpenAPI v2, which it asks for in protobuf alone.
    listed = tmp_path / "list.json"
    items = [config_map("a"), deployment("web", 0)]
    listed.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    assert said("apply", "--dry-run=server", "-f", str(listed)).splitlines() == [
        "configmap/a created (server dry run)",
        "deployment.apps/web created (server dry run)",
    ]
    items[1]["spec"]["replicas"] = "two"
    items[1]["spec"]["nothing"] = True
    listed.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    refused = run("apply", "-f", str(listed), check=False)
    assert refused.returncode == 1
    wrong = 'invalid type for io.k8s.api.apps.v1.DeploymentSpec.replicas: got "string", expected "integer"'
    assert wrong in refused.stderr
    assert 'unknown field "nothing" in io.k8s.api.apps.v1.DeploymentSpec' in refused.stderr


def test_fields_are_explained_by_the_older_documents(said):
    shown = said("explain", "deployment.spec.strategy", "--output", "plaintext-openapiv2")
    assert [line.split() for line in shown.splitlines() if "<" in line.replace("<empty>", "")] == [
        ["RESOURCE:", "strategy", "<Object>"],
        ["rollingUpdate", "<Object>"],
        ["type", "<string>"],
    ]
