"""Alerts fire when they should and are silent when they should be, as the real promtool reckons."""

from pathlib import Path

import pytest
import yaml

from kubewright.monitoring.alerts.burning import PAIRS, Budget, burn, burning
from kubewright.monitoring.rules import Alert, Group, Wording, rule_file, span
from kubewright.monitoring.shipped import STANDARD, groups
from tests.unit.monitoring.tools import alerts_of, fired, needs_prometheus, promtool, write
from tests.unit.monitoring.vocabulary import SHOP

RUNBOOKS = Path(__file__).parents[3] / "docs" / "runbooks"
WARNING = {"severity": "warning", "team": "platform"}
CRITICAL = {"severity": "critical", "team": "platform"}
POD = {"namespace": "shop", "pod": "web-1"}
CONTAINER = POD | {"container": "main"}
POLICY = {"namespace": "shop", "scalepolicy": "web"}
GPU = {"Hostname": "node-1", "gpu": "0", "UUID": "GPU-1"}


def series(name, labels):
    chosen = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return f"{name}{{{chosen}}}"


def memory(used, limit, labels=CONTAINER):
    return {
        series("container_memory_usage_bytes", labels): f"{used}x60",
        series("container_spec_memory_limit_bytes", labels): f"{limit}x60",
    }


def waiting(reason):
    return series("kube_pod_container_status_waiting_reason", CONTAINER | {"reason": reason})


def ready(value, cordoned=0):
    node = {"node": "node-1"}
    condition = node | {"condition": "Ready", "status": "true"}
    return {
        series("kube_node_status_condition", condition): f"{value}x60",
        series("kube_node_spec_unschedulable", node): f"{cordoned}x60",
    }


def gpu(metric, values, **labels):
    return {series(f"DCGM_FI_DEV_{metric}", GPU | labels): values}


def pressed(*, used, throttled):
    requested = CONTAINER | {"resource": "cpu"}
    return {
        series("container_pressure_cpu_waiting_seconds_total", CONTAINER): "0+9x120",
        series("container_cpu_usage_seconds_total", CONTAINER | {"image": "web:1"}): f"0+{used * 15:g}x120",
        series("container_cpu_cfs_throttled_seconds_total", CONTAINER): f"0+{throttled * 15:g}x120",
        series("kube_pod_container_resource_requests", requested): "0.5x120",
    }


def unscheduled(scheduled_rate):
    return {
        series("kube_pod_created", POD): "0x400",
        series("kube_pod_status_scheduled", POD | {"condition": "false"}): "1x400",
        'scheduler_schedule_attempts_total{result="scheduled"}': f"0+{scheduled_rate}x400",
    }


def scaling(available):
    scaler = {"namespace": "shop", "horizontalpodautoscaler": "hpa"}
    target = scaler | {"scaletargetref_kind": "Deployment", "scaletargetref_name": "web"}
    web = {"namespace": "shop", "deployment": "web"}
    return {
        series("kube_horizontalpodautoscaler_status_desired_replicas", scaler): "9x60",
        series("kube_horizontalpodautoscaler_info", target): "1x60",
        series("kube_deployment_status_replicas_available", web): available,
    }


def policy(**figures):
    return {series(f"kubewright_scalepolicy_{name}", POLICY): values for name, values in figures.items()}


def served(failed, every=100):
    app = {"namespace": "default", "appservice": "shop", "pod": "shop-1"}
    return {
        series("http_requests_total", app | {"code": "200"}): f"0+{every - failed:g}x400",
        series("http_requests_total", app | {"code": "500"}): f"0+{failed:g}x400",
    }


