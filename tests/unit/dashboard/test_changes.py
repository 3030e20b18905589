"""What is told of releases and scalings beside incidents."""

import msgspec

from kubewright.api.apps import ReplicaSet
from kubewright.api.crds.scalepolicy import ScalePolicy
from kubewright.dashboard.views import changes


def a_set(name, created, **metadata):
    container = {"name": "main", "image": f"example.com/{name}:2"}
    spec = {"template": {"spec": {"containers": [container, {"name": "odd"}]}}}
    metadata |= {"name": name, "namespace": "shop", "creationTimestamp": created}
    return msgspec.convert({"metadata": metadata, "spec": spec}, ReplicaSet)


def policy(current, desired, scaled=None):
    status = {"currentReplicas": current, "desiredReplicas": desired, "lastScaleTime": scaled}
    spec = {"target": {"kind": "Deployment", "name": "web"}}
    return msgspec.convert(
        {"metadata": {"name": "p", "namespace": "shop"}, "spec": spec, "status": status}, ScalePolicy
    )


def test_a_release_is_told_by_its_owner_with_its_images():
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "1", "controller": True}
    owned = a_set("web-1", "2026-11-01T10:00:00Z", ownerReferences=[owner])
    alone = a_set("alone", "2026-11-01T10:00:05Z")
    assert [(row.shown.about, row.shown.what, row.namespace) for row in changes.releases([owned, alone])] == [
        ("ReplicaSet/shop/alone", "alone:2", "shop"),
        ("Deployment/shop/web", "web-1:2", "shop"),
    ]


def test_of_many_releases_the_last_are_told():
    many = [a_set(f"web-{n}", f"2026-11-01T10:{n // 60:02d}:{n % 60:02d}Z") for n in range(changes.MOST + 5)]
    told = [row.id for row in changes.releases(many)]
    assert len(told) == changes.MOST
    assert told[0] == f"shop/web-{changes.MOST + 4}"


def test_each_scaling_of_a_policy_is_kept_and_nothing_else_of_it():
    noted = changes.Scalings()
    before, scaled = policy(2, 2), policy(2, 5, "2026-11-01T10:00:00Z")
    after, again = policy(5, 5, "2026-11-01T10:00:00Z"), policy(5, 3, "2026-11-01T10:05:00Z")
    for old, new in ((None, before), (before, scaled), (scaled, after), (after, again), (again, None)):
        noted.note(old, new)
    assert [(row.shown.about, row.shown.what) for row in noted.rows()] == [
        ("Deployment/shop/web", "2 to 5 pods"),
        ("Deployment/shop/web", "5 to 3 pods"),
    ]
    found = changes.Scalings()
    found.note(None, again)
    assert [row.shown.what for row in found.rows()] == ["to 3 pods"]
