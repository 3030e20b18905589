"""Says on each DisruptionLimit whether it holds, or what is wrong with it: a wrong one lets nothing be done.

Every service that asks for permits looks, and whoever is first writes; to the others there is nothing new to say.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubewright.api.conditions import READY, Condition, set_condition, written
from kubewright.api.crds.disruptionlimit import DISRUPTION_LIMITS, DisruptionLimit, problems
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.api.plan import Apply, Plan
from kubewright.clock import Clock
from kubewright.runtime.controller import Done, RequeueAfter
from kubewright.runtime.informer import Informer
from kubewright.runtime.operators import Operator
from kubewright.runtime.plans import Executor
from kubewright.runtime.predicates import generation_changed


@dataclass(frozen=True, slots=True)
class LimitTeller:
    """One limit's turn."""

    clock: Clock
    executor: Executor
    limits: Informer[DisruptionLimit]

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Write the limit's condition, if it says anything new."""
        limit = self.limits.index.get(key)
        if limit is None:
            return Done()
        action = status_of(limit, self.clock.now())
        if action is not None:
            await self.executor.execute(Plan((action,), "whether it holds"), about=limit)
        return Done()


def status_of(limit: DisruptionLimit, now: float) -> Apply | None:
    """Return the status if it says anything new."""
    wrong, generation = "; ".join(problems(limit)), limit.metadata.generation
    ready = Condition(READY, "True", "Holds", "it is heeded by all who disrupt", observed_generation=generation)
    if wrong:
        said = f"nothing is done that it is about: {wrong}"
        ready = Condition(READY, "False", "InvalidSpec", said, observed_generation=generation)
    conditions = set_condition(limit.status.conditions, ready, now)
    if conditions == limit.status.conditions and limit.status.observed_generation == generation:
        return None
    status: Manifest = {"observedGeneration": generation, "conditions": written(conditions)}
    return Apply.status(DISRUPTION_LIMITS, limit.key, status)


def tell(operator: Operator) -> None:
    """Declare the controller that says how limits stand."""
    limits = operator.informer(DISRUPTION_LIMITS)
    teller = LimitTeller(operator.clock, operator.executor(DISRUPTION_LIMITS), limits)
    operator.controller(limits, teller, name="disruptionlimit", when=generation_changed)
