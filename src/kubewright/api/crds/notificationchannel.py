"""NotificationChannel: where people are told what the platform did, or needs them for."""

from __future__ import annotations

from typing import Annotated, ClassVar

from kubewright.api.conditions import Condition
from kubewright.api.crds.definition import AGE, CrdSpec, PrinterColumn, generated_later, ready_column
from kubewright.api.described import Rule, described
from kubewright.api.meta import KubeObject, Leaf, Manifest, Resource

INFO, WARNING, CRITICAL = "Info", "Warning", "Critical"
SEVERITIES = (INFO, WARNING, CRITICAL)
NO_TLS, START_TLS, TLS = "None", "StartTLS", "TLS"
_URL = {"pattern": "^https?://", "maxLength": 2048}
_NAMES = {"maxItems": 64}
_WORD = {"maxLength": 253}


class SecretRef(Leaf, frozen=True):
    """A secret by reference: a key of a Secret, or a file where the service runs. Its value is never shown."""

    namespace: Annotated[str, described("The Secret's namespace.", _WORD)] = ""
    name: Annotated[str, described("The Secret.", _WORD)] = ""
    key: Annotated[str, described("The key in it.", _WORD)] = ""
    file: Annotated[str, described("The file instead, such as one that a Secret is mounted to.", _WORD)] = ""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.file) != (has(self.__namespace__) && has(self.name) && has(self.key))",
            "say either file, or namespace, name and key of a Secret",
        ),
    )


class Webhook(Leaf, frozen=True):
    """A server that takes JSON by POST."""

    url: Annotated[str, described("Where it is, if that is no secret.", _URL)] = ""
    url_from: Annotated[SecretRef | None, described("Where it is, if that is one.")] = None
    signed_with: Annotated[
        SecretRef | None,
        described(
            "A secret that requests are signed with: HMAC-SHA256, X-Kubewright-Signature (docs/notifications.md)."
        ),
    ] = None

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule("has(self.url) != has(self.urlFrom)", "say either url or urlFrom", ".url"),
    )


class Email(Leaf, frozen=True):
    """Mail by a server."""

    host: Annotated[str, described("The SMTP server.", {"minLength": 1, "maxLength": 253}, required=True)] = ""
    port: Annotated[
        int,
        described("Its port.", {"format": "int32", "minimum": 1, "maximum": 65535}, publish_default=True),
    ] = 587
    tls: Annotated[
        str, described("How the connection is secured.", {"enum": [NO_TLS, START_TLS, TLS]}, publish_default=True)
    ] = START_TLS
    sender: Annotated[str, described("From whom.", {"minLength": 3, "maxLength": 320}, required=True)] = ""
    to: Annotated[
        tuple[str, ...], described("To whom.", {"minItems": 1, "maxItems": 32}, required=True, atomic=True)
    ] = ()
    username: Annotated[str, described("Who logs in, if anybody.", {"maxLength": 320})] = ""
    password_from: Annotated[SecretRef | None, described("With which password.")] = None


class NotificationChannelSpec(Leaf, frozen=True):
    """One way to tell people, and what they are told by it."""

    webhook: Annotated[Webhook | None, described("A server of one's own.")] = None
    slack: Annotated[Webhook | None, described("An incoming webhook of Slack, or of whoever takes its format.")] = None
    email: Annotated[Email | None, described("Mail.")] = None
    teams: Annotated[
        tuple[str, ...], described("Only what concerns these teams; everything if none.", _NAMES, atomic=True)
    ] = ()
    sources: Annotated[
        tuple[str, ...],
        described("Only what comes from these, such as kubewright-healing; everything if none.", _NAMES, atomic=True),
    ] = ()
    severity: Annotated[
        str, described("Only what is at least so severe.", {"enum": [*SEVERITIES]}, publish_default=True)
    ] = WARNING
    per_minute: Annotated[
        int,
        described(
            "At most so many messages a minute; more than that become one summary.",
            {"format": "int32", "minimum": 1, "maximum": 600},
            publish_default=True,
        ),
    ] = 10
    repeat_after_seconds: Annotated[
        int,
        described(
            "The same of the same incident is told again only after this.",
            {"format": "int32", "minimum": 0, "maximum": 604_800},
            publish_default=True,
        ),
    ] = 3600

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "[has(self.webhook), has(self.slack), has(self.email)].filter(x, x).size() == 1",
            "say one of webhook, slack and email",
        ),
    )


class NotificationChannelStatus(Leaf, frozen=True):
    """How it goes."""

    observed_generation: Annotated[int, described("The generation this speaks of.", {"format": "int64"})] = 0
    conditions: Annotated[tuple[Condition, ...], described("Ready.", list_map_keys=("type",))] = ()


class NotificationChannel(KubeObject, frozen=True, kw_only=True):
    """Where people are told what the platform did, or needs them for."""

    spec: Annotated[NotificationChannelSpec, described("What is wanted.", required=True)] = NotificationChannelSpec()
    status: Annotated[NotificationChannelStatus, described("How it goes.")] = NotificationChannelStatus()


NOTIFICATION_CHANNELS: Resource[NotificationChannel] = Resource(
    "kubewright.dev", "v1alpha1", "notificationchannels", "NotificationChannel", NotificationChannel, namespaced=False
)
NOTIFICATION_CHANNEL_CRD: Manifest
__getattr__ = generated_later(
    "NOTIFICATION_CHANNEL_CRD",
    CrdSpec(
        NOTIFICATION_CHANNELS,
        columns=(
            PrinterColumn("Severity", "string", ".spec.severity", "What it is told from."),
            ready_column("Whether messages get through."),
            AGE,
        ),
    ),
)