XID = GPU | CRITICAL
CASES = [
    (
        "memory above 90 % of its limit",
        memory(95, 100),
        [("HighMemoryUsage", 4, []), ("HighMemoryUsage", 6, [CONTAINER | WARNING])],
    ),
    ("memory below 90 % of its limit", memory(89, 100), [("HighMemoryUsage", 10, [])]),
    ("memory without a limit", memory(95, 0), [("HighMemoryUsage", 10, [])]),
    (
        "the group of a pod, whose container has the same",
        memory(95, 100, POD | {"container": ""}),
        [("HighMemoryUsage", 10, [])],
    ),
    (
        "a container that was killed for its memory",
        {
            series("kube_pod_container_status_last_terminated_reason", CONTAINER | {"reason": "OOMKilled"}): "1x60",
            series("kube_pod_container_status_restarts_total", CONTAINER): "0x20 1x40",
        },
        [("ContainerOomKilled", 4, []), ("ContainerOomKilled", 7, [CONTAINER | WARNING])],
    ),
    (
        "a crash loop",
        {waiting("CrashLoopBackOff"): "1 _ _ _ 1 _ _ _ _ _ 1 _ _ _ _ _ _ _ 1 _ _ _ _ _ _ _ _ _ _ 1 _ _ _ 1"},
        [
            ("KubePodCrashLooping", 4, []),
            ("KubePodCrashLooping", 7, [CONTAINER | WARNING]),
            ("KubeContainerWaiting", 7, []),
        ],
    ),
    (
        "an image that cannot be pulled",
        {waiting("ImagePullBackOff"): "1x60"},
        [
            ("KubeContainerWaiting", 11, [CONTAINER | {"reason": "ImagePullBackOff"} | WARNING]),
            ("KubePodCrashLooping", 11, []),
        ],
    ),
    (
        "a node that went away",
        ready(0),
        [("KubeNodeNotReady", 1, []), ("KubeNodeNotReady", 3, [{"node": "node-1"} | WARNING])],
    ),
    ("a node that somebody cordoned", ready(0, cordoned=1), [("KubeNodeNotReady", 10, [])]),
    ("a node that is well", ready(1), [("KubeNodeNotReady", 10, [])]),
    (
        "a GPU that fell off its bus",
        gpu("XID_ERRORS", "0x4 79x10", pod="train"),
        [("GpuXidFatal", 0, []), ("GpuXidFatal", 2, [XID]), ("GpuXidError", 2, [])],
    ),
    (
        "a GPU whose application went wrong",
        gpu("XID_ERRORS", "31x10"),
        [("GpuXidFatal", 2, []), ("GpuXidError", 2, [GPU | WARNING])],
    ),
    (
        "a GPU that is slowed down",
        gpu("SM_CLOCK", "1980x60 1000x60") | gpu("GPU_UTIL", "95x120"),
        [("GpuThrottled", 14, []), ("GpuThrottled", 27, [GPU | WARNING])],
    ),
    (
        "a GPU that rests",
        gpu("SM_CLOCK", "1980x60 300x60") | gpu("GPU_UTIL", "0x120"),
        [("GpuThrottled", 27, [])],
    ),
    (
        "a GPU that its pod leaves alone",
        gpu("GPU_UTIL", "1x480", **POD),
        [
            ("GpuIdleWhileAllocated", 30, []),
            ("GpuIdleWhileAllocated", 65, [{**POD, "Hostname": "node-1", "gpu": "0"} | WARNING]),
        ],
    ),
    ("a GPU that nobody has", gpu("GPU_UTIL", "0x480"), [("GpuIdleWhileAllocated", 90, [])]),
    (
        "a pod that waits for cores that were promised to it",
        pressed(used=0.2, throttled=0),
        [("NoisyNeighbourCpu", 20, [CONTAINER | WARNING])],
    ),
    ("a pod that uses more than was promised", pressed(used=0.9, throttled=0), [("NoisyNeighbourCpu", 20, [])]),
    ("a pod that its own limit holds back", pressed(used=0.2, throttled=0.5), [("NoisyNeighbourCpu", 20, [])]),
    (
        "a pod that others overtake",
        unscheduled(5),
        [("QueueStarvation", 29, []), ("QueueStarvation", 40, [{"namespace": "shop"} | WARNING])],
    ),
    (
        "a team that costs twice what it did",
        {series("kubewright_cost_rate", {"team": "shops", "namespace": "shop", "currency": "EUR"}): "4x12000 8x360"},
        [("CostAnomaly", 2999, []), ("CostAnomaly", 3035, [{"severity": "warning", "team": "shops"}])],
    ),
    (
        "a team that costs more than in its first hours",
        {series("kubewright_cost_rate", {"team": "shops", "namespace": "shop", "currency": "EUR"}): "4x2400 8x360"},
        [("CostAnomaly", 650, [])],
    ),
    ("pods that all wait", unscheduled(0), [("QueueStarvation", 60, [])]),
    ("pods that wait and no scheduler", unscheduled(0), [("KubeSchedulerDown", 6, [CRITICAL])]),
    (
        "pods that wait, and a scheduler",
        unscheduled(0) | {'up{job="kubewright"}': "1x60"},
        [("KubeSchedulerDown", 6, [])],
    ),
    (
        "a scale-up that does not come",
        scaling("3x60"),
        [("ScaleUpTooSlow", 4, []), ("ScaleUpTooSlow", 6, [{"namespace": "shop", "deployment": "web"} | WARNING])],
    ),
    ("a scale-up that came", scaling("3x10 9x50"), [("ScaleUpTooSlow", 10, [])]),
    (
        "a policy that has measured nothing for long",
        policy(failing_metrics="1x60"),
        [
            ("ScalePolicyMetricsFailing", 14, []),
            ("ScalePolicyMetricsFailing", 15, [POLICY | WARNING]),
        ],
    ),
    (
        "a policy that misses a metric now and then",
        policy(failing_metrics="1x20 0x3 1x60"),
        [("ScalePolicyMetricsFailing", 20, [])],
    ),
    (
        "a policy at its end, with more load than it aims at",
        policy(wants_more="1x60", current_replicas="5x60", max_replicas="5x60"),
        [("ScalePolicyMaxedOut", 14, []), ("ScalePolicyMaxedOut", 15, [POLICY | WARNING])],
    ),
    (
        "a policy at its end, with no more load than it aims at",
        policy(wants_more="0x60", current_replicas="5x60", max_replicas="5x60"),
        [("ScalePolicyMaxedOut", 15, [])],
    ),
    (
        "a policy on its way to its end",
        policy(wants_more="1x60", current_replicas="4x60", max_replicas="5x60"),
        [("ScalePolicyMaxedOut", 15, [])],
    ),
    (
        "a forecast that load is above for hours",
        policy(predictive="1x2400", surprised="0x480 1x1920"),
        [
            ("ScalePolicyForecastOff", 200, []),
            ("ScalePolicyForecastOff", 470, [POLICY | {"severity": "info", "team": "platform"}]),
        ],
    ),
    (
        "a forecast that is surprised for an hour",
        policy(predictive="1x2400", surprised="0x960 1x240 0x1200"),
        [("ScalePolicyForecastOff", 320, []), ("ScalePolicyForecastOff", 450, [])],
    ),
    (
        "half of a job's targets gone",
        {'up{job="pods",instance="a"}': "1x60", 'up{job="pods",instance="b"}': "0x60"},
        [("TargetDown", 9, []), ("TargetDown", 11, [{"job": "pods"} | WARNING])],
    ),
    (
        "an application that answers every fifth request with an error",
        served(20),
        [
            ("SloErrorsBurn", 1, []),
            (
                "SloErrorsBurn",
                4,
                [
                    {
                        "severity": "critical",
                        "team": "shops",
                        "window": "1h",
                        "namespace": "default",
                        "appservice": "shop",
                    }
                ],
            ),
        ],
    ),
    ("an application within its budget", served(0.05), [("SloErrorsBurn", 90, [])]),
    (
        "an application that never failed",
        {k: v for k, v in served(0).items() if "500" not in k},
        [("SloErrorsBurn", 90, [])],
    ),
    ("an application that nobody asks", served(0, every=0), [("SloErrorsBurn", 90, [])]),
]


