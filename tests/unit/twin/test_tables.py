import pytest

from kubewright.api.meta import parse_time, rfc3339
from kubewright.twin.kinds import KindTable
from kubewright.twin.tables import render_table
from kubewright.twin.tables.custom import find
from kubewright.twin.tables.duration import human_duration
from tests.unit.twin.foo_crd import FOO, foo

TABLE = KindTable.builtin()
NOW = parse_time("2026-01-01T00:10:00Z")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-0.5, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (125, "2m5s"),
        (599, "9m59s"),
        (600, "10m"),
        (10799, "179m"),
        (10800, "3h"),
        (3 * 3600 + 60, "3h1m"),
        (8 * 3600, "8h"),
        (47 * 3600, "47h"),
        (48 * 3600, "2d"),
        (49 * 3600, "2d1h"),
        (8 * 86400, "8d"),
        (700 * 86400, "700d"),
        (731 * 86400, "2y1d"),
        (9 * 365 * 86400, "9y"),
    ],
)
def test_a_duration_is_written_as_kubernetes_writes_it(seconds, text):
    assert human_duration(seconds) == text


def pod(status=None, spec=None, deleted=False):
    metadata = {"name": "p", "creationTimestamp": rfc3339(NOW - 130)}
    if deleted:
        metadata["deletionTimestamp"] = rfc3339(NOW)
    return {
        "metadata": metadata,
        "spec": {"containers": [{"name": "a"}, {"name": "b"}], **(spec or {})},
        "status": {"phase": "Running", **(status or {})},
    }


def container(state, *, ready=False, restarts=0, last=None, name="a"):
    status = {"name": name, "state": state, "ready": ready, "restartCount": restarts}
    return status if last is None else {**status, "lastState": {"terminated": {"finishedAt": last}}}


RUNNING = {"running": {"startedAt": rfc3339(NOW)}}
READY = [{"type": "Ready", "status": "True"}]
INIT = {"initContainers": [{"name": "i"}, {"name": "j"}]}
SIDECAR = {"initContainers": [{"name": "i", "restartPolicy": "Always"}]}

STATUSES = {
    "not scheduled yet": (pod({"phase": "Pending"}), ("0/2", "Pending", "0")),
    "being created": (
        pod({"phase": "Pending", "containerStatuses": [container({"waiting": {"reason": "ContainerCreating"}})]}),
        ("0/2", "ContainerCreating", "0"),
    ),
    "running": (
        pod({"containerStatuses": [container(RUNNING, ready=True), container(RUNNING, ready=True, name="b")]}),
        ("2/2", "Running", "0"),
    ),
    "crashing": (
        pod(
            {
                "containerStatuses": [
                    container({"waiting": {"reason": "CrashLoopBackOff"}}, restarts=3, last=rfc3339(NOW - 60))
                ]
            }
        ),
        ("0/2", "CrashLoopBackOff", "3 (60s ago)"),
    ),
    "failed with a signal": (
        pod({"phase": "Failed", "containerStatuses": [container({"terminated": {"signal": 9, "exitCode": 137}})]}),
        ("0/2", "Signal:9", "0"),
    ),
    "completed": (
        pod(
            {
                "phase": "Succeeded",
                "containerStatuses": [container({"terminated": {"reason": "Completed", "exitCode": 0}})],
            }
        ),
        ("0/2", "Completed", "0"),
    ),
    "one of two has completed and the pod is ready": (
        pod(
            {
                "conditions": READY,
                "containerStatuses": [
                    container({"terminated": {"reason": "Completed", "exitCode": 0}}),
                    container(RUNNING, ready=True, name="b"),
                ],
            }
        ),
        ("1/2", "Running", "0"),
    ),
    "the first init container runs": (
        pod({"phase": "Pending", "initContainerStatuses": [container(RUNNING, name="i")]}, INIT),
        ("0/2", "Init:0/2", "0"),
    ),
    "an init container failed": (
        pod(
            {
                "phase": "Pending",
                "initContainerStatuses": [container({"terminated": {"exitCode": 1}}, restarts=2, name="i")],
            },
            INIT,
        ),
        ("0/2", "Init:ExitCode:1", "2"),
    ),
    "a sidecar counts": (
        pod(
            {
                "initContainerStatuses": [{**container(RUNNING, ready=True, name="i"), "started": True}],
                "containerStatuses": [container(RUNNING, ready=True), container(RUNNING, ready=True, name="b")],
            },
            SIDECAR,
        ),
        ("3/3", "Running", "0"),
    ),
    "going": (
        pod({"containerStatuses": [container(RUNNING, ready=True)]}, deleted=True),
        ("1/2", "Terminating", "0"),
    ),
    "gated": (
        pod(
            {
                "phase": "Pending",
                "conditions": [{"type": "PodScheduled", "reason": "SchedulingGated", "status": "False"}],
            }
        ),
        ("0/2", "SchedulingGated", "0"),
    ),
    "evicted": (pod({"phase": "Failed", "reason": "Evicted"}), ("0/2", "Evicted", "0")),
}


