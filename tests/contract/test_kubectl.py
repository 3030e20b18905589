"""kubectl, the client that everybody has: its commands, what they print and what they leave behind."""

import json
import re
import subprocess

import pytest

from tests.contract.asking import managers
from tests.contract.manifests import GROUP, config_map, crd, deployment, pod, schema, service
from tools.cluster import kubectl_path


def table(text):
    """Read a printed table as rows of cells."""
    return [re.split(r"\s{2,}", line.strip()) for line in text.splitlines()]


def test_apply_creates_changes_and_leaves(said):
    assert said("apply", "-f", "-", stdin=config_map("a", {"k": "1"})) == "configmap/a created"
    assert said("apply", "-f", "-", stdin=config_map("a", {"k": "1"})) == "configmap/a unchanged"
    assert said("apply", "-f", "-", stdin=config_map("a", {"k": "2"})) == "configmap/a configured"
    assert said("get", "cm", "a", "-o", "jsonpath={.data.k}") == "2"
    annotations = json.loads(said("get", "cm", "a", "-o", "json"))["metadata"]["annotations"]
    assert json.loads(annotations["kubectl.kubernetes.io/last-applied-configuration"])["data"] == {"k": "2"}


def test_apply_merges_lists_by_key_and_removes_what_was_dropped(said):
    wanted = deployment("web", 0)
    container = wanted["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    said("apply", "-f", "-", stdin=wanted)
    said("set", "env", "deployment/web", "C=3")
    container["env"] = [{"name": "B", "value": "9"}]
    said("apply", "-f", "-", stdin=wanted)
    found = said("get", "deploy", "web", "-o", "jsonpath={.spec.template.spec.containers[0].env}")
    assert json.loads(found) == [{"name": "B", "value": "9"}, {"name": "C", "value": "3"}]


def test_apply_prunes_by_label(said):
    said("apply", "-f", "-", stdin=config_map("a", labels={"set": "x"}))
    pruned = said(
        "apply", "-f", "-", "--prune", "-l", "set=x", "--prune-allowlist=core/v1/ConfigMap",
        stdin=config_map("b", labels={"set": "x"}),
    )  # fmt: skip
    assert pruned.splitlines() == ["configmap/b created", "configmap/a pruned"]


def test_server_side_apply(said, run):
    assert (
        said("apply", "--server-side", "-f", "-", stdin=config_map("a", {"k": "1"})) == "configmap/a serverside-applied"
    )
    refused = run(
        "apply", "--server-side", "--field-manager=other", "-f", "-", stdin=config_map("a", {"k": "2"}), check=False
    )
    assert refused.returncode == 1
    assert refused.stderr.startswith(
        'error: Apply failed with 1 conflict: conflict with "kubectl": .data.k\n'
        "Please review the fields above--they currently have other managers."
    )
    forced = ["--server-side", "--field-manager=other", "--force-conflicts"]
    assert said("apply", *forced, "-f", "-", stdin=config_map("a", {"k": "2"})) == "configmap/a serverside-applied"
    assert said("get", "cm", "a", "-o", "jsonpath={.data.k}") == "2"


def test_client_side_fields_move_to_server_side_apply(said):
    said("apply", "-f", "-", stdin=config_map("a", {"k": "1", "l": "1"}))
    said("apply", "--server-side", "-f", "-", stdin=config_map("a", {"k": "1"}))
    moved = json.loads(said("get", "cm", "a", "-o", "json", "--show-managed-fields"))
    assert moved["data"] == {"k": "1"}
    assert managers(moved) == [("kubectl", "Apply", ""), ("kubectl-last-applied", "Apply", "")]


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["configmap", "a", "--from-literal=k=v"], "configmap/a created"),
        (["secret", "generic", "a", "--from-literal=k=v"], "secret/a created"),
        (["serviceaccount", "a"], "serviceaccount/a created"),
        (["deployment", "a", "--image=nginx:1", "--replicas=0"], "deployment.apps/a created"),
        (["service", "clusterip", "a", "--tcp=80:8080"], "service/a created"),
        (["service", "nodeport", "a", "--tcp=80:8080"], "service/a created"),
        (["role", "a", "--verb=get", "--resource=pods"], "role.rbac.authorization.k8s.io/a created"),
        (["rolebinding", "a", "--role=a", "--user=u"], "rolebinding.rbac.authorization.k8s.io/a created"),
        (["job", "a", "--image=busybox"], "job.batch/a created"),
        (["poddisruptionbudget", "a", "--selector=app=a", "--min-available=1"], "poddisruptionbudget.policy/a created"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_create_makes_a_kind(said, run, arguments, answer):
    assert said("create", *arguments) == answer
    again = run("create", *arguments, check=False)
    assert again.returncode == 1
    assert again.stderr.endswith(' "a" already exists\n')


def test_create_namespace(cluster, namespace):
    name = f"{namespace}-more"
    assert cluster.kubectl("create", "namespace", name).stdout == f"namespace/{name} created\n"
    assert cluster.kubectl("delete", "namespace", name, "--wait=false").stdout == f'namespace "{name}" deleted\n'


def test_create_token(said):
    assert said("create", "token", "default").count(".") == 2


def test_create_validates(run):
    refused = run("create", "-f", "-", stdin={**config_map("a"), "dta": {}}, check=False)
    assert refused.stderr == (
        'Error from server (BadRequest): error when creating "STDIN": ConfigMap in version "v1" cannot be handled as a '
        'ConfigMap: strict decoding error: unknown field "dta"\n'
    )


def test_run_makes_a_pod(said, run):
    assert said("run", "a", "--image=nginx:1") == "pod/a created"
    assert said("wait", "--for=condition=Ready", "pod/a", "--timeout=180s") == "pod/a condition met"


def test_get_shows_a_deployment(said, web):
    rows = table(said("get", "deploy", "-o", "wide"))
    assert rows[0] == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE", "CONTAINERS", "IMAGES", "SELECTOR"]
    assert rows[1][:4] == ["web", "2/2", "2", "2"]
    assert rows[1][5:] == ["main", "nginx:1", "app=web"]


def test_get_shows_pods(said, web):
    rows = table(said("get", "pods", "-o", "wide"))
    assert rows[0] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE", "NOMINATED NODE", "READINESS GATES"]
    assert [row[1:4] for row in rows[1:]] == [["1/1", "Running", "0"]] * 2


def test_get_all_names_every_kind(said, web, tmp_path):
    # A fresh cache: another case's kind may have been in this category, and be gone.
    text = said("get", "all", "--no-headers", KUBECACHEDIR=str(tmp_path))
    names = [line.split()[0] for line in text.splitlines()]
    assert [name.partition("/")[0] for name in names] == ["pod", "pod", "deployment.apps", "replicaset.apps"]


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("name", "configmap/a"),
        ("jsonpath={.data.k}", "v"),
        ("jsonpath={range .metadata.labels}{.l}{end}", "1"),
        ("go-template={{.metadata.name}}", "a"),
        ("custom-columns=N:.metadata.name,K:.data.k", "N     K\na     v"),
    ],
)
def test_get_prints_in_a_form(said, form, expected):
    said("create", "-f", "-", stdin=config_map("a", {"k": "v"}, labels={"l": "1"}))
    assert said("get", "cm", "a", "-o", form) == expected


