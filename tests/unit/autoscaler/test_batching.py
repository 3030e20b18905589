"""Many people's expressions in one question, none of which may reach into another's."""

import promql_parser
import pytest

from kubewright.autoscaler.batching import LABEL, MOST_QUERIES, apart, batches, is_whole, together
from kubewright.series.protocol import Missing, Sample, Vector, Why


@pytest.mark.parametrize(
    "query",
    [
        "sum(rate(a{b='c'}[1m]))",
        'a{b="("}',
        'a{b="\\")"}',
        "a{b=`(`} + (b)",
        "sum(a) # all of them ) or so",
        "a # one\n+ b",
        "scalar(sum(a))",
        "2 * time() # in seconds",
    ],
)
def test_what_is_whole_is_asked_beside_others(query):
    assert is_whole(query)
    promql_parser.parse(together([query, "other"]))


@pytest.mark.parametrize(
    "query", ["sum(a", "a) or vector(1e9", "a]", "a{b='c}", "(a]", 'a{b="\\"}', "a} or {b=~'.'", "a{b=`\\`}"]
)
def test_what_reaches_beyond_itself_is_asked_alone(query):
    assert not is_whole(query)
    assert list(batches(["a", query, "b"])) == [(query,), ("a", "b")]


def test_answers_are_told_apart_and_what_is_missing_is_said():
    def sample(index, value):
        return Sample({LABEL: str(index)}, value, 5.0)

    found = apart(["a", "b", "c"], Vector((sample(2, 7.0), sample(0, 1.0), sample(0, 2.0))))
    assert found["c"].single() == 7.0
    assert len(found["a"].samples) == 2
    assert isinstance(found["b"], Missing)
    assert found["b"].why is Why.NO_DATA


def test_batches_are_of_a_size_that_a_store_takes():
    sizes = [len(batch) for batch in batches([f"a{number}" for number in range(2 * MOST_QUERIES + 1)])]
    assert sizes == [MOST_QUERIES, MOST_QUERIES, 1]
    assert [len(batch) for batch in batches(["a" * 10_000] * 3)] == [1, 1, 1]
