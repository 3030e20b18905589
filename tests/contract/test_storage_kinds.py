"""Kinds that are kept for whoever reads them: of storage drivers, and of the addresses of services."""

import pytest

from tests.contract.asking import TABLE

STORAGE = "/apis/storage.k8s.io/v1"
NETWORKING = "/apis/networking.k8s.io/v1"
ROOTS = {
    "csidrivers": STORAGE,
    "csinodes": STORAGE,
    "csistoragecapacities": STORAGE,
    "volumeattachments": STORAGE,
    "volumeattributesclasses": STORAGE,
    "storageclasses": STORAGE,
    "ipaddresses": NETWORKING,
    "servicecidrs": NETWORKING,
}
DEFAULT_DRIVER = {
    "attachRequired": True,
    "fsGroupPolicy": "ReadWriteOnceWithFSType",
    "podInfoOnMount": False,
    "preventPodSchedulingIfMissing": False,
    "requiresRepublish": False,
    "seLinuxMount": False,
    "storageCapacity": False,
    "volumeLifecycleModes": ["Persistent"],
}
DRIVER = {"name": "disk.example.com", "nodeID": "n", "topologyKeys": ["example.com/rack"]}
ATTACHED = {"attacher": "disk.example.com", "nodeName": "n", "source": {"persistentVolumeName": "v"}}
SECONDS = "expirationSeconds"
PARENT = {"parentRef": {"resource": "services", "namespace": "default", "name": "a"}}


@pytest.fixture
async def kept(api, namespace):
    """Give the collection of a kind; what was made there is removed after the case."""
    used = []

    def kept(plural):
        inside = plural == "csistoragecapacities"
        used.append((plural, inside))
        return api.of(plural, namespace if inside else "", root=ROOTS[plural])

    yield kept
    for plural, inside in used:
        collection = api.of(plural, namespace if inside else "", root=ROOTS[plural])
        for name in await collection.names(labelSelector="case=kept"):
            await collection.delete(name)
            await collection.gone(name)


def named(name, **fields):
    return {"metadata": {"name": name, "labels": {"case": "kept"}}, **fields}


MADE = {
    "a driver": ("csidrivers", named("disk.example.com", spec={}), {"spec": DEFAULT_DRIVER}),
    "a driver with tokens": (
        "csidrivers",
        named("disk.example.com", spec={"tokenRequests": [{"audience": "a"}], "serviceAccountTokenInSecrets": True}),
        {"spec": {**DEFAULT_DRIVER, "tokenRequests": [{"audience": "a"}], "serviceAccountTokenInSecrets": True}},
    ),
    "a node's drivers": (
        "csinodes",
        named("n", spec={"drivers": [DRIVER]}),
        {"spec": {"drivers": [DRIVER]}, "status": {}},
    ),
    "an attachment": (
        "volumeattachments",
        named("a", spec=ATTACHED, status={"attached": True}),
        {"spec": ATTACHED, "status": {"attached": False}},
    ),
    "attributes": (
        "volumeattributesclasses",
        named("fast", driverName="disk.example.com", parameters={"iops": "100"}),
        {"driverName": "disk.example.com", "parameters": {"iops": "100"}},
    ),
    "capacity": (
        "csistoragecapacities",
        named("c", storageClassName="fast", capacity="1024Mi", nodeTopology={"matchLabels": {"zone": "a"}}),
        {"storageClassName": "fast", "capacity": "1Gi", "nodeTopology": {"matchLabels": {"zone": "a"}}},
    ),
    "a range": (
        "servicecidrs",
        named("more", spec={"cidrs": ["10.98.0.0/24"]}),
        {"spec": {"cidrs": ["10.98.0.0/24"]}, "status": {}},
    ),
    "an address": ("ipaddresses", named("10.97.0.9", spec=PARENT), {"spec": PARENT}),
}


@pytest.mark.parametrize(("plural", "document", "expected"), MADE.values(), ids=MADE)
async def test_it_is_stored_with_its_defaults(kept, plural, document, expected):
    made = (await kept(plural).create(document)).ok()
    parts = {name: part for name, part in made.items() if name not in {"apiVersion", "kind", "metadata"}}
    assert parts == expected
    assert "generation" not in made["metadata"]


