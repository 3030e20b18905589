"""A team's receiver, written for Alertmanager, as the Prometheus Operator's AlertmanagerConfig (v1alpha1) says it.

Called by `forms`. What is a secret goes into a Secret beside it: the operator takes secrets by reference alone. What
the operator has no field for, or reads from a file that its Alertmanager need not have, is told of, never dropped in
silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from kubewright.api.meta import Manifest
from kubewright.monitoring.teams import Audience, Team


@dataclass(frozen=True, slots=True)
class _Integration:
    """How one list of a receiver is named, and which fields of an item are secrets."""

    name: str
    secrets: Mapping[str, str] = field(default_factory=dict[str, str])
    """The operator's name for a field that is a reference to a Secret, by Alertmanager's."""
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])


def _secret(*names: str) -> dict[str, str]:
    return {name: _camel(name) for name in names}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(part.upper() if part in {"url", "id", "tls"} else part.capitalize() for part in others)


_INTEGRATIONS = {
    "slack_configs": _Integration("slackConfigs", _secret("api_url"), {"callback_id": "callbackId"}),
    "pagerduty_configs": _Integration("pagerdutyConfigs", _secret("routing_key", "service_key")),
    "email_configs": _Integration("emailConfigs", _secret("auth_password", "auth_secret")),
    "webhook_configs": _Integration("webhookConfigs", {"url": "urlSecret"}),
    "opsgenie_configs": _Integration("opsgenieConfigs", _secret("api_key")),
    "victorops_configs": _Integration("victoropsConfigs", _secret("api_key"), {"api_url": "apiUrl"}),
    "pushover_configs": _Integration("pushoverConfigs", _secret("user_key", "token")),
    "telegram_configs": _Integration("telegramConfigs", _secret("bot_token")),
    "discord_configs": _Integration("discordConfigs", {"webhook_url": "apiURL"}),
    "msteams_configs": _Integration("msteamsConfigs", {"webhook_url": "webhookUrl"}),
    "msteamsv2_configs": _Integration("msteamsv2Configs", {"webhook_url": "webhookURL"}),
    "wechat_configs": _Integration("wechatConfigs", _secret("api_secret")),
}
_PAIRS = frozenset({"details", "headers", "custom_fields"})
"""Maps in Alertmanager that are lists of `key` and `value` to the operator."""
_TLS = {"insecure_skip_verify": "insecureSkipVerify", "server_name": "serverName"}
_HTTP = {"follow_redirects": "followRedirects", "enable_http2": "enableHttp2", "proxy_url": "proxyURL"}


@dataclass(slots=True)
class Carried:
    """What became of a receiver."""

    secret_name: str
    receiver: Manifest
    secrets: dict[str, str] = field(default_factory=dict[str, str])
    """Texts by their key in the Secret."""
    left: list[str] = field(default_factory=list[str])
    """What could not be carried over, one sentence each."""

    def refer(self, key: str, text: object) -> Manifest:
        """Put a text into the Secret, and return the reference to it."""
        self.secrets[key] = str(text)
        return {"name": self.secret_name, "key": key}


def carried(team: Team, secret_name: str) -> Carried:
    """Return how the operator tells the team: its webhook first, then what its receiver says."""
    done = Carried(secret_name, {"name": team.name})
    if team.webhook:
        done.receiver["webhookConfigs"] = [{"url": team.webhook, "sendResolved": True}]
    for name, items in team.receiver.items():
        integration = _INTEGRATIONS.get(name)
        if integration is None:
            if name != "name":
                done.left.append(f"{name}: the Prometheus Operator has no such receiver that we know of")
            continue
        for at, item in enumerate(cast("list[Manifest]", items or [])):
            config = _item(integration, item, f"{name}[{at}]", f"{name.removesuffix('_configs')}-{at}", done)
            if config is not None:
                done.receiver.setdefault(integration.name, []).append(config)
    return done


def tells(done: Carried) -> bool:
    """Whether the receiver has any way to tell somebody."""
    return len(done.receiver) > 1


def not_carried(audience: Audience) -> Iterator[str]:
    """Yield what the operator's form leaves out of what an administrator wrote, one sentence each."""
    for team in audience.teams:
        ways = carried(team, "")
        yield from (f"team {team.name}: {each}" for each in ways.left)
        if tells(ways) and not team.namespaces:
            yield f"team {team.name}: it has no namespace that the Prometheus Operator could tell it of"
    for window in audience.maintenance:
        yield f"maintenance {window.name}: the Prometheus Operator knows no time zones; add a silence instead"


def _item(integration: _Integration, item: Manifest, where: str, prefix: str, done: Carried) -> Manifest | None:
    """Return one way to tell a team; None where it would lack what it needs to log in."""
    files = [name for name in item if name.endswith("_file") and integration.name != "pushoverConfigs"]
    if files:
        done.left.append(f"{where}: {', '.join(files)}: the Prometheus Operator takes secrets by reference, not files")
        return None
    made: Manifest = {}
    for name, value in item.items():
        if name in integration.secrets:
            made[integration.secrets[name]] = done.refer(f"{prefix}-{name}", value)
        elif name == "http_config":
            http = _http(value, where, prefix, done)
            if http is None:
                return None
            made |= {"httpConfig": http} if http else {}
        elif name == "tls_config":
            made["tlsConfig"] = _known(value, _TLS, f"{where}.tls_config", done)
        elif name in _PAIRS:
            made[_camel(name)] = [{"key": key, "value": str(text)} for key, text in value.items()]
        else:
            made[integration.renamed.get(name, _camel(name))] = _deep(value)
    return made


def _http(http: Manifest, where: str, prefix: str, done: Carried) -> Manifest | None:
    """Return how a client of HTTP behaves; None where it would lack what it needs to log in."""
    made = dict[str, Any]()
    rest = dict(http)
    if authorization := rest.pop("authorization", None):
        if "credentials" not in authorization:
            done.left.append(f"{where}.http_config.authorization: the Prometheus Operator takes no credentials by file")
            return None
        kind = {"type": authorization["type"]} if "type" in authorization else {}
        made["authorization"] = kind | {
            "credentials": done.refer(f"{prefix}-credentials", authorization["credentials"])
        }
    if basic := rest.pop("basic_auth", None):
        if "password" not in basic:
            done.left.append(f"{where}.http_config.basic_auth: the Prometheus Operator takes no password by file")
            return None
        made["basicAuth"] = {
            "username": done.refer(f"{prefix}-username", basic.get("username", "")),
            "password": done.refer(f"{prefix}-password", basic["password"]),
        }
    if tls := rest.pop("tls_config", None):
        made["tlsConfig"] = _known(tls, _TLS, f"{where}.http_config.tls_config", done)
    return made | _known(rest, _HTTP, f"{where}.http_config", done)


def _known(given: Manifest, names: Mapping[str, str], where: str, done: Carried) -> Manifest:
    unknown = sorted(set(given) - set(names))
    if unknown:
        done.left.append(f"{where}: {', '.join(unknown)}: not carried over to the Prometheus Operator")
    return {names[name]: value for name, value in given.items() if name in names}


def _deep(value: object) -> object:
    if isinstance(value, dict):
        return {_camel(name): _deep(each) for name, each in cast("dict[str, object]", value).items()}
    return [_deep(each) for each in cast("list[object]", value)] if isinstance(value, list) else value
