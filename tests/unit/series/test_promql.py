"""What signals are in PromQL, as the real promtool reckons them."""

import promql_parser
import pytest

from kubewright.series.promql import Vocabulary, as_vector, enclosed, is_scalar
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


@pytest.mark.parametrize(
    ("query", "scalar"),
    [
        ("1e3", True),
        ("-.5 + 0x1F", True),
        ("scalar(sum(a{b=')'}) or vector(1)) / 60", True),
        ("(time() - scalar(a)) > bool 3600", True),
        ("2 ^ pi() # )", True),
        ("Inf", True),
        ("sum(a)", False),
        ("scalar(a) * b", False),
        ("vector(time())", False),
        ("scalar_of_something", False),
        ("time:now", False),
        ("time", False),
        ("scalar((a)) + (b)", False),
        ('{"scalar"}', False),
        ("timestamp(a)", False),
        ("", False),
    ],
)
def test_a_scalar_is_told_from_a_vector_as_the_grammar_has_it_and_becomes_one(query, scalar):
    assert is_scalar(query) is scalar
    if query:
        promql_parser.parse(f"{enclosed(as_vector(query))} > -Inf < Inf or vector(0)")


@needs_prometheus
def test_what_is_no_finite_number_is_left_out_as_promtool_reckons(tmp_path):
    def case(query, value):
        promql = f"{enclosed(as_vector(query))} > -Inf < Inf or vector(0)"
        return {"expr": promql, "eval_time": "1m", "exp_samples": [{"labels": "{}", "value": value}]}

    asked = [case("sum(a) / sum(b)", 0), case("sum(missing)", 0), case("scalar(c) * 2", 14), case("sum(c)", 7)]
    series = [{"series": name, "values": f"{value}x5"} for name, value in (("a", 0), ("b", 0), ("c", 7))]
    cases = [{"interval": "30s", "input_series": series, "promql_expr_test": asked}]
    promtool("test", "rules", write(tmp_path / "tests.yml", {"rule_files": [], "tests": cases}))
