"""NodePool: which nodes a pool may have, what they cost, and when one is given back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

from kubewright.api.conditions import Condition
from kubewright.api.crds.definition import AGE, CrdSpec, PrinterColumn, generated_later, ready_column
from kubewright.api.crds.violations import violations
from kubewright.api.cron import load_zone, parse_cron
from kubewright.api.described import Rule, described
from kubewright.api.meta import EMPTY, KubeObject, Leaf, Manifest, Resource
from kubewright.api.quantity import Quantity, parse_quantity
from kubewright.api.tolerations import Taint

WHEN_WORTH_IT, WHEN_EMPTY, RECOMMEND, NEVER = "WhenWorthIt", "WhenEmpty", "Recommend", "Never"
_COUNT = {"format": "int32", "minimum": 0, "maximum": 100_000}
_SECONDS = {"format": "int32", "minimum": 0, "maximum": 604_800}
_AMOUNT = {"maxProperties": 32}


class NodeTaint(Leaf, frozen=True):
    """A taint that nodes come with."""

    key: Annotated[str, described("Its key.", {"minLength": 1, "maxLength": 316}, required=True)] = ""
    value: Annotated[str, described("Its value.", {"maxLength": 63})] = ""
    effect: Annotated[
        str, described("What it does.", {"enum": ["NoSchedule", "PreferNoSchedule", "NoExecute"]}, required=True)
    ] = ""

    @property
    def taint(self) -> Taint:
        """Return it as nodes have it."""
        return Taint(self.key, self.value, self.effect)


class NodeType(Leaf, frozen=True):
    """One sort of node that can be had."""

    name: Annotated[
        str,
        described(
            "As nodes say it: node.kubernetes.io/instance-type.", {"minLength": 1, "maxLength": 63}, required=True
        ),
    ] = ""
    price: Annotated[Quantity, described("What an hour costs, in any one currency.", required=True)] = 0
    allocatable: Annotated[
        Mapping[str, Quantity], described("What is left for pods: cpu, memory, GPUs.", _AMOUNT, required=True)
    ] = EMPTY
    zones: Annotated[tuple[str, ...], described("Where it can be had; anywhere if none.", {"maxItems": 16})] = ()
    labels: Annotated[Mapping[str, str], described("Labels besides the pool's.", _AMOUNT)] = EMPTY

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "'cpu' in self.allocatable && 'memory' in self.allocatable", "say at least cpu and memory", ".allocatable"
        ),
        Rule("quantity(string(self.price)).isGreaterThan(quantity('0'))", "an hour costs something", ".price"),
    )


class Headroom(Leaf, frozen=True):
    """Room that is kept free, as so many pods of a size that are not there."""

    count: Annotated[int, described("How many.", {"format": "int32", "minimum": 1, "maximum": 1000}, required=True)] = 0
    requests: Annotated[
        Mapping[str, Quantity], described("What each would request.", {"minProperties": 1, **_AMOUNT}, required=True)
    ] = EMPTY


class DisruptionBudget(Leaf, frozen=True):
    """How many nodes may be emptied at once; of several that hold, the least."""

    nodes: Annotated[
        str,
        described("A number, or a share of the pool's nodes.", {"pattern": r"^(\d{1,6}|\d{1,3}%)$"}, required=True),
    ] = ""
    schedule: Annotated[
        str, described("When it begins to hold, as cron writes it; always if not said.", {"maxLength": 128})
    ] = ""
    duration_minutes: Annotated[
        int, described("For how long it holds.", {"format": "int32", "minimum": 0, "maximum": 10_080})
    ] = 0
    time_zone: Annotated[
        str, described("An IANA time zone, such as Europe/Berlin.", {"maxLength": 64}, publish_default=True)
    ] = "UTC"

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "(has(self.schedule) && self.schedule != '') == (has(self.durationMinutes) && self.durationMinutes > 0)",
            "schedule and durationMinutes belong together",
        ),
    )


class Consolidation(Leaf, frozen=True):
    """When nodes are emptied and given back."""

    mode: Annotated[
        str,
        described(
            "WhenWorthIt moves pods if that saves more than it costs; WhenEmpty moves none; Recommend only says what "
            "it would do; Never keeps every node.",
            {"enum": [WHEN_WORTH_IT, WHEN_EMPTY, RECOMMEND, NEVER]},
            publish_default=True,
        ),
    ] = WHEN_WORTH_IT
    after_seconds: Annotated[
        int, described("For how long a node could have been spared before it is.", _SECONDS, publish_default=True)
    ] = 300
    min_lifetime_seconds: Annotated[
        int, described("No node is given back that is younger.", _SECONDS, publish_default=True)
    ] = 600
    drain_seconds: Annotated[
        int,
        described(
            "Not empty after this long, it takes pods again.",
            _SECONDS | {"minimum": 30},
            publish_default=True,
        ),
    ] = 900
    move_cost: Annotated[
        Quantity, described("What moving one ordinary pod may cost, in the currency of prices.", publish_default=True)
    ] = "10m"
    payback_hours: Annotated[
        int,
        described(
            "Within how many hours the saving must have paid for the moves.",
            {"format": "int32", "minimum": 1, "maximum": 720},
            publish_default=True,
        ),
    ] = 4
    budgets: Annotated[
        tuple[DisruptionBudget, ...],
        described("How many nodes at once; 10% if nothing is said.", {"maxItems": 16}, atomic=True),
    ] = ()


class NodePoolSpec(Leaf, frozen=True):
    """The pool's nodes."""

    node_selector: Annotated[
        Mapping[str, str],
        described("The labels of the pool's nodes, which new ones are given.", {"minProperties": 1}, required=True),
    ] = EMPTY
    types: Annotated[
        tuple[NodeType, ...],
        described("What can be had.", {"minItems": 1, "maxItems": 64}, required=True, list_map_keys=("name",)),
    ] = ()
    min: Annotated[int, described("At least so many nodes.", _COUNT, publish_default=True)] = 0
    max: Annotated[int, described("At most so many nodes.", _COUNT, required=True)] = 0
    weight: Annotated[
        int, described("Of several pools, that of the highest weight is tried first.", {"format": "int32"})
    ] = 0
    taints: Annotated[tuple[NodeTaint, ...], described("Taints of new nodes.", {"maxItems": 16}, atomic=True)] = ()
    headroom: Annotated[tuple[Headroom, ...], described("Room that is kept free.", {"maxItems": 16}, atomic=True)] = ()
    startup_seconds: Annotated[
        int,
        described("After this long a node is waited for no longer.", _SECONDS, publish_default=True),
    ] = 900
    consolidation: Annotated[Consolidation, described("When nodes are given back.", publish_default=False)] = (
        Consolidation()
    )

    RULES: ClassVar[tuple[Rule, ...]] = (Rule("self.min <= self.max", "min is at most max", ".min"),)