def test_get_prints_yaml(said):
    said("create", "-f", "-", stdin=config_map("a", {"k": "v"}))
    lines = said("get", "cm", "a", "-o", "yaml").splitlines()
    assert lines[:4] == ["apiVersion: v1", "data:", "  k: v", "kind: ConfigMap"]


def test_get_selects(said):
    for name in ("a", "b"):
        said("create", "-f", "-", stdin=config_map(name, labels={"l": name}))
    assert said("get", "cm", "-l", "l=a", "-o", "name") == "configmap/a"
    assert said("get", "cm", "--field-selector", "metadata.name=b", "-o", "name") == "configmap/b"
    assert said("get", "cm", "-l", "l", "--sort-by={.metadata.name}", "-o", "name").splitlines() == [
        "configmap/a",
        "configmap/b",
    ]


def test_get_shows_labels(said):
    said("create", "-f", "-", stdin=config_map("a", labels={"l": "1"}))
    assert table(said("get", "cm", "a", "--show-labels"))[1][-1] == "l=1"
    assert table(said("get", "cm", "a", "-L", "l"))[0][-1] == "L"


def test_get_pages(said):
    for name in "abc":
        said("create", "-f", "-", stdin=config_map(name, labels={"l": "1"}))
    assert said("get", "cm", "-l", "l", "--chunk-size=1", "-o", "name").splitlines() == [
        f"configmap/{it}" for it in "abc"
    ]


