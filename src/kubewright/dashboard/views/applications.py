"""Applications: a row for each AppService, with whom it calls, how its release stands and why it is not ready."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import msgspec

from kubewright.api.conditions import READY, find_condition
from kubewright.api.crds.appservice import AppService
from kubewright.api.meta import seconds_of
from kubewright.dashboard.tables import Row
from kubewright.dashboard.views.tally import Fare, Tally
from kubewright.workloads.rollout.steps import steps_of
from kubewright.workloads.rollout.words import where

MOST_TEXT = 1024


class Release(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a release has come."""

    phase: str
    where: str = ""
    strategy: str = ""
    step: int = 0
    steps: tuple[int, ...] = ()
    """The weight of each, in percent."""
    weight: int = 0
    strikes: int = 0
    since: float = 0.0
    reason: str = ""
    message: str = ""


class AppRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """An application as the screen shows it."""

    id: str
    namespace: str
    name: str
    team: str = ""
    image: str = ""
    ready: bool = False
    wanted: int = 0
    up: int = 0
    coming: int = 0
    ill: int = 0
    why: str = ""
    """Why it is not ready."""
    url: str = ""
    calls: tuple[str, ...] = ()
    """The applications that it may call, by id."""
    release: Release | None = None


def rows(apps: Iterable[AppService], tally: Tally) -> Iterator[Row]:
    """Yield every application."""
    found = tuple(apps)
    known = frozenset(str(app.key) for app in found)
    for app in found:
        key, status, counts = app.key, app.status, tally.of_app(app.key)
        ready = find_condition(status.conditions, READY)
        shown = AppRow(
            id=str(key),
            namespace=key.namespace,
            name=key.name,
            team=app.spec.team,
            image=app.spec.image,
            ready=status.ready,
            wanted=status.replicas,
            up=counts.get(Fare.READY, 0),
            coming=counts.get(Fare.COMING, 0),
            ill=counts.get(Fare.ILL, 0),
            why="" if status.ready or ready is None else f"{ready.reason}: {ready.message}"[:MOST_TEXT],
            url=status.url,
            calls=tuple(dict.fromkeys(_calls(app, known))),
            release=_release(app),
        )
        yield Row(shown.id, key.namespace, shown)


def _calls(app: AppService, known: Collection[str]) -> Iterator[str]:
    """Yield whom it says that it calls, and the applications of its namespace whose addresses it is given."""
    access, namespace = app.spec.access, app.metadata.namespace
    for peer in access.calls if access is not None else ():
        if peer.app:
            yield f"{peer.namespace or namespace}/{peer.app}"
    for variable in app.spec.env:
        host = str(variable.value or "").split("://")[-1].split(":")[0].split("/")[0]
        name, _, rest = host.partition(".")
        target = f"{rest.split('.')[0] or namespace}/{name}"
        if name and target in known and target != str(app.key):
            yield target


def _release(app: AppService) -> Release | None:
    state = app.status.rollout
    if state is None or not state.phase:
        return None
    return Release(
        state.phase,
        where(app, state),
        app.spec.rollout.strategy,
        state.step,
        tuple(each.weight for each in steps_of(app.spec.rollout)),
        state.weight,
        state.strikes,
        seconds_of(state.since),
        state.reason,
        state.message[:MOST_TEXT],
    )