WRONG = {
    "a policy of groups": (
        "csidrivers",
        named("d", spec={"fsGroupPolicy": "Some"}),
        ['spec.fsGroupPolicy: Unsupported value: "Some": supported values: "File", "None", "ReadWriteOnceWithFSType"'],
    ),
    "a life": (
        "csidrivers",
        named("d", spec={"volumeLifecycleModes": ["Long"]}),
        ['spec.volumeLifecycleModes: Unsupported value: "Long": supported values: "Persistent", "Ephemeral"'],
    ),
    "an audience twice": (
        "csidrivers",
        named("d", spec={"tokenRequests": [{"audience": "a"}, {"audience": "a"}]}),
        ['spec.tokenRequests[1].audience: Duplicate value: "a"'],
    ),
    "a short token": (
        "csidrivers",
        named("d", spec={"tokenRequests": [{"audience": "a", "expirationSeconds": 5}]}),
        [f"spec.tokenRequests[0].{SECONDS}: Invalid value: 5: may not specify a duration less than 10 minutes"],
    ),
    "a driver without a node id": (
        "csinodes",
        named("n", spec={"drivers": [{"name": "disk.example.com", "nodeID": ""}]}),
        ["spec.drivers[0].nodeID: Required value"],
    ),
    "a driver twice": (
        "csinodes",
        named("n", spec={"drivers": [DRIVER, DRIVER]}),
        ['spec.drivers[1].name: Duplicate value: "disk.example.com"'],
    ),
    "an attachment of nothing": (
        "volumeattachments",
        named("a", spec={**ATTACHED, "source": {}}),
        ["spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName"],
    ),
    "attributes without any": (
        "volumeattributesclasses",
        named("fast", driverName="disk.example.com"),
        ["parameters: Required value: must contain at least one key/value pair"],
    ),
    "a class without a provisioner": ("storageclasses", named("c"), ["provisioner: Required value"]),
    "a class that binds never": (
        "storageclasses",
        named("c", provisioner="example.com/disk", volumeBindingMode="Never", reclaimPolicy="Recycle"),
        [
            'reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"',
            'volumeBindingMode: Unsupported value: "Never": supported values: "Immediate", "WaitForFirstConsumer"',
        ],
    ),
    "a topology without values": (
        "storageclasses",
        named(
            "c",
            provisioner="example.com/disk",
            allowedTopologies=[{"matchLabelExpressions": [{"key": "zone", "values": []}]}],
        ),
        ["allowedTopologies[0].matchLabelExpressions[0].values: Required value"],
    ),
    "negative capacity": (
        "csistoragecapacities",
        named("c", storageClassName="fast", capacity="-1"),
        ['capacity: Invalid value: "-1": must be greater than or equal to 0'],
    ),
    "no range": (
        "servicecidrs",
        named("more", spec={"cidrs": []}),
        ["spec.cidrs: Required value: at least one CIDR required"],
    ),
    "a range with an address": (
        "servicecidrs",
        named("more", spec={"cidrs": ["10.98.0.1/24"]}),
        ['spec.cidrs[0]: Invalid value: "10.98.0.1/24": must not have bits set beyond the prefix length'],
    ),
    "a range that is none": (
        "servicecidrs",
        named("more", spec={"cidrs": ["ten"]}),
        ['spec.cidrs[0]: Invalid value: "ten": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'],
    ),
    "an address of nobody": ("ipaddresses", named("10.97.0.9", spec={}), ["spec.parentRef: Required value"]),
    "an address of nothing": (
        "ipaddresses",
        named("10.97.0.9", spec={"parentRef": {"resource": "services", "name": ""}}),
        ["spec.parentRef.name: Required value"],
    ),
    "a name that is no address": (
        "ipaddresses",
        named("ten", spec=PARENT),
        ['metadata.name: Invalid value: "ten": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ),
}


@pytest.mark.parametrize(("plural", "document", "causes"), WRONG.values(), ids=WRONG)
async def test_what_is_wrong_is_refused(kept, plural, document, causes):
    refused = (await kept(plural).create(document)).refused
    assert (refused.code, refused.reason) == (422, "Invalid")
    assert [f"{field}: {message}" for field, _, message in refused.causes] == causes


CHANGED = {
    "how a driver attaches": ("a driver", {"spec": {"attachRequired": False}}, {"spec.attachedRequired"}),
    "an attachment's node": ("an attachment", {"spec": {"nodeName": "m"}}, {"spec"}),
    "attributes": ("attributes", {"parameters": {"iops": "200"}}, {"parameters"}),
    "what capacity is of": ("capacity", {"storageClassName": "slow"}, {"storageClassName"}),
    "a range": ("a range", {"spec": {"cidrs": ["10.99.0.0/24"]}}, {"spec.cidrs[0]"}),
    "an address's owner": ("an address", {"spec": {"parentRef": {"name": "b"}}}, {"spec.parentRef"}),
    "a driver's node id": ("a node's drivers", {"spec": {"drivers": [{**DRIVER, "nodeID": "m"}]}}, {"spec.drivers"}),
}


@pytest.mark.parametrize(("made", "change", "fields"), CHANGED.values(), ids=CHANGED)
async def test_what_it_means_never_changes(kept, made, change, fields):
    plural, document, _ = MADE[made]
    collection = kept(plural)
    (await collection.create(document)).ok()
    refused = (await collection.merge(document["metadata"]["name"], change)).refused
    assert (refused.code, set(refused.fields)) == (422, fields)


ROWS = {
    "a driver": ["disk.example.com", True, False, False, "<unset>", False, "Persistent"],
    "a driver with tokens": ["disk.example.com", True, False, False, "a", False, "Persistent"],
    "a node's drivers": ["n", 1],
    "an attachment": ["a", "disk.example.com", "v", "n", False],
    "attributes": ["fast", "disk.example.com"],
    "capacity": ["c"],
    "a range": ["more", "10.98.0.0/24"],
    "an address": ["10.97.0.9", "services/default/a"],
}


@pytest.mark.parametrize("made", ROWS)
async def test_kubectl_shows_it_in_columns(kept, made):
    plural, document, _ = MADE[made]
    collection = kept(plural)
    (await collection.create(document)).ok()
    table = (await collection.list(accept=TABLE, labelSelector="case=kept")).ok()
    (row,) = table["rows"]
    assert row["cells"][:-1] == ROWS[made]  # the last is its age


@pytest.mark.parametrize(
    ("made", "kind"), [("a driver", "CSIDriver"), ("an attachment", "VolumeAttachment"), ("capacity", "Status")]
)
async def test_a_deletion_answers_as_its_kind_does(kept, made, kind):
    plural, document, _ = MADE[made]
    collection = kept(plural)
    (await collection.create(document)).ok()
    deleted = (await collection.delete(document["metadata"]["name"])).ok()
    assert deleted["kind"] == kind