class NodePoolStatus(Leaf, frozen=True):
    """What there is, and what was last decided."""

    nodes: Annotated[int, described("The pool's nodes.", {"format": "int32"})] = 0
    coming: Annotated[int, described("Nodes that were asked for and are not there.", {"format": "int32"})] = 0
    emptying: Annotated[int, described("Nodes that are being emptied.", {"format": "int32"})] = 0
    hourly_cost: Annotated[str, described("What the nodes cost an hour.")] = ""
    observed_generation: Annotated[int, described("The generation this speaks of.", {"format": "int64"})] = 0
    conditions: Annotated[tuple[Condition, ...], described("Ready, Consolidated.", list_map_keys=("type",))] = ()


class NodePool(KubeObject, frozen=True, kw_only=True):
    """Nodes that come when pods wait, and go when that saves more than it costs."""

    spec: Annotated[NodePoolSpec, described("What is wanted.", required=True)] = NodePoolSpec()
    status: Annotated[NodePoolStatus, described("What there is.")] = NodePoolStatus()


NODE_POOLS: Resource[NodePool] = Resource(
    "kubewright.dev", "v1alpha1", "nodepools", "NodePool", NodePool, namespaced=False
)
NODE_POOL_CRD: Manifest
__getattr__ = generated_later(
    "NODE_POOL_CRD",
    CrdSpec(
        NODE_POOLS,
        columns=(
            PrinterColumn("Nodes", "integer", ".status.nodes", "The pool's nodes."),
            PrinterColumn("Coming", "integer", ".status.coming", "Nodes that were asked for and are not there."),
            PrinterColumn("Emptying", "integer", ".status.emptying", "Nodes that are being emptied."),
            PrinterColumn("Hourly", "string", ".status.hourlyCost", "What the nodes cost an hour."),
            ready_column("Whether it does its work."),
            AGE,
        ),
    ),
)


def problems(pool: NodePool) -> tuple[str, ...]:
    """Say what is wrong with a pool, at which field; also what no schema can tell."""
    return (*violations(pool.spec, "spec"), *_contradictions(pool.spec))


def _contradictions(spec: NodePoolSpec) -> Iterator[str]:
    if spec.min > spec.max:
        yield "spec.min: is at most max"
    for index, each in enumerate(spec.types):
        at = f"spec.types[{index}]"
        yield from _of_amount(each.price, f"{at}.price")
        yield from _of_amounts(each.allocatable, f"{at}.allocatable")
        if each.price in {0, "0"}:
            yield f"{at}.price: an hour costs something"
        if not {"cpu", "memory"} <= each.allocatable.keys():
            yield f"{at}.allocatable: say cpu and memory at least"
    for index, room in enumerate(spec.headroom):
        yield from _of_amounts(room.requests, f"spec.headroom[{index}].requests")
    yield from _of_amount(spec.consolidation.move_cost, "spec.consolidation.moveCost")
    for index, budget in enumerate(spec.consolidation.budgets):
        yield from _of_budget(budget, f"spec.consolidation.budgets[{index}]")


def _of_amount(amount: Quantity, at: str) -> Iterator[str]:
    try:
        if parse_quantity(amount) < 0:
            yield f"{at}: is not negative"
    except ValueError as error:
        yield f"{at}: {error}"


def _of_amounts(named: Mapping[str, Quantity], at: str) -> Iterator[str]:
    for name, amount in named.items():
        yield from _of_amount(amount, f"{at}[{name}]")


def _of_budget(budget: DisruptionBudget, at: str) -> Iterator[str]:
    if bool(budget.schedule) != bool(budget.duration_minutes):
        yield f"{at}: schedule and durationMinutes belong together"
    try:
        if budget.schedule:
            parse_cron(budget.schedule)
    except ValueError as error:
        yield f"{at}.schedule: {error}"
    try:
        load_zone(budget.time_zone)
    except ValueError as error:
        yield f"{at}.timeZone: {error}"
