"""Alerts in: who may post, what is taken, and that the object that an alert is about is told."""

import asyncio
import json

import pytest

from kubewright.api.core import EVENTS
from kubewright.app import Choices, Platform
from kubewright.clock import Clock, run_virtual
from kubewright.monitoring.telling import ObjectTeller
from kubewright.runtime.events import EventRecorder
from kubewright.signals.incoming import FIRING, RESOLVED, decoded
from kubewright.signals.receiver import MOST_BYTES, Receiver
from kubewright.signals.service import SignalsIn
from kubewright.signals.signal import Standing
from kubewright.twin.cluster import Twin

TOKEN = "a-token-that-nobody-guesses"


def alert(number=1, status=FIRING, **labels):
    given = {"alertname": "HighMemoryUsage", "namespace": "default", "pod": f"web-{number}"} | labels
    return {
        "fingerprint": f"{number:016x}",
        "status": status,
        "labels": given,
        "annotations": {"description": "too much"},
    }


def notification(*alerts, version="4"):
    return json.dumps({"version": version, "groupKey": "{}", "alerts": alerts}).encode()


async def post(receiver, body, *, token=TOKEN, path="/alerts", method="POST", chunk=65536):
    chunks = [body[at : at + chunk] for at in range(0, len(body), chunk)] or [b""]
    waiting = [{"type": "http.request", "body": each, "more_body": each is not chunks[-1]} for each in chunks]
    sent = []

    async def receive():
        return waiting.pop(0)

    async def send(message):
        sent.append(message)

    headers = [(b"authorization", f"Bearer {token}".encode())] if token else []
    await receiver({"type": "http", "method": method, "path": path, "headers": headers}, receive, send)
    return sent[0]["status"], sent[1]["body"].decode().strip()


def posted(*bodies, most=100, **options):
    told = []
    standing = Standing(most)
    receiver = Receiver(TOKEN, standing, told.append)
    answers = [asyncio.run(post(receiver, body, **options)) for body in bodies]
    return answers, told, standing


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], f"{TOKEN}x"])
def test_who_has_not_the_token_is_refused_whatever_it_brings(token):
    ((status, _),), told, standing = posted(notification(alert()), token=token)
    assert (status, told, len(standing)) == (401, [], 0)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "truncated"),
        (b"\xff\xfe", ""),
        (b"[]", "object"),
        (b'{"version": "4"}', "alerts"),
        (b"[" * 100_000, ""),
        (notification(alert(), version="3"), "version '3'"),
        (notification(alert() | {"status": "sleeping"}), "status"),
        (notification(alert() | {"fingerprint": ""}), "fingerprint"),
        (notification(alert() | {"labels": {"value": float("nan")}}), ""),
        (notification(alert() | {"labels": ["a"]}), "object"),
    ],
)
def test_what_alertmanager_does_not_send_is_refused(body, said):
    ((status, text),), told, _ = posted(body)
    assert (status, told) == (400, [])
    assert said in text


def test_a_body_without_end_is_not_kept():
    ((status, _),), told, _ = posted(b" " * (MOST_BYTES + 1))
    assert (status, told) == (413, [])


def test_other_paths_and_methods_are_not_there():
    assert posted(b"", path="/")[0][0][0] == 404
    assert posted(b"", method="GET")[0][0][0] == 405


def test_an_alert_that_is_told_again_is_no_news():
    answers, told, _ = posted(notification(alert()), notification(alert()), notification(alert(status=RESOLVED)))
    assert [status for status, _ in answers] == [200, 200, 200]
    assert told == [alert()["fingerprint"]] * 2


def test_an_alert_that_was_never_known_need_not_end():
    _, told, standing = posted(notification(alert(status=RESOLVED)))
    assert (told, len(standing)) == ([], 0)