def test_get_of_what_is_not_there(run):
    missing = run("get", "cm", "absent", check=False)
    assert (missing.returncode, missing.stderr) == (1, 'Error from server (NotFound): configmaps "absent" not found\n')
    unknown = run("get", "gadgets", check=False)
    assert unknown.stderr == 'error: the server doesn\'t have a resource type "gadgets"\n'
    assert run("get", "secrets").stderr.startswith("No resources found in ")


def test_get_raw(said):
    assert said("get", "--raw", "/readyz") == "ok"
    assert json.loads(said("get", "--raw", "/version"))["major"] == "1"


def test_get_watches(cluster, namespace, run):
    run("create", "-f", "-", stdin=config_map("a", {"k": "1"}))
    command = [str(kubectl_path()), "-n", namespace, "get", "cm", "a", "-w", "--no-headers"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=cluster.environment())
    try:
        assert process.stdout.readline().split()[:2] == ["a", "1"]
        run("patch", "cm", "a", "--type=merge", "-p", '{"data":{"l":"2"}}')
        assert process.stdout.readline().split()[:2] == ["a", "2"]
        run("delete", "cm", "a")
        assert process.stdout.readline().split()[:2] == ["a", "2"]
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def shown(cluster, namespace):
    """Ask until what kubectl says holds all of these lines: events are told a little after what they tell of."""

    def shown(*command, lines):
        def whole(done):
            return all(re.search(line, done.stdout, re.MULTILINE) for line in lines)

        return cluster.until(whole, "-n", namespace, *command).stdout

    return shown


def test_describe_a_deployment(shown, web):
    lines = (
        r"Name: +web",
        r"Selector: +app=web",
        r"Replicas: +2 desired \| 2 updated \| 2 total \| 2 available \| 0 unavailable",
        r"StrategyType: +RollingUpdate",
        r"RollingUpdateStrategy: +25% max unavailable, 25% max surge",
        r" +Image: +nginx:1",
        r" +Available +True +MinimumReplicasAvailable",
        r" +Progressing +True +NewReplicaSetAvailable",
        r"NewReplicaSet: +web-\S+ \(2/2 replicas created\)",
        r" +Normal +ScalingReplicaSet .*Scaled up replica set web-\S+ from 0 to 2",
    )
    assert shown("describe", "deployment", "web", lines=[f"^{line}" for line in lines])


def test_describe_a_pod(shown, run):
    run("create", "-f", "-", stdin=pod("a"))
    run("wait", "--for=condition=Ready", "pod/a", "--timeout=180s")
    lines = (
        r"Status: +Running",
        r"Node: +node-\d+/",
        r" +State: +Running",
        r" +Ready: +True",
        r"QoS Class: +BestEffort",
        r" +Normal +Scheduled .*Successfully assigned \S+/a to node-",
    )
    assert shown("describe", "pod", "a", lines=[f"^{line}" for line in lines])


