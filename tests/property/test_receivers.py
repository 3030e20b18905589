"""Whoever may write to us writes anything: every answer is a clear one, and what is kept stays bounded."""

import json

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from kubewright.api.coordination import Lease
from kubewright.api.core import Node
from kubewright.api.nodeagent import FENCE, FENCED, QUARANTINED, SELF_FENCING, UNREACHED, quarantined
from kubewright.signals.agents import Agents
from tests.unit.signals.test_receiver import TOKEN, posted

MOST = 5
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
    max_leaves=20,
)
NAMES = st.sampled_from(["alertname", "namespace", "pod", "node", "severity", "team"]) | st.text(max_size=10)
ALERTS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "fingerprint": st.text(max_size=20) | JSON,
            "status": st.sampled_from(["firing", "resolved"]) | JSON,
            "labels": st.dictionaries(NAMES, st.text(max_size=30)) | JSON,
            "annotations": st.dictionaries(NAMES, st.text(max_size=30)) | JSON,
            "startsAt": st.text(max_size=40) | st.just("2027-01-01T00:00:00Z") | JSON,
        },
    ),
    max_size=12,
)
BODIES = (
    st.binary(max_size=200)
    | JSON.map(lambda each: json.dumps(each).encode())
    | ALERTS.map(lambda each: json.dumps({"version": "4", "alerts": each}).encode())
)
WORDS = st.dictionaries(st.sampled_from([UNREACHED, SELF_FENCING, FENCE, FENCED]), st.text(max_size=60))


@settings(deadline=None, max_examples=40)
@given(BODIES)
def test_every_post_is_answered_and_only_so_many_alerts_are_kept(body):
    ((status, text),), told, standing = posted(body, most=MOST)
    assert status in {200, 400, 503}
    assert text
    assert len(text) < 1000
    assert len(standing.holding()) <= MOST
    assert status != 400 or not told


@settings(deadline=None, max_examples=15)
@given(BODIES, st.text(max_size=40).filter(lambda each: each not in {"", TOKEN}))
def test_without_the_token_nothing_is_taken_whatever_it_is(body, token):
    answers, told, standing = posted(body, token=token)
    assert answers == [(401, "unauthorized")]
    assert not told
    assert not standing.holding()


@settings(deadline=None, max_examples=50)
@given(WORDS, st.text(max_size=40), st.text(max_size=200))
def test_an_agent_that_lies_is_heard_as_one_node_alone(words, renewed, gpus):
    agents = Agents()
    document = {"metadata": {"name": "node-agent.n1", "annotations": words}, "spec": {"renewTime": renewed}}
    agents.hear("n1", msgspec.convert(document, Lease), 1000.0)
    views = agents.views("n2", ["n1", "n3"], 1000.0)
    assert (*views.lost, *views.reached) == ("n1",), "whom nobody hears counts for nothing"
    ended = agents.ended_at("n1", ["n3"], 1000.0)
    assert ended is None, "its own word does not do without neighbours who are heard"
    node = msgspec.convert({"metadata": {"name": "n1", "annotations": {QUARANTINED: gpus}}}, Node)
    assert all(0 <= each < 100 for each in quarantined(node))