@needs_prometheus
def test_alerts_fire_when_they_should_and_not_else(tmp_path):
    fired(tmp_path, groups([SHOP]), CASES)


@needs_prometheus
def test_prometheus_takes_the_rules(tmp_path):
    said = promtool(
        "check", "rules", "--lint=all", write(tmp_path / "rules.yml", rule_file(groups([SHOP], {"a": "b"})))
    )
    assert "SUCCESS" in said


@needs_prometheus
def test_the_texts_of_an_alert_are_filled_in(tmp_path):
    write(tmp_path / "rules.yml", rule_file(STANDARD, Wording(runbooks="https://wiki.example.com/runbooks/")))
    wanted = {
        "exp_labels": CONTAINER | WARNING,
        "exp_annotations": {
            "summary": "Pod web-1 memory usage is above 90%",
            "description": "Pod web-1 in namespace shop memory usage is 95%",
            "runbook_url": "https://wiki.example.com/runbooks/HighMemoryUsage.md",
        },
    }
    given = [{"series": name, "values": values} for name, values in memory(95, 100).items()]
    asked = {"eval_time": "6m", "alertname": "HighMemoryUsage", "exp_alerts": [wanted]}
    test = {"interval": "15s", "input_series": given, "alert_rule_test": [asked]}
    document = {"rule_files": ["rules.yml"], "evaluation_interval": "15s", "tests": [test]}
    promtool("test", "rules", write(tmp_path / "tests.yml", document))