@pytest.mark.parametrize("kind", ["namespace", "node", "service", "configmap", "secret", "serviceaccount"])
def test_describe_any_kind(said, namespace, run, kind):
    run("create", "-f", "-", stdin=service("a"))
    run("create", "-f", "-", stdin=config_map("a", {"k": "v"}))
    run("create", "secret", "generic", "a")
    name = {"namespace": namespace, "serviceaccount": "default"}.get(kind, "a")
    text = said("describe", kind) if kind == "node" else said("describe", kind, name)
    assert re.search(r"^Name: +", text, re.MULTILINE)


def test_edit_with_an_editor(said):
    said("create", "-f", "-", stdin=config_map("a", {"k": "v"}))
    assert said("edit", "cm", "a", EDITOR="sed -i s/k:.v/k:\\ w/") == "configmap/a edited"
    assert said("get", "cm", "a", "-o", "jsonpath={.data.k}") == "w"


def test_scale_and_rollout_status(said, web):
    assert said("scale", web, "--replicas=3") == "deployment.apps/web scaled"
    assert (
        said("rollout", "status", web, "--timeout=180s").splitlines()[-1] == 'deployment "web" successfully rolled out'
    )
    assert said("get", web, "-o", "jsonpath={.status.readyReplicas}") == "3"


def test_scale_with_a_precondition(run, web):
    refused = run("scale", web, "--current-replicas=5", "--replicas=1", check=False)
    assert refused.stderr == "error: Expected replicas to be 5, was 2\n"


def test_rollout_history_and_undo(said, web):
    said("set", "image", web, "main=nginx:2")
    said("rollout", "status", web, "--timeout=180s")
    rows = [line.split()[0] for line in said("rollout", "history", web).splitlines()[2:]]
    assert rows == ["1", "2"]
    assert "nginx:1" in said("rollout", "history", web, "--revision=1")
    assert said("rollout", "undo", web) == "deployment.apps/web rolled back"
    said("rollout", "status", web, "--timeout=180s")
    assert said("get", web, "-o", "jsonpath={.spec.template.spec.containers[0].image}") == "nginx:1"
    rows = [line.split()[0] for line in said("rollout", "history", web).splitlines()[2:]]
    assert rows == ["2", "3"]


def test_rollout_restart_pause_and_resume(said, run, web):
    before = said("get", "pods", "-o", "name").splitlines()
    assert said("rollout", "restart", web) == "deployment.apps/web restarted"
    said("rollout", "status", web, "--timeout=180s")
    said("wait", "--for=delete", *before, "--timeout=180s")
    assert not set(before) & set(said("get", "pods", "-o", "name").splitlines())
    assert said("rollout", "pause", web) == "deployment.apps/web paused"
    again = run("rollout", "pause", web, check=False)
    assert again.stderr == 'error: deployments.apps "web" is already paused\n'
    assert said("rollout", "resume", web) == "deployment.apps/web resumed"


def test_wait_for_a_condition_a_field_and_a_deletion(said, run, web):
    assert said("wait", "--for=condition=Available", web, "--timeout=180s") == "deployment.apps/web condition met"
    assert (
        said("wait", "--for=jsonpath={.status.readyReplicas}=2", web, "--timeout=180s")
        == "deployment.apps/web condition met"
    )
    late = run("wait", "--for=condition=Never", web, "--timeout=1s", check=False)
    assert late.stderr == "error: timed out waiting for the condition on deployments/web\n"
    run("delete", web, "--wait=false")
    run("wait", "--for=delete", web, "--timeout=180s")
    assert run("get", web, check=False).returncode == 1


def test_delete_waits(said, run, namespace):
    said("create", "-f", "-", stdin=config_map("a"))
    assert said("delete", "cm", "a") == f'configmap "a" deleted from {namespace} namespace'
    assert run("delete", "cm", "a", check=False).stderr == 'Error from server (NotFound): configmaps "a" not found\n'
    assert said("delete", "cm", "a", "--ignore-not-found") == ""