def test_of_a_storm_so_many_are_taken_as_there_is_room_for_and_the_others_are_to_come_again():
    storm = notification(*(alert(number) for number in range(10_000)))
    ((status, text), (again, _)), told, standing = posted(storm, notification(alert(1, RESOLVED)), most=2000)
    assert (status, text) == (503, "8000 alerts too many")
    assert (len(standing), len(told)) == (2000, 2001)
    assert again == 200


def test_what_fires_and_is_not_told_again_makes_room_a_day_later():
    def incoming(*numbers, status=FIRING):
        return [each.signal for each in decoded(notification(*(alert(number, status) for number in numbers)))]

    standing, hour = Standing(most=2), 3600.0
    assert standing.take(incoming(1, 2), 0.0)[1] == 0
    assert standing.take(incoming(2, 3), 12 * hour) == ([], 1)
    assert standing.take(incoming(3), 23 * hour) == ([], 1)
    assert standing.take(incoming(3), 24 * hour) == ([alert(3)["fingerprint"]], 0)
    assert standing.take(incoming(2, status=RESOLVED), 25 * hour) == ([alert(2)["fingerprint"]], 0)
    assert standing.take(incoming(1), 25 * hour) == ([], 1)
    assert standing.take(incoming(1), 60 * hour) == ([alert(1)["fingerprint"]], 0)


def test_a_token_that_could_be_guessed_is_refused():
    with pytest.raises(ValueError, match="16 characters"):
        Receiver("short", Standing(), lambda _: None)


@pytest.mark.parametrize(
    ("labels", "about"),
    [
        ({}, "Pod/default/web-1"),
        ({"pod": "", "deployment": "web"}, "Deployment/default/web"),
        ({"pod": "", "appservice": "web"}, "AppService/default/web"),
        ({"pod": "", "namespace": "", "node": "n1"}, "Node/n1"),
        ({"pod": "", "namespace": "", "Hostname": "n2", "gpu": "0"}, "Node/n2"),
        ({"pod": "", "namespace": "shop"}, "Namespace/shop"),
        ({"pod": "", "namespace": ""}, None),
    ],
)
def test_an_alert_is_about_what_its_labels_name(labels, about):
    standing = Standing()
    receiver = Receiver(TOKEN, standing, lambda _: None)
    asyncio.run(post(receiver, notification(alert(**labels))))
    found = standing.get(alert()["fingerprint"])
    assert (found.about and found.about[0].target(found.about[1])) == about


def test_the_object_that_an_alert_is_about_is_told_when_it_fires_and_when_it_ends():
    async def scenario():
        async with Twin(Clock.virtual(), nodes=1) as twin:
            recorder = EventRecorder(twin.client(), twin.clock, "kubewright-monitoring")
            service = SignalsIn(twin.client(), twin.clock, ObjectTeller(recorder))
            receiver = Receiver(TOKEN, service.standing, service.queue.add)
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(recorder.run()), tasks.create_task(service.run())]
                for status in (FIRING, FIRING, RESOLVED):
                    await post(receiver, notification(alert(status=status)))
                    await asyncio.sleep(5)
                for task in running:
                    task.cancel()
            events = (await twin.client().list(EVENTS, namespace="default")).items
            assert len(service.standing) == 0
            return sorted(
                (each.type, each.reason, each.message, each.involved_object.name)
                for each in events
                if each.involved_object.kind == "Pod"
            )

    assert run_virtual(scenario()) == [
        ("Normal", "HighMemoryUsageResolved", "No longer: too much", "web-1"),
        ("Warning", "HighMemoryUsage", "too much", "web-1"),
    ]


def test_the_platform_runs_it_as_a_service_of_its_own():
    async def scenario():
        async with Twin(Clock.virtual(), nodes=1) as twin:
            choices = Choices(services=("monitoring",), alerts_token=TOKEN)
            return Platform(twin.client(), twin.clock, choices=choices).services

    (service,) = run_virtual(scenario()).values()
    assert isinstance(service, SignalsIn)
    assert not service.synced
