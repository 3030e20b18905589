"""How a change reaches the users: all at once, step by step, or beside the old; and what must hold on the way."""

from __future__ import annotations

from typing import Annotated, ClassVar

from kubewright.api.crds.appservice.container import NOT_EMPTY
from kubewright.api.described import Rule, described
from kubewright.api.meta import Leaf

ROLLING, CANARY, BLUE_GREEN = "rolling", "canary", "blueGreen"
TRAFFIC = ("auto", "httpRoute", "virtualService", "replicas")
METRICS = ("burnRate", "errors", "latency", "query")
_SECONDS = {"format": "int32", "minimum": 0, "maximum": 604800}
_WINDOW = {"format": "int32", "minimum": 10, "maximum": 86400}
_COUNT = {"format": "int32", "minimum": 1}
_WEIGHT = {"format": "int32", "minimum": 0, "maximum": 100}


class Step(Leaf, frozen=True):
    """A share of the traffic, and how long it must go well."""

    weight: Annotated[int, described("Percent of the traffic for the new release.", _WEIGHT, required=True)] = -1
    pause_seconds: Annotated[int, described("How long to stay there; 60 by default.", _SECONDS)] = 60


class Gate(Leaf, frozen=True):
    """A measurement that must hold at each step; besides it pods must be well and the SLO's budget must not burn."""

    name: Annotated[str, described("Its name.", {"maxLength": 63} | NOT_EMPTY, required=True)] = ""
    metric: Annotated[
        str,
        described(
            "burnRate of the slo, percent of errors, latency in milliseconds, or a query.",
            {"enum": list(METRICS)},
            required=True,
        ),
    ] = ""
    query: Annotated[str, described("PromQL that gives one number.", {"maxLength": 4096})] = ""
    max: Annotated[float | None, described("It must not be more.")] = None
    min: Annotated[float | None, described("It must not be less.")] = None
    window_seconds: Annotated[int, described("Over how long it is measured; 60 by default.", _WINDOW)] = 60
    failures: Annotated[int, described("How often it may fail in a row; 1 by default.", _COUNT)] = 1

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "(self.metric == 'query') == has(self.query)",
            "a query belongs to the metric query: say both or neither",
            ".query",
        ),
        Rule("has(self.max) || has(self.min)", "a gate has a bound: say max, min or both", ".max"),
    )


class AppServiceRollout(Leaf, frozen=True):
    """How a change of the application reaches its users."""

    strategy: Annotated[
        str,
        described("How the new release takes over.", {"enum": [ROLLING, CANARY, BLUE_GREEN]}, publish_default=True),
    ] = ROLLING
    steps: Annotated[
        tuple[Step, ...],
        described("A canary's way; 5, 25 and 50 percent for a minute each by default.", {"maxItems": 50}, atomic=True),
    ] = ()
    gates: Annotated[
        tuple[Gate, ...], described("What must hold at each step.", {"maxItems": 20}, list_map_keys=("name",))
    ] = ()
    traffic: Annotated[
        str,
        described(
            "What splits the traffic; auto is the HTTPRoute, else in Istio a VirtualService, else the number of pods.",
            {"enum": list(TRAFFIC)},
            publish_default=True,
        ),
    ] = "auto"
    rehearse: Annotated[
        bool, described("Try each new release on a copy of the cluster first, and hold one that fails there.")
    ] = False
    manual: Annotated[bool, described("Wait to be told to promote before all traffic moves.")] = False
    paused: Annotated[bool, described("Stay at the present step.")] = False
    undo: Annotated[
        int,
        described("Run this revision of the application again; 0 runs the spec.", {"format": "int64", "minimum": 0}),
    ] = 0
    max_surge: Annotated[int | str, described("So many pods more, or percent, while rolling; 25% by default.")] = ""
    max_unavailable: Annotated[int | str, described("So many fewer, or percent, while rolling; 0 by default.")] = ""
    deadline_seconds: Annotated[
        int, described("How long without progress counts as failed; 600 by default.", _COUNT)
    ] = 600
    keep_old_seconds: Annotated[
        int, described("How long a blue-green release keeps the old one ready; 300 by default.", _SECONDS)
    ] = 300
    history: Annotated[int, described("How many old revisions are kept; 10 by default.", {"minimum": 0})] = 10

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.steps) || self.steps.size() == 0 || self.strategy == 'canary'",
            "steps are a canary's: set strategy to canary, or remove them",
            ".steps",
        ),
        Rule(
            "!has(self.steps) || self.steps.map(step, step.weight).isSorted()",
            "a canary's weights grow from step to step: put the steps in order",
            ".steps",
        ),
        Rule(
            "self.strategy == 'canary' || self.traffic == 'auto'",
            "traffic is split by a canary alone: set strategy to canary, or remove traffic",
            ".traffic",
        ),
    )


class Latency(Leaf, frozen=True):
    """How quick answers are."""

    milliseconds: Annotated[int, described("Answers take at most so long.", _COUNT, required=True)] = 0
    percent: Annotated[float, described("So many of them do; 99 by default.")] = 99.0

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.percent) || (double(self.percent) > 0.0 && double(self.percent) < 100.0)",
            "some answers are slower: say more than 0 and less than 100 percent",
            ".percent",
        ),
    )


class AppServiceSlo(Leaf, frozen=True):
    """What the application's users may rely on."""

    availability: Annotated[float | None, described("Percent of requests that are answered without an error.")] = None
    latency: Annotated[Latency | None, described("How quick answers are.")] = None
    window_days: Annotated[int, described("Over how long it is judged; 30 by default.", _COUNT | {"maximum": 90})] = 30

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.availability) || (double(self.availability) > 0.0 && double(self.availability) < 100.0)",
            "100 percent leaves no room for any release: say less, such as 99.9",
            ".availability",
        ),
    )
