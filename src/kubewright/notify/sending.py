"""Delivers one message by one channel, once; what is wrong is an OpError that never shows an address or a secret."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path

import aiohttp
import aiosmtplib
import msgspec

from kubewright.api.core import SECRETS
from kubewright.api.crds.notificationchannel import START_TLS, TLS, Email, NotificationChannel, SecretRef, Webhook
from kubewright.api.live import live_resource
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.notify.notification import Notification, document, slack, summary_title, text

TIMEOUT_SECONDS = 10.0
SIGNATURE, TIMESTAMP = "X-Kubewright-Signature", "X-Kubewright-Timestamp"
_OP = "notify.send"
_OK, _TOO_MANY, _SERVER = 300, 429, 500
_MOST_SECRET = 64 * 1024


class Sender:
    """Sends messages; `client` reads the Secrets that channels refer to."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def send(self, channel: NotificationChannel, told: Sequence[Notification]) -> None:
        """Deliver one message; raises OpError, `retryable` if it may get through later."""
        spec, target = channel.spec, f"NotificationChannel/{channel.metadata.name}"
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                if spec.webhook is not None:
                    await self._post(spec.webhook, document(told), target)
                elif spec.slack is not None:
                    await self._post(spec.slack, slack(told), target)
                elif spec.email is not None:
                    await self._mail(spec.email, told, target)
                else:
                    raise OpError(_OP, ErrorKind.INVALID, target, "it says neither webhook nor slack nor email")
        except TimeoutError as error:
            raise OpError(_OP, ErrorKind.TIMEOUT, target, f"no answer within {TIMEOUT_SECONDS:g} s") from error

    async def _post(self, webhook: Webhook, body: Manifest, target: str) -> None:
        url = webhook.url if webhook.url_from is None else await self._secret(webhook.url_from, target)
        payload = msgspec.json.encode(body)
        headers = {"Content-Type": "application/json"}
        if webhook.signed_with is not None:
            moment = str(int(self._clock.now()))
            headers |= {
                TIMESTAMP: moment,
                SIGNATURE: signature(await self._secret(webhook.signed_with, target), moment, payload),
            }
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.post(url, data=payload, headers=headers, allow_redirects=False) as answer,
            ):
                status = answer.status
        except (aiohttp.InvalidURL, ValueError) as error:
            raise OpError(_OP, ErrorKind.INVALID, target, "its address is no URL") from error
        except (aiohttp.ClientError, OSError) as error:
            raise OpError(_OP, ErrorKind.UNAVAILABLE, target, type(error).__name__) from error
        if status >= _OK:
            later = status == _TOO_MANY or status >= _SERVER
            kind = ErrorKind.UNAVAILABLE if later else ErrorKind.INVALID
            raise OpError(_OP, kind, target, f"the server answered {status}")

    async def _mail(self, email: Email, told: Sequence[Notification], target: str) -> None:
        password = await self._secret(email.password_from, target) if email.password_from is not None else None
        try:
            await aiosmtplib.send(
                _message(email, told),
                hostname=email.host,
                port=email.port,
                use_tls=email.tls == TLS,
                start_tls=email.tls == START_TLS,
                username=email.username or None,
                password=password,
                timeout=TIMEOUT_SECONDS,
            )
        except aiosmtplib.SMTPAuthenticationError as error:
            raise OpError(_OP, ErrorKind.UNAUTHORIZED, target, "the mail server refuses the login") from error
        except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPSenderRefused) as error:
            raise OpError(_OP, ErrorKind.INVALID, target, "the mail server refuses sender or recipients") from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise OpError(_OP, ErrorKind.UNAVAILABLE, target, type(error).__name__) from error
        except (ValueError, LookupError) as error:  # what no header holds, or the parser trips over; no name of a host
            raise OpError(_OP, ErrorKind.INVALID, target, "its host or an address of it is none") from error

    async def _secret(self, ref: SecretRef, target: str) -> str:
        """Read a secret anew each time: it may have been changed."""
        try:
            if ref.file:
                return (await asyncio.to_thread(_read, Path(ref.file))).strip()
            found = await self._client.get(live_resource(SECRETS), ObjectKey(ref.namespace, ref.name))
            return base64.b64decode(found.data[ref.key]).decode().strip()
        except OpError as error:
            raise OpError(_OP, error.kind, target, f"Secret {ref.namespace}/{ref.name}: {error.kind.value}") from error
        except (OSError, KeyError, ValueError) as error:
            what = ref.file or f"Secret {ref.namespace}/{ref.name}, key {ref.key}"
            raise OpError(_OP, ErrorKind.NOT_FOUND, target, f"{what} cannot be read") from error


def _message(email: Email, told: Sequence[Notification]) -> EmailMessage:
    """Return a mail; raises ValueError or LookupError for addresses that a header cannot hold."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = email.sender, ", ".join(email.to), summary_title(told)
    message.set_content(text(told))
    return message


def _read(file: Path) -> str:
    with file.open("rb") as opened:
        return opened.read(_MOST_SECRET).decode()


def signature(secret: str, moment: str, payload: bytes) -> str:
    """Return what a receiver compares: `sha256=` and the HMAC over the timestamp, a dot and the body."""
    return "sha256=" + hmac.new(secret.encode(), moment.encode() + b"." + payload, hashlib.sha256).hexdigest()
