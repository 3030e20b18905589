"""Alertmanager's configuration: a route for each team, what speaks for what, and when nobody is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kubewright.api.meta import Manifest
from kubewright.monitoring.rules import PLATFORM, span
from kubewright.monitoring.teams import Audience, Maintenance, Team

_NOBODY, _HEALER = "kubewright/nobody", "kubewright/itself"
"""Receivers that are no team: teams' names are values of labels, which have no slash."""
_NODES = "KubeNodeNotReady|KubeNodeUnreachable"
_SAME = ("namespace", "node", "persistentvolumeclaim", "appservice", "Hostname", "gpu")


@dataclass(frozen=True, slots=True)
class Hook:
    """Where kubewright takes alerts in (`kubewright run monitoring`), and the file with the token that it asks for."""

    url: str
    token_file: str
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Waits:
    """How long Alertmanager gathers alerts before it tells of them; all so many times as long as they should be."""

    patience: float = 1.0

    def seconds(self, usual: float) -> str:
        """Write a duration as Alertmanager takes it."""
        return span(usual * self.patience)


def alertmanager_config(audience: Audience, hook: Hook | None = None, waits: Waits | None = None) -> Manifest:
    """Return the configuration; alerts of nobody's are the platform team's."""
    wait = (waits or Waits()).seconds
    teams = {each.name: each for each in audience.teams}
    everyone = [teams.get(PLATFORM) or Team(PLATFORM), *(team for name, team in teams.items() if name != PLATFORM)]
    return {
        "route": {
            "receiver": PLATFORM,
            "group_by": ["alertname", "namespace"],
            "group_wait": wait(10),
            "group_interval": wait(60),
            "repeat_interval": wait(4 * 3600),
            "routes": list(_routes(audience, hook, wait)),
        },
        "inhibit_rules": list(_inhibitions()),
        "receivers": [
            {"name": _NOBODY},
            *([_hooked(hook)] if hook is not None else []),
            *(_receiver(team) for team in everyone),
        ],
        "time_intervals": [{"name": each.name, "time_intervals": list(each.times)} for each in audience.maintenance],
    }


def _routes(audience: Audience, hook: Hook | None, wait: Callable[[float], str]) -> Iterator[Manifest]:
    if hook is not None:
        # What acts on alerts hears of each at once, also during maintenance, whose plans it knows.
        yield {
            "receiver": _HEALER,
            "matchers": ['severity!="none"'],
            "group_by": ["..."],
            "group_wait": "0s",
            "group_interval": wait(15),
            "repeat_interval": wait(300),
            "continue": True,
        }
    yield {"receiver": _NOBODY, "matchers": ['severity="none"']}
    for window in audience.maintenance:
        yield _muted(window, audience)
    yield from (_of_team(team) for team in audience.teams if team.name != PLATFORM)
    # The root's own receiver is for what no route takes, and kubewright's has taken it already.
    yield {"receiver": PLATFORM}


def _of_team(team: Team) -> Manifest:
    return {"receiver": team.name, "matchers": [f'team="{team.name}"']}


def _muted(window: Maintenance, audience: Audience) -> Manifest:
    """Return a route that takes what a maintenance is about, tells its team as always, and is silent meanwhile."""
    inner = [
        _of_team(team) | {"mute_time_intervals": [window.name]} for team in audience.teams if team.name != PLATFORM
    ]
    return {
        "receiver": PLATFORM,
        "matchers": list(window.matchers),
        "mute_time_intervals": [window.name],
        "routes": inner,
    }


def _inhibitions() -> Iterator[Manifest]:
    """Yield which alerts speak for others; labels that both lack count as equal."""
    yield _speaks('severity="critical"', 'severity=~"warning|info"', ("alertname", *_SAME))
    yield _speaks('severity="warning"', 'severity="info"', ("alertname", *_SAME))
    yield _speaks('alertname="InfoInhibitor"', 'severity="info"', ("namespace",))
    # What runs on a node that is gone cannot be well.
    yield _speaks(f'alertname=~"{_NODES}"', 'alertname=~"KubePodNotReady|Node.+|KubeNodePressure"', ("node",))
    yield _speaks('alertname="KubeNodeUnreachable"', 'alertname="KubeNodeNotReady"', ("node",))


def _speaks(source: str, target: str, equal: tuple[str, ...]) -> Manifest:
    return {"source_matchers": [source], "target_matchers": [target], "equal": list(equal)}


def _receiver(team: Team) -> Manifest:
    hooks = [{"url": team.webhook, "send_resolved": True}] if team.webhook else []
    others = {key: value for key, value in team.receiver.items() if key not in {"name", "webhook_configs"}}
    hooks += team.receiver.get("webhook_configs", [])
    return {"name": team.name, **({"webhook_configs": hooks} if hooks else {}), **others}


def _hooked(hook: Hook) -> Manifest:
    trust = {"tls_config": {"ca_file": hook.ca_file}} if hook.ca_file else {}
    client = {"authorization": {"credentials_file": hook.token_file}, **trust}
    config = {"url": hook.url, "send_resolved": True, "max_alerts": 0, "http_config": client}
    return {"name": _HEALER, "webhook_configs": [config]}
