"""What curl says, layer by layer."""

import pytest

from kubewright.client.execute import Executed
from kubewright.probing.target import parse_probe_target
from kubewright.probing.tools import by_curl, curl_arguments

ALL = ["name", "tcp", "tls", "http"]
CASES = [
    pytest.param(
        "https://a/", 0, "0.01 0.02 0.05 0.09 200 10.0.0.1", "", ["name", "tcp", "tls", "http"], "", id="well"
    ),
    pytest.param("https://a/", 6, "0 0 0 0 000 ", "could not resolve host: a", [], "name", id="no name"),
    pytest.param("https://a/", 7, "0.01 0 0 0 000 ", "Connection refused", ["name"], "tcp", id="refused"),
    pytest.param("https://a/", 28, "0.01 0 0 0 000 ", "Connection timed out", ["name"], "tcp", id="dropped"),
    pytest.param("https://a/", 28, "0.01 0.02 0.03 0 000 ", "timed out", ["name", "tcp", "tls"], "http", id="hangs"),
    pytest.param("https://a/", 60, "0.01 0.02 0 0 000 ", "certificate has expired", ["name", "tcp"], "tls", id="ended"),
    pytest.param("http://a/", 0, "0.01 0.02 0 0.04 503 10.0.0.1", "", ["name", "tcp"], "http", id="its error"),
    pytest.param("tcp://a:5432", 28, "0.01 0.02 0 0 000 10.0.0.1", "timed out", ["name", "tcp"], "", id="it stands"),
    pytest.param("tcp://10.0.0.1:5432", 28, "0 0 0 0 000 ", "timed out", [], "tcp", id="an address has no name"),
]


@pytest.mark.parametrize(("target", "code", "out", "error", "stood", "failed"), CASES)
def test_curl_times_each_layer_and_names_the_one_that_fails(target, code, out, error, stood, failed):
    layers = by_curl(Executed(out, error, code), parse_probe_target(target))
    assert [each.name for each in layers if each.ok] == stood
    assert [each.name for each in layers if not each.ok] == ([failed] if failed else [])
    assert all(each.meaning for each in layers if not each.ok)


def test_times_are_of_each_layer_alone():
    layers = by_curl(Executed("0.01 0.03 0.06 0.10 200 10.0.0.1", "", 0), parse_probe_target("https://a/"))
    assert [each.seconds for each in layers] == pytest.approx([0.01, 0.02, 0.03, 0.04])


def test_a_bare_connection_is_tried_by_telnet_for_as_long_as_one_layer_may_take():
    arguments = curl_arguments(parse_probe_target("[::1]:5432"), 2.0)
    assert arguments[-1] == "telnet://[::1]:5432"
    assert arguments[arguments.index("--max-time") + 1] == "2"
