"""When writes after everything has settled are a fault, and when they are patience."""

from types import SimpleNamespace

import pytest

from kubewright.client.transport import Request
from kubewright.harness.checks import _is_idle
from kubewright.harness.wire import Log, Write
from kubewright.twin.routes import parse_route

PATH = "/apis/apps/v1/namespaces/default/deployments/web"


def found(*answers, body=b"{}", last_body=b"{}"):
    """Return what is found when the last of these answers, given at such seconds, comes after all has settled."""
    last = len(answers)
    writes = [
        Write(number, at, _request(last_body if number == last else body), parse_route(PATH), status, 0, 0)
        for number, (at, status) in enumerate(answers, 1)
    ]
    return [
        each.rule for each in _is_idle(SimpleNamespace(outcome=SimpleNamespace(log=Log(writes), writes_when_idle=1)))
    ]


def _request(body):
    return Request("PATCH", PATH, body=body)


@pytest.mark.parametrize("refused", [403, 422])
def test_what_was_refused_may_be_asked_again_after_long(refused):
    assert found((2, refused), (186, refused), (514, refused)) == []


@pytest.mark.parametrize(
    "answers",
    [
        ((186, 422), (490, 422), (514, 422)),
        ((186, 422), (514, 200)),
        ((186, 409), (514, 409)),
        ((514, 422),),
    ],
    ids=["soon", "taken", "a conflict", "the first time"],
)
def test_all_else_is_restless(answers):
    assert found(*answers) == ["does not settle"]


def test_what_was_not_asked_before_is_restless():
    assert found((186, 422), (514, 422), last_body=b'{"a":1}') == ["does not settle"]