@needs_prometheus
def test_the_rule_as_the_mission_has_it_fires_without_a_limit_and_ours_is_named_alike(tmp_path):
    expr = 'container_memory_usage_bytes{pod!=""} / container_spec_memory_limit_bytes > 0.9'
    plain = Group("example", [Alert("HighMemoryUsage", expr, "", "", minutes=5)])
    fired(tmp_path, [plain], [("no limit", memory(95, 0), [("HighMemoryUsage", 6, [CONTAINER | WARNING])])])


@pytest.mark.parametrize(
    "alert", alerts_of(groups([SHOP])), ids=lambda each: f"{each.name} {each.severity} {each.labels}"
)
def test_an_alert_says_what_is_wrong_whose_it_is_and_what_to_do(alert):
    assert alert.severity
    assert alert.team
    assert alert.summary
    assert alert.description.endswith(".") or alert.name == "HighMemoryUsage"
    page = RUNBOOKS / f"{alert.runbook}.md"
    text = page.read_text()
    assert f"`{alert.name}`" in text
    for heading in ("## What it means", "## How to see it", "## What to do"):
        assert heading in text


def test_every_runbook_is_of_an_alert():
    pages = {each.stem for each in RUNBOOKS.glob("*.md")} - {"README"}
    assert pages == {each.runbook for each in alerts_of(groups([SHOP]))}


def test_patience_shortens_what_alerts_wait_for():
    document = rule_file(STANDARD, Wording(patience=0.01))
    waits = {
        rule["alert"]: rule.get("for") for group in document["groups"] for rule in group["rules"] if "alert" in rule
    }
    assert waits["HighMemoryUsage"] == "3s"
    assert waits["KubeNodeNotReady"] == "1200ms"
    assert waits["Watchdog"] is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(300, "5m"), (3600, "1h"), (5400, "90m"), (86400, "1d"), (45, "45s"), (0.5, "500ms"), (0, "0s")],
)
def test_durations_are_written_in_the_largest_whole_unit(seconds, text):
    assert span(seconds) == text


def test_a_budget_burns_as_the_workbook_says():
    budget = Budget("a:b", "Burns", lambda window: window, 0.001, "", "")
    assert [round(burn(budget, pair), 1) for pair in PAIRS] == [14.4, 6, 3, 1]


def test_a_budget_that_cannot_burn_so_fast_has_no_alert_for_it():
    budget = Budget("a:b", "Burns", lambda window: window, 0.1, "", "")
    windows = [alert.labels["window"] for alert in alerts_of([burning("g", budget)])]
    assert windows == ["6h", "1d", "3d"]


def test_rules_are_plain_data():
    document = rule_file(groups([SHOP]))
    assert yaml.safe_load(yaml.safe_dump(document)) == document
