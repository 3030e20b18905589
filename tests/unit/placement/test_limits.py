"""How many volumes a node attaches."""

import msgspec
import pytest

from kubewright.api.meta import ObjectKey, ObjectMeta
from kubewright.api.pods import ClaimVolumeSource, Volume
from kubewright.api.volumes import (
    CsiDriver,
    CsiDriverSpec,
    CsiNode,
    CsiNodeDriver,
    CsiNodeSpec,
    PersistentVolume,
    PersistentVolumeClaim,
    VolumeAttachment,
    VolumeResources,
)
from kubewright.placement.fit import Fit, fit
from kubewright.placement.snapshot import ClusterSnapshot
from kubewright.placement.storage import Storage
from tests.unit.placement.build import node, pod

DRIVER = "disks"


def claim(name):
    return msgspec.convert(
        {
            "metadata": {
                "name": name,
                "namespace": "default",
                "annotations": {"pv.kubernetes.io/bind-completed": "yes"},
            },
            "spec": {"volumeName": f"v-{name}", "accessModes": ["ReadWriteMany"]},
        },
        PersistentVolumeClaim,
    )


def volume(name):
    ref = {"namespace": "default", "name": name}
    spec = {"csi": {"driver": DRIVER, "volumeHandle": name}, "claimRef": ref}
    return msgspec.convert({"metadata": {"name": f"v-{name}"}, "spec": spec}, PersistentVolume)


def storage(*names, limit=1, attached=(), drivers=()):
    allocatable = None if limit is None else VolumeResources(limit)
    spec = CsiNodeSpec((CsiNodeDriver(DRIVER, allocatable),))
    attachments = [
        msgspec.convert(
            {"spec": {"attacher": DRIVER, "nodeName": "a", "source": {"persistentVolumeName": f"v-{each}"}}},
            VolumeAttachment,
        )
        for each in attached
    ]
    return Storage(
        {ObjectKey("default", each): claim(each) for each in names},
        {ObjectKey("", f"v-{each}"): volume(each) for each in names},
        csi_nodes={ObjectKey("", "a"): CsiNode(metadata=ObjectMeta(name="a"), spec=spec)},
        csi_drivers={ObjectKey("", each.metadata.name): each for each in drivers},
        attachments=dict(enumerate(attachments)),
    )


def user(name, *claims, on=""):
    volumes = tuple(Volume(each, persistent_volume_claim=ClaimVolumeSource(each)) for each in claims)
    return pod(name, on=on, volumes=volumes)


CASES = {
    "one more than there is room for": (user("p", "y"), [user("x", "x", on="a")], storage("x", "y"), False),
    "one that is there already": (user("p", "x"), [user("x", "x", on="a")], storage("x"), True),
    "several in room for several": (user("p", "y"), [user("x", "x", on="a")], storage("x", "y", limit=2), True),
    "any number where nobody says": (user("p", "x", "y"), [], storage("x", "y", limit=None), True),
    "one that is attached for nobody takes room": (user("p", "y"), [], storage("x", "y", attached=["x"]), False),
    "one that is attached for a pod is counted once": (
        user("p", "y"), [user("x", "x", on="a")], storage("x", "y", limit=2, attached=["x"]), True),
}  # fmt: skip


@pytest.mark.parametrize(("wanting", "placed", "there", "fits"), CASES.values(), ids=CASES)
def test_a_node_attaches(wanting, placed, there, fits):
    outcome = fit(wanting, ClusterSnapshot.of([node("a")], placed, there), 0)
    assert isinstance(outcome, Fit) == fits
    assert fits or str(outcome) == "0/1 nodes are available: 1 node(s) exceed max volume count."


def test_room_comes_back_when_a_pod_leaves():
    snapshot = ClusterSnapshot.of([node("a")], [user("x", "x", on="a")], storage("x", "y"))
    snapshot.forget(user("x").key)
    assert isinstance(fit(user("p", "y"), snapshot, 0), Fit)


def test_a_driver_that_must_be_there_is_missed_where_it_is_not():
    driver = CsiDriver(metadata=ObjectMeta(name=DRIVER), spec=CsiDriverSpec(prevent_pod_scheduling_if_missing=True))
    snapshot = ClusterSnapshot.of([node("b")], storage=storage("x", drivers=[driver]))
    text = "0/1 nodes are available: 1 disks CSI driver is not installed on the node."
    assert str(fit(user("p", "x"), snapshot, 0)) == text
