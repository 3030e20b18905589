"""How a ScalePolicy follows its metrics: how fast, at which hours otherwise, and what it does without them."""

from __future__ import annotations

from typing import Annotated, ClassVar

from kubewright.api.crds.scalepolicy.metrics import AMOUNT, not_negative
from kubewright.api.described import Rule, described
from kubewright.api.meta import Leaf
from kubewright.api.quantity import Quantity

REACTIVE, PREDICTIVE, RECOMMEND = "reactive", "predictive", "recommend"
ADOPT, SHADOW, LEAVE = "Adopt", "Shadow", "Leave"
_COUNT = {"format": "int32", "minimum": 0, "maximum": 1_000_000}
_WINDOW = {"format": "int32", "minimum": 0, "maximum": 3600}
_CRON = {"minLength": 1, "maxLength": 128, "pattern": r"^(@\w+|[^@\s]+(\s+[^\s]+){4})$"}


class BehaviorStep(Leaf, frozen=True):
    """By how much may be scaled within a period."""

    type: Annotated[str, described("Pods, or Percent of them.", {"enum": ["Pods", "Percent"]}, required=True)] = ""
    value: Annotated[int, described("How many.", {"format": "int32", "minimum": 1}, required=True)] = 0
    period_seconds: Annotated[
        int, described("The period.", {"format": "int32", "minimum": 1, "maximum": 1800}, required=True)
    ] = 0


class BehaviorRules(Leaf, frozen=True):
    """How fast, how soon, and from which difference on is scaled in one direction."""

    stabilization_window_seconds: Annotated[
        int | None, described("Go by the most cautious proposal of this time.", _WINDOW)
    ] = None
    select_policy: Annotated[
        str,
        described(
            "Which of the policies counts; Disabled for never.",
            {"enum": ["Max", "Min", "Disabled"]},
        ),
    ] = "Max"
    policies: Annotated[tuple[BehaviorStep, ...], described("How fast.", {"maxItems": 16}, atomic=True)] = ()
    tolerance: Annotated[
        Quantity | None, described("Which difference from what is aimed at is left alone; 0.1 by default.", AMOUNT)
    ] = None

    RULES: ClassVar[tuple[Rule, ...]] = (not_negative("tolerance"),)


class Behavior(Leaf, frozen=True):
    """As a HorizontalPodAutoscaler's."""

    scale_up: Annotated[BehaviorRules | None, described("More pods.")] = None
    scale_down: Annotated[BehaviorRules | None, described("Fewer pods.")] = None


class ScaleSchedule(Leaf, frozen=True):
    """Other bounds from one time to another, by the clock on the wall of a time zone."""

    name: Annotated[str, described("What it is called.", {"minLength": 1, "maxLength": 63}, required=True)] = ""
    start: Annotated[str, described("When it begins, as cron writes it: 0 8 * * 1-5.", _CRON, required=True)] = ""
    end: Annotated[str, described("When it ends.", _CRON, required=True)] = ""
    time_zone: Annotated[
        str, described("An IANA time zone, such as Europe/Berlin.", {"maxLength": 64}, publish_default=True)
    ] = "UTC"
    min: Annotated[int | None, described("At least so many pods; of several schedules the most.", _COUNT)] = None
    max: Annotated[int | None, described("At most so many pods; of several schedules the most.", _COUNT)] = None

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule("has(self.min) || has(self.max)", "a schedule changes something: say min, max or both"),
        Rule(
            "!has(self.min) || !has(self.max) || self.min <= self.max",
            "min is at most max: raise max or lower min",
            ".min",
        ),
    )


class Fallback(Leaf, frozen=True):
    """What is done when metrics fail; until then, and without it, the number of pods stays what it is."""

    replicas: Annotated[int, described("Then there are at least so many pods.", _COUNT, required=True)] = 0
    after_seconds: Annotated[
        int,
        described(
            "For how long no number could be worked out.",
            {"format": "int32", "minimum": 0, "maximum": 86_400},
            publish_default=True,
        ),
    ] = 300