@pytest.mark.parametrize(("obj", "cells"), STATUSES.values(), ids=STATUSES.keys())
def test_a_pods_row_says_how_it_is(obj, cells):
    table = render_table(TABLE.by_kind("v1", "Pod"), [obj], NOW)
    row = table["rows"][0]
    assert tuple(row["cells"][1:4]) == cells
    assert row["cells"][4] == "2m10s"
    assert [column["name"] for column in table["columnDefinitions"]][:5] == [
        "Name",
        "Ready",
        "Status",
        "Restarts",
        "Age",
    ]


def cells_of(api_version, kind, obj):
    obj.setdefault("metadata", {}).update(name="x", creationTimestamp=rfc3339(NOW - 60))
    table = render_table(TABLE.by_kind(api_version, kind), [obj], NOW)
    assert len(table["rows"][0]["cells"]) == len(table["columnDefinitions"])
    return table["rows"][0]["cells"]


@pytest.mark.parametrize(
    ("api_version", "kind", "obj", "cells"),
    [
        (
            "v1",
            "Node",
            {
                "metadata": {"labels": {"node-role.kubernetes.io/worker": ""}},
                "spec": {"unschedulable": True},
                "status": {"conditions": READY, "nodeInfo": {"kubeletVersion": "v1.37.2"}},
            },
            ["x", "Ready,SchedulingDisabled", "worker", "60s", "v1.37.2", "<none>", "<none>", *["<unknown>"] * 3],
        ),
        (
            "apps/v1",
            "Deployment",
            {
                "spec": {
                    "replicas": 3,
                    "selector": {"matchLabels": {"a": "b"}},
                    "template": {"spec": {"containers": [{"name": "c", "image": "i"}]}},
                },
                "status": {"readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 1},
            },
            ["x", "2/3", 3, 1, "60s", "c", "i", "a=b"],
        ),
        (
            "v1",
            "Service",
            {
                "spec": {
                    "type": "NodePort",
                    "clusterIPs": ["10.0.0.1"],
                    "ports": [{"port": 80, "nodePort": 30000, "protocol": "TCP"}],
                    "selector": {"a": "b"},
                }
            },
            ["x", "NodePort", "10.0.0.1", "<none>", "80:30000/TCP", "60s", "a=b"],
        ),
        (
            "v1",
            "Endpoints",
            {"subsets": [{"addresses": [{"ip": f"10.0.0.{n}"} for n in range(4)], "ports": [{"port": 80}]}]},
            ["x", "10.0.0.0:80,10.0.0.1:80,10.0.0.2:80 + 1 more...", "60s"],
        ),
        ("v1", "ConfigMap", {"data": {"a": "1"}, "binaryData": {"b": ""}}, ["x", 2, "60s"]),
        ("v1", "ServiceAccount", {}, ["x", "60s"]),
        ("coordination.k8s.io/v1", "Lease", {"spec": {"holderIdentity": "me"}}, ["x", "me", "60s"]),
        (
            "policy/v1",
            "PodDisruptionBudget",
            {"spec": {"minAvailable": 1}, "status": {"disruptionsAllowed": 2}},
            ["x", "1", "N/A", 2, "60s"],
        ),
        (
            "networking.k8s.io/v1",
            "NetworkPolicy",
            {"spec": {"podSelector": {"matchExpressions": [{"key": "k", "operator": "In", "values": ["b", "a"]}]}}},
            ["x", "k in (a,b)", "60s"],
        ),
        (
            "rbac.authorization.k8s.io/v1",
            "ClusterRole",
            {},
            ["x", rfc3339(NOW - 60)],
        ),
    ],
)
def test_each_kinds_row_has_the_cells_of_its_columns(api_version, kind, obj, cells):
    assert cells_of(api_version, kind, obj) == cells


def test_a_custom_resource_has_the_columns_of_its_crd():
    obj = foo({"image": "abc", "replicas": 2})
    obj["status"] = {"conditions": [{"type": "Other", "status": "x"}, {"type": "Ready", "status": "True"}]}
    obj["metadata"]["creationTimestamp"] = rfc3339(NOW - 60)
    table = render_table(FOO, [obj, foo({"replicas": "many"})], NOW)
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Image", "Replicas", "Ready", "Age"]
    assert [row["cells"] for row in table["rows"]] == [["x", "abc", 2, "True", "60s"], ["x", None, None, None, None]]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".a.b", [1]),
        ("{.a.b}", [1]),
        (".a['b']", [1]),
        (".l[0].n", ["x"]),
        (".l[-1].n", ["y"]),
        (".l[*].n", ["x", "y"]),
        (".l[?(@.n=='y')].v", [2]),
        (r".dotted\.name/x", ["z"]),
        (".missing.deep", []),
        (".a.b.c", []),
    ],
)
def test_a_simple_json_path_leads_to_values(path, found):
    document = {"a": {"b": 1}, "l": [{"n": "x"}, {"n": "y", "v": 2}], "dotted.name/x": "z"}
    assert find(document, path) == found


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ("None", None),
        ("Metadata", {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": {"name": "n"}}),
        ("Object", {"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": "n"}, "secrets": []}),
    ],
)
def test_a_row_carries_as_much_of_its_object_as_was_asked_for(include, expected):
    kind = TABLE.by_kind("v1", "ServiceAccount")
    table = render_table(kind, [{"metadata": {"name": "n"}, "secrets": []}], NOW, include_object=include)
    assert table["rows"][0]["object"] == expected
