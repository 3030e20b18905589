"""Who is told of what, and when nobody is: the teams of a cluster and its maintenance, as an administrator writes them.

teams:
  - name: shops
    namespaces: [shop, shop-staging]
    webhook: https://chat.example.com/hooks/shops
maintenance:
  - name: saturday-upgrades
    matchers: ['node=~"pool-a-.*"']
    times:
      - weekdays: [saturday]
        times: [{start_time: "02:00", end_time: "04:00"}]
        location: Europe/Berlin
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from kubewright.api.meta import Manifest
from kubewright.api.names import dns_label_errors, label_value_errors
from kubewright.errors import ErrorKind, OpError
from kubewright.monitoring.rules import PLATFORM


class Team(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A team, its namespaces, and how it is told."""

    name: str
    namespaces: tuple[str, ...] = ()
    webhook: str = ""
    """An address that takes what Alertmanager posts."""
    receiver: Manifest = {}
    """More ways, as Alertmanager's configuration has them: `slack_configs`, `email_configs`, `pagerduty_configs`..."""


class Maintenance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When alerts that match are held back: by the week, or on one day (`years`, `months`, `days_of_month`)."""

    name: str
    matchers: tuple[str, ...]
    times: tuple[Manifest, ...]
    """Alertmanager's time intervals."""


class Audience(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everybody."""

    teams: tuple[Team, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()

    @property
    def by_namespace(self) -> dict[str, str]:
        """Return whose each namespace is."""
        return {namespace: team.name for team in self.teams for namespace in team.namespaces}


def audience(document: object, origin: str) -> Audience:
    """Read what an administrator wrote; raises OpError, with the place, for what is not so."""
    try:
        found = msgspec.convert(document if document is not None else {}, Audience)
    except msgspec.ValidationError as error:
        raise OpError("monitoring.teams", ErrorKind.INVALID, origin, str(error)) from error
    for what, names in (
        ("team", [each.name for each in found.teams]),
        ("maintenance", [each.name for each in found.maintenance]),
        ("namespace", [namespace for team in found.teams for namespace in team.namespaces]),
    ):
        if twice := _twice(names):
            raise OpError("monitoring.teams", ErrorKind.INVALID, origin, f"{what} {twice} is there twice")
    for detail in _unusable(found):
        raise OpError("monitoring.teams", ErrorKind.INVALID, origin, detail)
    for window in found.maintenance:
        if not window.matchers or not window.times:
            detail = f"maintenance {window.name} must say what it holds back (matchers) and when (times)"
            raise OpError("monitoring.teams", ErrorKind.INVALID, origin, detail)
    return found


def _unusable(given: Audience) -> Iterator[str]:
    """Yield what Prometheus or Alertmanager would not take, or read otherwise: names stand in matchers and patterns."""
    for team in given.teams:
        problems = label_value_errors(team.name) if team.name else ["it has none"]
        yield from (f"a team's name, {team.name!r}: {problem}" for problem in problems)
        for namespace in team.namespaces:
            yield from (f"namespace {namespace!r} of team {team.name}: {each}" for each in dns_label_errors(namespace))
        if team.webhook and not team.webhook.startswith(("http://", "https://")):
            yield f"webhook of team {team.name}: {team.webhook!r} is no address that begins with http:// or https://"


def with_namespaces(given: Audience, owners: Mapping[str, str]) -> Audience:
    """Add what namespaces themselves say of their team; where both say something the file is right."""
    known = given.by_namespace
    teams = {each.name: each for each in given.teams}
    for namespace, name in sorted(owners.items()):
        if namespace not in known:
            team = teams.get(name) or Team(name)
            teams[name] = msgspec.structs.replace(team, namespaces=(*team.namespaces, namespace))
    return msgspec.structs.replace(given, teams=tuple(teams.values()))


def with_teams(given: Audience, more: Iterable[Team]) -> Audience:
    """Add teams of the cluster's own; of one that the file has, or a namespace, the file is right.

    Raises OpError for a Team that Alertmanager would not take.
    """
    known, owned = {each.name for each in given.teams}, given.by_namespace
    added: list[Team] = []
    for each in more:
        if each.name in known:
            continue
        own = tuple(name for name in each.namespaces if name not in owned)
        owned |= dict.fromkeys(own, each.name)
        added.append(msgspec.structs.replace(each, namespaces=own))
    whole = msgspec.structs.replace(given, teams=(*given.teams, *added))
    for detail in _unusable(whole):
        raise OpError("monitoring.teams", ErrorKind.INVALID, "Teams", detail)
    return whole


def with_names(given: Audience, names: Iterable[str]) -> Audience:
    """Add teams that are only known by name, so that each alert's team has a route."""
    known = {each.name for each in given.teams} | {PLATFORM}
    more = tuple(Team(name) for name in sorted(set(names) - known))
    return msgspec.structs.replace(given, teams=(*given.teams, *more))


def _twice(names: list[str]) -> str:
    return next((name for at, name in enumerate(names) if name in names[:at]), "")
