"""What people tell a rollout: annotations that name the release they mean, so that they hold for no other. Pure.

`kubewright rollout promote|abort|retry` write them; that they stay does no harm.
"""

from __future__ import annotations

from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.appservice.rolloutstatus import REHEARSING, RolloutStatus

PROMOTE, ABORT, RETRY = "app.example.com/promote", "app.example.com/abort", "app.example.com/retry"


def is_told(app: AppService, order: str) -> bool:
    """Whether somebody has said so of the release that is on its way."""
    state = app.status.rollout
    return state is not None and app.metadata.annotations.get(order, "") == word(order, state) != ""


def word(order: str, state: RolloutStatus) -> str:
    """Return what the annotation must say; to try again is meant of one attempt, since the next may fail, too.

    To promote a release that is held before its start is to start it, not to skip its steps as well.
    """
    if order == PROMOTE and state.phase == REHEARSING:
        return f"{state.release}.unrehearsed"
    return f"{state.release}.{state.since or ''}".replace(":", "") if order == RETRY else state.release
