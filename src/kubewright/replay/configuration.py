"""How a cluster is run in a replay: two of these are compared. `stock` is Kubernetes as it comes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kubewright.errors import ErrorKind, OpError
from kubewright.placement.policy import COST, GPU, PACK, SPREAD, Policy

PROFILES = {"spread": SPREAD, "pack": PACK, "cost": COST, "gpu": GPU}
_SWITCHES = ("sizes", "nodes", "gangs", "shares", "queues", "healing", "delivery")
_SWITCH = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class Configuration:
    """What can be chosen; each has its word in `--policy`."""

    name: str
    profile: str
    scaling: str
    """`forecast`, or `hpa:N`: per cent of the cpu requested."""
    sizes: bool
    """Whether containers request what they use, as a SizePolicy has them, or what their owners once wrote."""
    nodes: bool
    """Whether nodes that can be emptied are given back, and come again when pods wait."""
    gangs: bool
    """Whether gangs are placed whole or not at all."""
    shares: bool
    """Whether parts of GPUs can be had."""
    queues: bool
    """Whether each team has a Queue, with what is its own, or all pods wait in one line."""
    healing: bool
    delivery: bool
    """Whether applications are AppServices, or Deployments and whatever else, written by hand."""
    scheduling_seconds: float
    """How long the scheduler is busy with one pod: its processor time in docs/benchmarks.md."""

    def policy(self, *, gpus: bool) -> Policy:
        """Return what pods are placed by; where GPUs are shared, those with some by what that costs others."""
        return GPU if gpus and self.shares else PROFILES[self.profile]

    @property
    def target(self) -> float | None:
        """Return the use at which autoscalers aim, as a share; None for a forecast."""
        return None if self.scaling == "forecast" else float(self.scaling.partition(":")[2]) / 100

    def document(self) -> dict[str, str | bool]:
        """Return it as plain data."""
        return {
            "name": self.name,
            "profile": self.profile,
            "scaling": self.scaling,
            **{each: getattr(self, each) for each in _SWITCHES},
        }


OURS = Configuration(
    "ours",
    profile="pack",
    scaling="forecast",
    sizes=True,
    nodes=True,
    gangs=True,
    shares=True,
    queues=True,
    healing=True,
    delivery=True,
    scheduling_seconds=0.0020,
)
STOCK = Configuration(
    "stock",
    profile="spread",
    scaling="hpa:70",
    sizes=False,
    nodes=False,
    gangs=False,
    shares=False,
    queues=False,
    healing=False,
    delivery=False,
    scheduling_seconds=0.0054,
)
NAMED = {each.name: each for each in (OURS, STOCK)}


def read_configuration(text: str) -> Configuration:
    """Read `ours`, `stock`, or one of them with changes: `ours,sizes=no,scaling=hpa:60`. Raises OpError."""
    base, *changes = text.split(",")
    if base not in NAMED:
        raise _wrong(text, f"begins with one of {', '.join(NAMED)}")
    found = NAMED[base]
    for change in changes:
        word, _, value = change.partition("=")
        found = _changed(found, text, word, value)
    return replace(found, name=text)


def _changed(found: Configuration, text: str, word: str, value: str) -> Configuration:
    if word == "profile":
        if value not in PROFILES:
            raise _wrong(text, f"profile is one of {', '.join(PROFILES)}")
        return replace(found, profile=value)
    if word == "scaling":
        kind, _, target = value.partition(":")
        good = value == "forecast" or (kind == "hpa" and target.isdecimal() and 0 < int(target) <= 100)  # noqa: PLR2004
        if not good:
            raise _wrong(text, "scaling is forecast, or hpa:N with N per cent")
        return replace(found, scaling=value)
    if word not in _SWITCHES:
        raise _wrong(text, f"{word or 'nothing'} is not among profile, scaling, {', '.join(sorted(_SWITCHES))}")
    if value not in _SWITCH:
        raise _wrong(text, f"{word} is yes or no")
    return replace(found, **{word: _SWITCH[value]})


def _wrong(text: str, why: str) -> OpError:
    return OpError("replay", ErrorKind.INVALID, f"policy {text}", why)
