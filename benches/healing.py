"""Every drill, several seeds each, by the platform and by stock controllers alone, on the twin under virtual time.

Times count from the fault. Detected is when an Incident is there, decided when something is first done, restored when
service is back for good; a cause is wrong that is not among the drill's right answers, and an action one on a healthy
thing that hits what the drill did not. Controls look like faults and are none: any action there is one too many.
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from typing import Any

from benches.report import Result, compared, report, result
from kubewright.drills.catalogue import DRILLS
from kubewright.drills.drill import Drill, Outcome
from kubewright.drills.staged import play

DETECTED_PERCENT, RIGHT_PERCENT, MENDED_PERCENT = 95.0, 90.0, 80.0
MEDIAN_SECONDS, P95_SECONDS = 30.0, 120.0
NEVER = float("inf")
STOCK = "stock controllers"


@dataclass(frozen=True, slots=True)
class Turn:
    """One drill with one seed, both ways."""

    ours: Outcome
    stock: Outcome


def played(name: str, seed: int) -> tuple[Any, Any]:
    """Live through a drill both ways; outcomes come without their drill, which is code and stays where it is."""
    drill = DRILLS[name]
    pair = play(drill, healed=True, seed=seed), play(drill, healed=False, seed=seed)
    ours, stock = ({each.name: getattr(one, each.name) for each in fields(one) if each.name != "drill"} for one in pair)
    return ours, stock


def line(turn: Turn) -> str:
    """Say in a line what became of a drill."""
    ours, drill = turn.ours, turn.ours.drill
    told = [f"{drill.name}:"]
    if drill.is_control:
        told.append("left alone" if ours.mended else f"NOT LEFT ALONE: {', '.join(ours.actions) or 'not well'}")
    else:
        told += [f"detected {at(ours.detected)},", f"right cause {at(ours.diagnosed)},", f"acted {at(ours.acted)},"]
        told += [f"restored {at(ours.restored)}," if ours.hurt else "service never gone,"]
        told.append("mended" if ours.mended else "told a person" if ours.escalated is not None else "NOT MENDED")
    if ours.wrong:
        told.append(f"wrong: {', '.join(sorted(ours.wrong))}")
    if ours.strangers and not drill.is_control:
        told.append(f"touched what was healthy: {', '.join(sorted(ours.strangers))}")
    told.append(f"| stock: {f'restored {at(turn.stock.restored)}' if turn.stock.hurt else 'never gone'}")
    return " ".join(told)


def at(seconds: float | None) -> str:
    """Write a time."""
    return "never" if seconds is None else f"{seconds:.0f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="", help="drills whose name holds this")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    names = [name for name in DRILLS if options.only in name]
    plan = [(name, seed) for name in names for seed in range(1, options.seeds + 1)]
    turns: list[Turn] = []
    with ProcessPoolExecutor(options.jobs) as pool:
        for (name, _), (ours, stock) in zip(plan, pool.map(played, *zip(*plan, strict=True)), strict=True):
            turn = Turn(Outcome(DRILLS[name], **ours), Outcome(DRILLS[name], **stock))
            turns.append(turn)
            print(line(turn), flush=True)
    report("healing", results(turns))


def results(turns: Sequence[Turn]) -> list[Result]:
    """Return the figures over all drills, then those of each that was promised a time."""
    faults = [turn for turn in turns if not turn.ours.drill.is_control]
    controls = [turn.ours for turn in turns if turn.ours.drill.is_control]
    ours = [turn.ours for turn in faults]
    mendable = [each for each in ours if not each.drill.person]
    hurt = [turn for turn in faults if turn.ours.hurt and not turn.ours.drill.person]
    found = [
        result(
            "faults detected", "percent", [share(each.detected is not None for each in ours)], goal=DETECTED_PERCENT
        ),
        result(
            "right cause named", "percent", [share(each.diagnosed is not None for each in ours)], goal=RIGHT_PERCENT
        ),
        result("wrong causes named", "causes", [sum(len(each.wrong) for each in ours)]),
        result("mended without a person", "percent", [share(each.mended for each in mendable)], goal=MENDED_PERCENT),
        result(
            "actions on healthy things",
            "targets",
            [sum(len(each.strangers) for each in ours)],
            goal=0,
            less_is_better=True,
        ),
        result(
            "actions where nothing was wrong",
            "actions",
            [sum(len(each.actions) for each in controls)],
            goal=0,
            less_is_better=True,
        ),
    ]
    if hurt:
        restored = sorted(NEVER if turn.ours.restored is None else turn.ours.restored for turn in hurt)
        found.append(timed("restored, median", statistics.median(restored), MEDIAN_SECONDS))
        found.append(timed("restored, 95th percentile", restored[int(0.95 * (len(restored) - 1))], P95_SECONDS))
    found += beside_stock(hurt)
    by_drill: dict[str, list[Turn]] = {}
    for turn in hurt:
        by_drill.setdefault(turn.ours.drill.name, []).append(turn)
    return found + [of_drill(DRILLS[name], those) for name, those in by_drill.items()]


def beside_stock(turns: Sequence[Turn]) -> list[Result]:
    """Return in how many lives service came back with nobody's help, and how much sooner where it does both ways.

    A life is watched for ten minutes: what stock controllers never mend lasts until a person has, which is not timed.
    """
    gone = [turn for turn in turns if turn.stock.hurt]
    pairs = [(turn.ours.restored, turn.stock.restored) for turn in gone]
    both = [stock / ours for ours, stock in pairs if ours and stock is not None]
    theirs = share(turn.stock.restored is not None for turn in gone)
    note = f"{STOCK}: {theirs:g} %"
    back = [share(turn.ours.restored is not None for turn in gone)]
    found = [result("service back by itself, where both ways lose it", "percent", back, note=note)]
    return found + ([result("sooner, where both ways bring it back", "times", both)] if both else [])


def of_drill(drill: Drill, turns: Sequence[Turn]) -> Result:
    """Return how long it took to restore service, beside the stock controllers where they ever do."""
    ours = [NEVER if turn.ours.restored is None else turn.ours.restored for turn in turns]
    stock = [turn.stock.restored for turn in turns]
    case = f"restored: {drill.title}"
    if NEVER not in ours and None not in stock:
        peers = [each for each in stock if each is not None]
        return compared(case, "s", ours, peers, STOCK, less_is_better=True)
    never = "never" if any(turn.stock.hurt and turn.stock.restored is None for turn in turns) else "service never gone"
    return timed(case, statistics.median(ours), drill.goal_seconds, note=f"{STOCK}: {never}" if None in stock else "")


def timed(case: str, seconds: float, goal: float | None, *, note: str = "") -> Result:
    """Return a time against its goal; one that never came is None."""
    if seconds == NEVER:
        return Result(case, "s", None, None, note, None, None, goal, met=False, why_not="never")
    return result(case, "s", [seconds], goal=goal, less_is_better=True, note=note)


def share(held: Iterable[bool]) -> float:
    """Return of how many per cent it is so."""
    all_of_them = list(held)
    return round(100.0 * sum(all_of_them) / len(all_of_them), 1) if all_of_them else 100.0


if __name__ == "__main__":
    main()
