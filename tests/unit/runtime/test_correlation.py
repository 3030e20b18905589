import pytest

from kubewright.api.meta import ObjectKey
from kubewright.runtime.correlation import Correlator, Occurrence, Subject


def subject(name="a", uid="1"):
    return Subject("v1", "Pod", ObjectKey("ns", name), uid)


def at(seconds, message="it broke", *, about=None, reason="Broken"):
    return Occurrence(about or subject(), "Warning", reason, message, seconds)


def counts(*occurrences):
    """Feed occurrences; return message and count of each as it is to be written, None where it is not."""
    correlator = Correlator()
    notes = []
    for occurrence in occurrences:
        series = correlator.add(occurrence)
        notes.append(None if series is None else (series.message, series.count))
    return notes


@pytest.mark.parametrize(
    ("occurrences", "expected"),
    [
        pytest.param([at(0), at(1), at(2)], [("it broke", 1), ("it broke", 2), ("it broke", 3)], id="again: count up"),
        pytest.param([at(0), at(1, "otherwise")], [("it broke", 1), ("otherwise", 1)], id="another message: another"),
        pytest.param(
            [at(0), at(1, reason="Mended")], [("it broke", 1), ("it broke", 1)], id="another reason: another event"
        ),
        pytest.param(
            [at(0), at(1, about=subject(uid="2"))],
            [("it broke", 1), ("it broke", 1)],
            id="a namesake that came after: another event",
        ),
        pytest.param(
            [at(second, f"broke {second}") for second in range(12)],
            [
                *((f"broke {second}", 1) for second in range(10)),
                ("(combined from similar events): broke 10", 1),
                ("(combined from similar events): broke 11", 2),
            ],
            id="the eleventh different message and those after it are combined",
        ),
        pytest.param(
            [*(at(second, f"broke {second}") for second in range(11)), at(12, "broke 3")],
            [
                *((f"broke {second}", 1) for second in range(10)),
                ("(combined from similar events): broke 10", 1),
                ("broke 3", 2),
            ],
            id="a message with an event of its own stays with that",
        ),
        pytest.param(
            [*(at(second, f"broke {second}") for second in range(10)), at(9 + 601, "much later")],
            [*((f"broke {second}", 1) for second in range(10)), ("much later", 1)],
            id="ten quiet minutes end the combining",
        ),
        pytest.param(
            [at(0)] * 26 + [at(300)],
            [*(("it broke", count) for count in range(1, 26)), None, ("it broke", 27)],
            id="25 writes at once, then one in five minutes, and what was not written is counted",
        ),
        pytest.param(
            [at(0)] * 26 + [at(0, about=subject("b"))],
            [*(("it broke", count) for count in range(1, 26)), None, ("it broke", 1)],
            id="each object has its own budget",
        ),
    ],
)
def test_what_is_written(occurrences, expected):
    assert counts(*occurrences) == expected


def test_what_it_remembers_is_bounded():
    correlator = Correlator()
    for number in range(10_000):
        correlator.add(at(number, about=subject(f"pod-{number}")))
    assert all(len(memory._values) <= 4096 for memory in (correlator._series, correlator._similar, correlator._buckets))
    assert correlator.add(at(10_000, about=subject("pod-9999"))).count == 2
    assert correlator.add(at(10_000, about=subject("pod-0"))).count == 1
