"""Approvals, witnesses and reviews of any content: nothing is let through that should not be, and nothing fails."""

import asyncio
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from kubewright.api.core import NODES
from kubewright.api.crds.incident import APPROVED_BY, APPROVED_PLAN
from kubewright.api.meta import ObjectKey
from kubewright.healing.telling import MOST_TEXT
from kubewright.healing.witness import LOST_SECONDS, State, judge
from kubewright.signals.signal import Fault, Signal, Witness
from tests.property.test_receivers import JSON
from tests.unit.healing.test_decide import Life, remedy
from tests.unit.runtime.webhooks.test_reviews import CONVERT, DEFAULT, VALIDATE, app, asked

NOW = 1_000_000.0
NODE = ObjectKey("", "n1")
SAID = st.sampled_from(
    [
        Fault.KUBELET_UNREACHABLE,
        Fault.KUBELET_MUTE,
        Fault.KUBELET_ANSWERS,
        Fault.NODE_UNREACHED,
        Fault.NODE_REACHED,
        Fault.NODE_SILENT,
        Fault.CRASH_LOOP,
    ]
)
HEARD = st.lists(
    st.builds(
        lambda fault, since, evidence: Signal(f"{fault}/n1", fault, (NODES, NODE), evidence, since, Witness.KUBELET),
        SAID,
        st.floats(-1e12, 1e12),
        st.text(max_size=50),
    ),
    max_size=8,
)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "apiVersion": st.sampled_from(["example.com/v1", "example.com/v2", "v1", ""]) | JSON,
        "kind": st.text(max_size=10) | JSON,
        "metadata": st.fixed_dictionaries({}, optional={"name": JSON, "labels": JSON, "annotations": JSON}) | JSON,
        "spec": st.fixed_dictionaries({}, optional={"text": JSON, "words": JSON, "replicas": JSON}) | JSON,
    },
)
REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "uid": st.text(max_size=20) | JSON,
        "object": DOCUMENTS | JSON,
        "oldObject": DOCUMENTS | JSON,
        "objects": st.lists(DOCUMENTS | JSON, max_size=3) | JSON,
        "desiredAPIVersion": st.sampled_from(["example.com/v1", "example.com/v2"]) | JSON,
    },
)
REVIEWS = (
    st.binary(max_size=200)
    | JSON.map(lambda each: json.dumps(each).encode())
    | REQUESTS.map(lambda each: json.dumps({"request": each}).encode())
    | st.integers(1000, 100_000).map(lambda deep: b'{"request":' + b"[" * deep)
)


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=100), st.integers(0, 10_000))
def test_whatever_approves_has_a_name_and_what_is_told_stays_short(name, times):
    name *= times
    life = Life(remedy("first"), mode="approve")
    life.turn()
    life.annotate(**{APPROVED_BY: name, APPROVED_PLAN: life.status.plan.digest})
    for _ in range(3):
        life.turn()
        assert len(life.status.message) <= MOST_TEXT
    assert bool(life.done) == bool(name.strip())


@settings(deadline=None, max_examples=100)
@given(HEARD)
def test_a_node_is_dead_by_two_witnesses_and_never_while_anybody_reaches_it(signals):
    verdict = judge(signals, NOW)
    said = {each.fault: each for each in signals}
    lease = said.get(Fault.NODE_SILENT)
    assert (verdict.state is State.HEARD) == (lease is None)
    assert verdict.fingerprints <= {each.fingerprint for each in signals if each.fault != Fault.CRASH_LOOP}
    if verdict.state is State.DEAD:
        assert lease is not None
        assert NOW - lease.since >= LOST_SECONDS
        assert said.keys() & {Fault.KUBELET_UNREACHABLE, Fault.NODE_UNREACHED}
        assert not said.keys() & {Fault.KUBELET_MUTE, Fault.KUBELET_ANSWERS, Fault.NODE_REACHED}


@settings(deadline=None, max_examples=150)
@given(st.sampled_from([VALIDATE, DEFAULT, CONVERT, "/", "/validate/another"]), REVIEWS)
def test_every_review_is_answered_clearly_whatever_is_asked(path, body):
    status, answer = asyncio.run(asked(app(), path, {}, body=body))
    assert status in {200, 400, 404}
    if status == 200:
        assert answer["response"]["uid"] == json.loads(body)["request"]["uid"]
    else:
        assert 0 < len(answer["error"]) < 3000