def test_delete_by_label_and_all(said, run):
    for name in "abc":
        said("create", "-f", "-", stdin=config_map(name, labels={"l": name}))
    said("delete", "cm", "-l", "l in (a,b)")
    assert said("get", "cm", "-l", "l", "-o", "name") == "configmap/c"
    said("delete", "cm", "--all")
    assert said("get", "cm", "-l", "l", "-o", "name") == ""


def test_delete_cascades(said, run, web):
    run("delete", web, "--cascade=orphan")
    assert len(said("get", "rs", "-o", "name").splitlines()) == 1
    run("delete", "rs", "--all", "--cascade=foreground", "--timeout=180s")
    assert said("get", "pods", "-o", "name") == ""


def test_replace_and_replace_by_force(said, run):
    said("create", "-f", "-", stdin=config_map("a", {"k": "1"}))
    assert said("replace", "-f", "-", stdin=config_map("a", {"k": "2"})) == "configmap/a replaced"
    assert (
        said("replace", "--force", "-f", "-", stdin=config_map("a", {"k": "3"})).splitlines()[-1]
        == "configmap/a replaced"
    )
    assert said("get", "cm", "a", "-o", "jsonpath={.data.k}") == "3"


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        ("merge", '{"data":{"k":"2"}}'),
        ("strategic", '{"data":{"k":"2"}}'),
        ("json", '[{"op":"replace","path":"/data/k","value":"2"}]'),
    ],
)
def test_patch(said, kind, patch):
    said("create", "-f", "-", stdin=config_map("a", {"k": "1"}))
    assert said("patch", "cm", "a", f"--type={kind}", "-p", patch) == "configmap/a patched"
    assert said("patch", "cm", "a", f"--type={kind}", "-p", patch) == "configmap/a patched (no change)"
    assert said("get", "cm", "a", "-o", "jsonpath={.data.k}") == "2"


def test_patch_a_subresource(said):
    said("create", "-f", "-", stdin=deployment("web", 0))
    patch = '{"status":{"collisionCount":7}}'
    assert (
        said("patch", "deploy", "web", "--subresource=status", "--type=merge", "-p", patch)
        == "deployment.apps/web patched"
    )
    assert said("get", "deploy", "web", "-o", "jsonpath={.status.collisionCount}") == "7"


def test_label_and_annotate(said, run):
    said("create", "-f", "-", stdin=config_map("a"))
    assert said("label", "cm", "a", "l=1") == "configmap/a labeled"
    assert run("label", "cm", "a", "l=2", check=False).stderr == (
        "error: 'l' already has a value (1), and --overwrite is false\n"
    )
    assert said("label", "cm", "a", "l-") == "configmap/a unlabeled"
    assert said("annotate", "cm", "a", "n=1") == "configmap/a annotated"
    assert json.loads(said("get", "cm", "a", "-o", "json"))["metadata"]["annotations"] == {"n": "1"}


def test_diff_shows_what_would_change(run):
    run("apply", "-f", "-", stdin=config_map("a", {"k": "1"}))
    assert run("diff", "-f", "-", stdin=config_map("a", {"k": "1"})).stdout == ""
    changed = run("diff", "-f", "-", stdin=config_map("a", {"k": "2"}), check=False)
    assert changed.returncode == 1
    lines = changed.stdout.splitlines()
    assert '-  k: "1"' in lines
    assert '+  k: "2"' in lines
    server = run("diff", "--server-side", "-f", "-", stdin=config_map("b", {"k": "2"}), check=False)
    assert server.returncode == 1
    assert run("get", "cm", "b", check=False).returncode == 1


def test_dry_runs_of_client_and_server(said, run):
    assert said("create", "cm", "a", "--dry-run=server") == "configmap/a created (server dry run)"
    assert said("apply", "-f", "-", "--dry-run=server", stdin=config_map("a")) == "configmap/a created (server dry run)"
    assert run("get", "cm", "a", check=False).returncode == 1


