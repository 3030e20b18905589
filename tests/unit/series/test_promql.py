"""What signals are in PromQL, as the real promtool reckons them."""

import pytest

from kubewright.series.promql import Vocabulary
from kubewright.series.protocol import PodQuery, Signal
from tests.unit.monitoring.tools import needs_prometheus, promtool, write

MIB = 1 << 20
KEPT = '{series}{{gpu="{gpu}",namespace="lab",pod="{pod}"}}'
MOVED = (
    '{series}{{gpu="{gpu}",exported_namespace="lab",exported_pod="{pod}",namespace="gpu-operator",pod="dcgm-x2x4z"}}'
)


def series_of(series, form):
    """Give five minutes of a pod with two GPUs, and of another one; `form` is where a scrape leaves their names."""
    values = {("train", "0"): "1x6 3 1x3", ("train", "1"): "2x10", ("notebook", "0"): "4x10"}
    return [
        {"series": form.format(series=series, gpu=gpu, pod=pod), "values": text} for (pod, gpu), text in values.items()
    ]


def reckoned(tmp_path, query, given, expected):
    samples = [
        {"labels": f'{{namespace="{namespace}",pod="{pod}"}}', "value": value}
        for (namespace, pod), value in expected.items()
    ]
    asked = [{"expr": Vocabulary().promql(query), "eval_time": "5m", "exp_samples": samples}]
    cases = [{"interval": "30s", "input_series": given, "promql_expr_test": asked}]
    promtool("test", "rules", write(tmp_path / "tests.yml", {"rule_files": [], "tests": cases}))


@needs_prometheus
@pytest.mark.parametrize("form", [KEPT, MOVED], ids=["labels as they are told", "labels moved aside"])
def test_gpus_are_known_by_who_holds_them_with_the_most_memory_and_the_mean_of_their_time(tmp_path, form):
    memory, busy = series_of("DCGM_FI_DEV_FB_USED", form), series_of("DCGM_FI_DEV_GPU_UTIL", form)
    most = {("lab", "train"): 3 * MIB, ("lab", "notebook"): 4 * MIB}
    reckoned(tmp_path, PodQuery(Signal.GPU_MEMORY, 300.0, "lab"), memory, most)
    alone = {("lab", "notebook"): 4 * MIB}
    reckoned(tmp_path, PodQuery(Signal.GPU_MEMORY, 300.0, "lab", "note.*"), memory, alone)
    mean = {("lab", "train"): (1.2 + 2.0) / 2 / 100, ("lab", "notebook"): 0.04}
    reckoned(tmp_path, PodQuery(Signal.GPU, 300.0, "lab"), busy, mean)
