"""How an application is while a release is on its way, or was taken back. Pure."""

from __future__ import annotations

from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.appservice.rollout import ROLLING
from kubewright.api.crds.appservice.rolloutstatus import PROGRESSING, PROMOTING, REHEARSING, ROLLED_BACK, SWITCHED
from kubewright.workloads.health import Health
from kubewright.workloads.rollout.decide import REHEARSAL_FAILED
from kubewright.workloads.rollout.turn import Turn
from kubewright.workloads.rollout.words import ROLLED_BACK_REASON, ROLLING_OUT, sentence

_ON_ITS_WAY = frozenset({PROGRESSING, SWITCHED, PROMOTING})


def standing(app: AppService, turn: Turn, otherwise: Health) -> Health:
    """Say how the rollout stands where that is what matters, and else how the pods are.

    An application whose release was taken back runs, and is Stalled all the same: it is not what its spec asks for.
    """
    state = turn.state
    if turn.problem:
        return Health(ready=False, reason="NoSuchRevision", message=turn.problem, stalled=True)
    if state is None:
        return otherwise
    if state.phase == ROLLED_BACK:
        return Health(ready=False, reason=ROLLED_BACK_REASON, message=sentence(app, state), stalled=True)
    if state.phase == REHEARSING:
        held = state.reason == REHEARSAL_FAILED
        return Health(ready=False, reason=state.reason or REHEARSING, message=sentence(app, state), stalled=held)
    if state.phase in _ON_ITS_WAY and state.stable and (app.spec.rollout.strategy != ROLLING or state.reason):
        return Health(ready=False, reason=state.reason or ROLLING_OUT, message=sentence(app, state))
    return otherwise