def test_expose_a_deployment(said, web):
    assert said("expose", web, "--port=80", "--target-port=8080") == "service/web exposed"
    assert said("get", "svc", "web", "-o", "jsonpath={.spec.selector.app}:{.spec.ports[0].targetPort}") == "web:8080"


def test_explain_a_builtin_kind(said):
    text = said("explain", "deployment.spec.strategy")
    assert text.startswith(
        "GROUP:      apps\nKIND:       Deployment\nVERSION:    v1\n\nFIELD: strategy <DeploymentStrategy>\n"
    )
    assert "  rollingUpdate\t<RollingUpdateDeployment>\n" in text
    assert "  type\t<string>\n  enum: Recreate, RollingUpdate\n" in text


def test_explain_a_custom_kind(cluster, run):
    definition = crd(schema(size={"type": "integer", "description": "How large it is."}))
    run("create", "-f", "-", stdin=definition)
    plural = definition["spec"]["names"]["plural"]
    name = definition["metadata"]["name"]
    try:
        cluster.established(name)
        found = cluster.until(lambda done: done.returncode == 0, "explain", f"{plural}.spec.size")
        assert found.stdout.startswith(f"GROUP:      {GROUP}\n")
        assert "FIELD: size <integer>\n" in found.stdout
        assert "How large it is." in found.stdout
    finally:
        run("delete", "crd", name, "--wait=false")


def test_api_resources_and_versions(said):
    rows = {row.split()[0]: row.split() for row in said("api-resources", "--no-headers").splitlines()}
    assert rows["deployments"] == ["deployments", "deploy", "apps/v1", "true", "Deployment"]
    assert rows["namespaces"] == ["namespaces", "ns", "v1", "false", "Namespace"]
    assert {"v1", "apps/v1", "apiextensions.k8s.io/v1", "coordination.k8s.io/v1"} <= set(
        said("api-versions").splitlines()
    )


def test_auth(said):
    assert said("auth", "can-i", "create", "deployments") == "yes"
    assert "Username" in said("auth", "whoami")


def test_version(said):
    assert re.search(r"^Server Version: v1\.37\.", said("version"), re.MULTILINE)


def test_cordon_drain_and_uncordon(said, run, namespace):
    node = said("get", "nodes", "-o", "name").splitlines()[0]
    name = node.partition("/")[2]
    pinned = pod("pinned", nodeName=name, terminationGracePeriodSeconds=1)
    # A drain heeds no namespace: without a label of its own it would evict whatever else runs on the node.
    pinned["metadata"]["labels"] = {"case": namespace}
    try:
        run("create", "-f", "-", stdin=pinned)
        assert said("cordon", name) == f"node/{name} cordoned"
        assert "SchedulingDisabled" in said("get", "node", name, "--no-headers")
        drained = run(
            "drain", name, "--force", "--ignore-daemonsets", f"--pod-selector=case={namespace}", "--timeout=180s"
        )
        assert drained.stdout.splitlines()[-1] == f"node/{name} drained"
        assert run("get", "pod", "pinned", check=False).returncode == 1
    finally:
        assert said("uncordon", name) == f"node/{name} uncordoned"


def test_taint_a_node(said):
    name = said("get", "nodes", "-o", "name").splitlines()[-1].partition("/")[2]
    assert said("taint", "node", name, "example.com/t=v:PreferNoSchedule") == f"node/{name} tainted"
    assert said("taint", "node", name, "example.com/t-") == f"node/{name} untainted"


def test_events_of_an_object(shown, run):
    run("create", "-f", "-", stdin=pod("a"))
    run("wait", "--for=condition=Ready", "pod/a", "--timeout=180s")
    assert shown("events", "--for", "pod/a", lines=["Successfully assigned"])
