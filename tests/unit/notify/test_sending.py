"""Messages against real servers on loopback."""

from __future__ import annotations

import asyncio
import base64
import socket
from contextlib import asynccontextmanager

import msgspec
import pytest
from aiohttp import web

from kubewright.api.crds.notificationchannel import (
    Email,
    NotificationChannel,
    NotificationChannelSpec,
    SecretRef,
    Webhook,
)
from kubewright.api.live import LiveObject
from kubewright.api.meta import ObjectMeta
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.notify.notification import Notification
from kubewright.notify.sending import SIGNATURE, TIMESTAMP, Sender, signature
from tests.loopback import serving

TOLD = (Notification("kubewright-healing", "Incident/a", "Critical", "a node is down", where="Node/n1"),)


class Secrets:
    """A client that knows one Secret."""

    async def get(self, resource, key):
        if (resource.kind, key.name) != ("Secret", "hooks"):
            raise OpError("client.get", ErrorKind.FORBIDDEN, "Secret/ops/other", "you may not")
        return LiveObject(data={"hmac": "aHVudGVyMjI=", "password": "bGV0bWVpbg=="})


def channel(**spec):
    return NotificationChannel(metadata=ObjectMeta(name="ops"), spec=NotificationChannelSpec(**spec))


def sender():
    return Sender(Secrets(), Clock.wall())


@asynccontextmanager
async def hook(status=200):
    taken = []

    async def take(request):
        taken.append((request.headers, await request.read()))
        return web.Response(status=status)

    app = web.Application()
    app.router.add_post("/secret-path", take)
    async with serving(app) as port:
        yield f"http://127.0.0.1:{port}/secret-path", taken


@asynccontextmanager
async def mail_server(*, refuses=""):
    """Speak as much of SMTP as a client asks for, and keep the messages."""
    messages, logins = [], []

    async def talk(reader, writer):
        writer.write(b"220 mail.example.com\r\n")
        while line := (await reader.readline()).decode().strip():
            verb = line[:4].upper()
            if verb == "EHLO":
                writer.write(b"250-mail.example.com\r\n250 AUTH PLAIN LOGIN\r\n")
            elif refuses and line.upper().startswith(refuses):
                writer.write(b"550 no\r\n")
            elif verb == "AUTH":
                logins.append(line)
                writer.write(b"235 welcome\r\n")
            elif verb == "DATA":
                writer.write(b"354 go on\r\n")
                await writer.drain()
                messages.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                writer.write(b"250 taken\r\n")
            elif verb == "QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 fine\r\n")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], messages, logins


async def test_a_webhook_gets_json_that_is_signed():
    async with hook() as (url, taken):
        ref = SecretRef("ops", "hooks", "hmac")
        await sender().send(channel(webhook=Webhook(url=url, signed_with=ref)), TOLD)
    headers, body = taken[0]
    assert msgspec.json.decode(body)["notifications"][0]["what"] == "a node is down"
    assert headers[SIGNATURE] == signature("hunter22", headers[TIMESTAMP], body)


async def test_slack_gets_its_format_at_an_address_that_is_a_secret(tmp_path):
    async with hook() as (url, taken):
        (tmp_path / "url").write_text(f"{url}\n")
        await sender().send(channel(slack=Webhook(url_from=SecretRef(file=str(tmp_path / "url")))), TOLD)
    assert msgspec.json.decode(taken[0][1])["text"] == "[CRITICAL] a node is down (Node/n1)"


@pytest.mark.parametrize(("status", "again"), [(500, True), (429, True), (404, False), (302, False)])
async def test_a_refusal_says_whether_to_try_again_and_never_where(status, again):
    async with hook(status) as (url, _):
        with pytest.raises(OpError) as caught:
            await sender().send(channel(webhook=Webhook(url=url)), TOLD)
    assert caught.value.retryable is again
    assert "secret-path" not in str(caught.value)


async def test_nobody_there_is_tried_again():
    with socket.socket() as reserved:  # nobody else can listen there meanwhile
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}/secret-path"
        with pytest.raises(OpError) as caught:
            await sender().send(channel(webhook=Webhook(url=url)), TOLD)
    assert caught.value.retryable
    assert "secret-path" not in str(caught.value)


async def test_mail_is_sent_after_a_login_with_a_password_by_reference():
    async with mail_server() as (port, messages, logins):
        to, password = ("ops@example.com", "b@example.com"), SecretRef("ops", "hooks", "password")
        mail = Email("127.0.0.1", port, "None", "kubewright@example.com", to, "me", password)
        await sender().send(channel(email=mail), TOLD)
    assert "Subject: [CRITICAL] a node is down (Node/n1)" in messages[0]
    assert "To: ops@example.com, b@example.com" in messages[0]
    assert base64.b64decode(logins[0].split()[2]) == b"\0me\0letmein"


@pytest.mark.parametrize("refuses", ["MAIL", "RCPT"])
async def test_mail_that_is_refused_is_not_tried_again(refuses):
    async with mail_server(refuses=refuses) as (port, _, _):
        mail = Email("127.0.0.1", port, "None", "kubewright@example.com", ("ops@example.com",))
        with pytest.raises(OpError) as caught:
            await sender().send(channel(email=mail), TOLD)
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("host", "sender_", "to"),
    [
        ("mail..example.com", "kubewright@example.com", "ops@example.com"),
        ("127.0.0.1", "kubewright@example.com\nBcc: all@example.com", "ops@example.com"),
        ("127.0.0.1", "kubewright@example.com", "ops@"),
    ],
    ids=["a host that cannot be", "a line break", "half an address"],
)
async def test_a_channel_whose_addresses_make_no_sense_is_told_so_and_breaks_nothing_else(host, sender_, to):
    with pytest.raises(OpError) as caught:
        await sender().send(channel(email=Email(host, 1, "None", sender_, (to,))), TOLD)
    assert caught.value.kind is ErrorKind.INVALID


async def test_a_subject_is_one_line_whatever_is_told_of():
    async with mail_server() as (port, messages, _):
        mail = Email("127.0.0.1", port, "None", "kubewright@example.com", ("ops@example.com",))
        told = Notification("kubewright-healing", "Incident/a", "Critical", "it is\ndown", where="Node/n1\r\nX: y")
        await sender().send(channel(email=mail), (told,))
    assert "Subject: [CRITICAL] it is down (Node/n1 X: y)" in messages[0]


async def test_a_secret_that_cannot_be_read_is_told_by_its_name_alone():
    with pytest.raises(OpError) as caught:
        await sender().send(channel(webhook=Webhook(url_from=SecretRef("ops", "other", "url"))), TOLD)
    assert str(caught.value) == "notify.send NotificationChannel/ops: forbidden: Secret ops/other: forbidden"
