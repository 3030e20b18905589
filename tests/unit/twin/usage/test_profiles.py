"""Profiles from annotations and workload models, and faults laid over them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubewright.twin.usage.curve import constant, growing
from kubewright.twin.usage.models import MODELS
from kubewright.twin.usage.profile import Load, Overlay, Profile, overlay
from kubewright.twin.usage.profiles import PREFIX, app_of, profiles_of
from kubewright.twin.usage.text import quantity, ratio, read_curve, seconds
from tests.unit.twin.usage.build import container, pod

BORN = 1_800_000_000.0
MIB = float(1 << 20)


def main_of(annotations, **options):
    found = profiles_of(pod(annotations={PREFIX + key: text for key, text in annotations.items()}, **options))
    return found.containers["main"], found.problems


@pytest.mark.parametrize(
    ("text", "age", "value"),
    [
        ("250m", 0, 0.25),
        ("1Gi", 9, 1024 * MIB),
        ("100Mi +1Mi/s", 60, 160 * MIB),
        ("100Mi +60Mi/m", 60, 160 * MIB),
        ("0s:100Mi 10m:200Mi", 300, 150 * MIB),
        ("30s:5", 0, 5),
        ("0:1 1m:3 repeat", 90, 2),
        ("bursty 1..2 every=100s for=10s", 50, 2),
    ],
)
def test_a_curve_is_read_from_text(text, age, value):
    assert read_curve(text, grows=True).value(BORN + age, BORN) == pytest.approx(value)


def test_a_day_has_its_peak_where_the_annotation_says():
    curve = read_curve("diurnal 10..200 peak=9h")
    assert curve.value(9 * 3600.0) == pytest.approx(200)
    assert curve.value(21 * 3600.0) == pytest.approx(10)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "much",
            "-1",
            "1e99",
            "10m +1Mi",
            "1 2",
            "5s:1 2s:2",
            "1:",
            ":1",
            "0:1 repeat",
            "repeat",
            "nan",
            "0s:inf",
        ),
        *("diurnal", "diurnal 5", "diurnal 9..3", "diurnal 1..2 peak=x", "diurnal 1..2 top=3h", "1ms:1 " * 4000),
        *("bursty 1..2 every=10s for=10s", "bursty 1..2 for=0s", "0s:1 99999d:2", "diurnal 1..2 peak=1h peak=2h"),
    ],
)
def test_what_is_no_curve_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        read_curve(text, grows=True)


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(["diurnal", "bursty", "1..2", "0s:1", "5m:2", "repeat", "+1/s", "every=1s", "3"]))
)
def test_whatever_an_annotation_holds_it_is_a_curve_or_refused(text):
    text = text if isinstance(text, str) else " ".join(text)
    for amount in (quantity, ratio, seconds):
        try:
            curve = read_curve(text, amount, grows=True)
        except ValueError:
            continue
        assert curve.value(BORN + 5, BORN) >= 0


def test_cpu_cannot_grow_without_end():
    profile, problems = main_of({"cpu": "100m +1m/s"})
    assert profile.cpu.peak < 10
    assert problems[0].startswith("twin.kubewright.dev/cpu: ")


def test_annotations_stand_in_place_of_the_model():
    profile, problems = main_of({"usage": "idle", "memory": "64Mi", "gpu": "80%", "requests-per-second": "50"})
    assert problems == ()
    assert profile.memory == constant(64 * MIB)
    assert profile.gpu == constant(0.8)
    assert profile.cpu.peak == 0.001
    assert profile.load == Load("a", constant(50))


def test_an_annotation_may_name_its_container():
    found = profiles_of(
        pod(
            annotations={f"{PREFIX}memory": "1Gi", f"{PREFIX}memory.side": "32Mi"},
            containers=[container("main"), container("side")],
        )
    )
    assert found.containers["main"].memory == constant(1024 * MIB)
    assert found.containers["side"].memory == constant(32 * MIB)


def test_what_does_not_parse_is_told_of_and_left_out():
    profile, problems = main_of({"usage": "wild", "memory": "lots", "latency": "5 parsecs", "requests-per-second": "9"})
    assert [each.partition(": ")[0] for each in problems] == [
        f"{PREFIX}{key}" for key in ("usage", "memory", "latency")
    ]
    assert profile.load.latency_seconds == 0.02
    assert profile.memory.peak > 0


@pytest.mark.parametrize("model", [name for name in MODELS if name != "leak"])
@pytest.mark.parametrize("uid", ["u1", "u2", "u3"])
def test_a_model_stays_within_its_limits_for_ever(model, uid):
    profile, _ = main_of({"usage": model}, uid=uid, requests={"cpu": "2", "memory": "1Gi"}, limits={"memory": "1Gi"})
    assert profile.memory.next_crossing(0.95 * 1024 * MIB, BORN, BORN) is None
    assert profile.cpu.peak <= 2


def test_a_leak_passes_what_was_requested():
    profile, _ = main_of({"usage": "leak"}, requests={"memory": "256Mi"})
    crossing = profile.memory.next_crossing(256 * MIB, BORN, BORN)
    assert BORN + 2000 < crossing < BORN + 5000


def test_the_same_pod_has_the_same_profile_and_another_has_another():
    assert profiles_of(pod(uid="u1"), seed=3) == profiles_of(pod(uid="u1"), seed=3)
    assert profiles_of(pod(uid="u1"), seed=3) != profiles_of(pod(uid="u2"), seed=3)
    assert profiles_of(pod(uid="u1"), seed=3) != profiles_of(pod(uid="u1"), seed=4)


@pytest.mark.parametrize(
    ("options", "duty"),
    [
        ({"restart_policy": "Never", "limits": {"nvidia.com/gpu": "1"}}, 0.85),
        ({"limits": {"nvidia.com/gpu": "1"}}, 0.3),
        ({}, 0.0),
    ],
    ids=["training", "inference", "no GPU"],
)
def test_pods_with_a_gpu_use_it(options, duty):
    assert main_of({}, **options)[0].gpu.peak >= duty


@pytest.mark.parametrize(
    ("options", "app"),
    [
        ({}, "a"),
        ({"owner": ("ReplicaSet", "shop-5d4f"), "labels": {"pod-template-hash": "5d4f"}}, "shop"),
        ({"owner": ("StatefulSet", "db")}, "db"),
        ({"owner": ("StatefulSet", "db"), "annotations": {f"{PREFIX}app": "orders"}}, "orders"),
    ],
    ids=["a pod alone", "a deployment's", "a stateful set's", "by its annotation"],
)
def test_which_app_a_pod_belongs_to(options, app):
    assert app_of(pod(**options)) == app


def test_an_overlay_begins_at_its_moment():
    profile = Profile(cpu=constant(0.5), memory=constant(100.0), load=Load("a", constant(10), error_ratio=0.9))
    change = Overlay(cpu_cores=1, memory_bytes_per_second=10, error_ratio=0.5, latency_factor=3, load_factor=2)
    overlaid = overlay(profile, change, BORN + 60, BORN)
    assert overlaid.cpu.value(BORN + 60, BORN) == 1.5
    assert overlaid.memory.value(BORN + 60, BORN) == pytest.approx(100)
    assert overlaid.memory.next_crossing(500, BORN + 60, BORN) == pytest.approx(BORN + 100)
    assert overlaid.load == Load("a", constant(20), error_ratio=1.0, latency_seconds=pytest.approx(0.06))


def test_in_a_container_that_restarts_growth_begins_anew():
    profile = Profile(memory=growing(100.0, 1.0))
    overlaid = overlay(profile, Overlay(memory_bytes_per_second=9), BORN, BORN + 50)
    assert overlaid.memory.value(BORN + 50, BORN + 50) == pytest.approx(100)
    assert overlaid.memory.value(BORN + 60, BORN + 50) == pytest.approx(200)
