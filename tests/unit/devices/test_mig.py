"""MIG geometry: what NVIDIA's drivers allow, counted in memory slices."""

from collections import Counter

import pytest

from kubewright.devices.mig import GEOMETRIES, Geometry, Instance, geometry_of, profile_of

A100, A30 = GEOMETRIES["A100-40GB"], GEOMETRIES["A30"]


@pytest.mark.parametrize(
    ("geometry", "without", "expected"),
    [(A100, "1g.10gb", (298, 19, 14)), (A100, "+me", (723, 78, 38)), (A30, "+me", (26, 5, 4))],
    ids=["A100 without double memory", "A100 with double memory", "A30"],
)
def test_layouts_are_as_many_as_the_hardware_has(geometry: Geometry, without: str, expected: tuple[int, int, int]):
    names = [name for name in geometry.profiles if not name.endswith(("+me", without))]
    valid = set(geometry.layouts(names))
    maximal = [each for each in valid if not any(geometry.places(name, each) for name in names)]
    multisets = {tuple(sorted(Counter(each.profile for each in layout).items())) for layout in maximal}
    assert (len(valid), len(maximal), len(multisets)) == expected


def is_valid(geometry, layout):
    """Tell whether a driver could have made this layout."""
    built = frozenset()
    for instance in sorted(layout):
        if instance in built or instance not in geometry.places(instance.profile, built):
            return False
        built |= {instance}
    return True


def test_all_layouts_are_valid():
    assert all(is_valid(A30, layout) for layout in A30.layouts(A30.profiles))


def test_two_halves_leave_no_room_for_a_seventh_though_a_compute_slice_is_idle():
    assert A100.fit({"3g.20gb": 2}) is not None
    assert A100.fit({"3g.20gb": 2, "1g.5gb": 1}) is None


def test_instances_that_overlap_or_begin_where_none_may_are_not_valid():
    assert not is_valid(A100, [Instance("3g.20gb", 0), Instance("1g.5gb", 3)])
    assert not is_valid(A100, [Instance("3g.20gb", 2)])
    assert not is_valid(A100, [Instance("1g.5gb+me", 0), Instance("1g.5gb+me", 1)])
    assert is_valid(A100, [Instance("4g.20gb", 0), Instance("3g.20gb", 4)])


def test_the_media_engines_are_given_once():
    layout = A100.fit({"1g.5gb+me": 1})
    assert layout is not None
    assert A100.places("1g.5gb+me", layout) == ()


def test_what_is_there_is_not_moved():
    busy = frozenset({Instance("1g.5gb", 0)})
    assert A100.fit({"4g.20gb": 1}, busy) is None
    fitted = A100.fit({"3g.20gb": 1, "2g.10gb": 1}, busy)
    assert fitted is not None
    assert busy < fitted


def test_a_small_instance_goes_where_it_leaves_the_most_to_others():
    assert A100.best_place("1g.5gb", frozenset()) == Instance("1g.5gb", 6)
    assert A100.best_place("7g.40gb", frozenset({Instance("1g.5gb", 6)})) is None


@pytest.mark.parametrize(
    ("product", "model"),
    [
        ("NVIDIA-A100-SXM4-40GB", "A100-40GB"),
        ("NVIDIA-A100-SXM4-80GB-MIG-1g.10gb", "A100-80GB"),
        ("NVIDIA-H100-80GB-HBM3", "H100-80GB"),
        ("NVIDIA-H200", "H200"),
        ("NVIDIA-B200", "B200"),
        ("NVIDIA-A30", "A30"),
        ("Tesla-T4", None),
    ],
)
def test_a_product_label_names_the_model(product: str, model: str | None):
    found = geometry_of(product)
    assert (found.model if found else None) == model


@pytest.mark.parametrize(
    ("resource", "profile"),
    [
        ("nvidia.com/mig-1g.5gb", "1g.5gb"),
        ("nvidia.com/mig-1g.5gb.me", "1g.5gb+me"),
        ("nvidia.com/gpu", None),
        ("nvidia.com/mig-huge", None),
    ],
)
def test_an_extended_resource_names_a_profile(resource: str, profile: str | None):
    assert profile_of(resource) == profile
    if profile in A100.profiles:
        assert A100.profiles[profile].resource == resource
