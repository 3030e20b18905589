"""What goes to a channel, when, and how it reads."""

from __future__ import annotations

import pytest

from kubewright.api.crds.notificationchannel import NotificationChannelSpec
from kubewright.notify.notification import Notification, concerns, document, lines, slack, summary_title, text, title
from kubewright.notify.outbox import Outbox

NOW = 1_800_000_000.0


def told(incident="Incident/a", severity="Warning", what="GPU-3 is out of service", **rest):
    return Notification("kubewright-healing", incident, severity, what, **rest)


def sent(outbox, seconds, start=NOW):
    found = []
    for second in range(seconds):
        while message := outbox.take(start + second):
            found.append(message)
    return found


def test_the_same_state_of_an_incident_is_told_once_an_hour():
    outbox = Outbox(10, 3600)
    assert outbox.offer(told(), NOW)
    assert not outbox.offer(told(), NOW + 3599)
    assert outbox.offer(told(), NOW + 3601)


def test_another_state_is_news_and_so_is_the_first_after_it():
    outbox = Outbox(10, 3600)
    assert [outbox.offer(told(state=state), NOW + 1) for state in ("open", "resolved", "open", "open")] == [
        True,
        True,
        True,
        False,
    ]


def test_few_go_one_by_one_and_a_storm_as_one_summary():
    outbox = Outbox(10, 3600)
    for number in range(3):
        outbox.offer(told(f"Incident/{number}"), NOW)
    assert [len(each) for each in sent(outbox, 1)] == [1, 1, 1]
    for number in range(100, 400):
        outbox.offer(told(f"Incident/{number}"), NOW)
    assert [len(each) for each in sent(outbox, 1)] == [300]


def test_no_minute_has_more_messages_than_are_allowed_and_nothing_is_lost():
    outbox, count = Outbox(3, 3600), 0
    messages = []
    for second in range(600):
        if second % 2 == 0:
            outbox.offer(told(f"Incident/{second}"), NOW + second)
            count += 1
        message = outbox.take(NOW + second)
        if message:
            messages.append((second, len(message)))
    messages.append((0, len(outbox._waiting)))
    assert sum(size for _, size in messages) == count
    times = [second for second, _ in messages[:-1]]
    assert all(sum(at <= other < at + 60 for other in times) <= 3 for at in times)


def test_what_could_not_be_delivered_goes_first_again():
    outbox = Outbox(10, 3600)
    outbox.offer(told("Incident/1"), NOW)
    outbox.offer(told("Incident/2"), NOW)
    first = outbox.take(NOW)
    outbox.put_back(first)
    assert outbox.take(NOW) == first


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, True),
        ({"severity": "Critical"}, False),
        ({"severity": "Info"}, True),
        ({"teams": ("vision",)}, True),
        ({"teams": ("shop",)}, False),
        ({"sources": ("kubewright-tenancy",)}, False),
    ],
)
def test_channels_choose_what_they_are_told(spec, expected):
    assert concerns(NotificationChannelSpec(**spec), told(team="vision")) is expected


def test_a_message_says_what_where_why_what_was_done_and_how_to_see_more():
    whole = told(
        where="Node/gpu-07", cause="XID 79\nfallen off the bus", done=("moved train-4",), command="kubewright why x"
    )
    assert title(whole) == "[WARNING] GPU-3 is out of service (Node/gpu-07)"
    assert lines(whole)[1:] == ["cause: XID 79 fallen off the bus", "done: moved train-4", "more: kubewright why x"]
    assert "kubewright why x" in text([whole])
    assert document([whole])["notifications"][0]["done"] == ["moved train-4"]


def test_slack_messages_are_bounded_and_escaped():
    many = [told(f"Incident/{number}", what="<!channel> & " + "x" * 5000) for number in range(200)]
    for messages in (many, many[:1]):
        found = slack(messages)
        assert all(len(each["text"]["text"]) <= 3000 for each in found["blocks"])
        assert "<!" not in str(found)
    assert summary_title(many) == "[WARNING] 200 notifications at once, of 200 incidents"


def test_no_secret_is_told():
    assert "hunter22" not in text([told(what="login with password=hunter22 failed", cause="Bearer hunter22hunter22")])
