"""A replay's report as one HTML file: it loads nothing, and its charts are drawn into it. Needs matplotlib."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from kubewright.cli.replaytext import beside, causes, names, spread, told

# Matplotlib's own annotations leave too much open for strict types: its objects are Any here.
_SETTINGS: dict[Any, Any] = {"svg.hashsalt": "kubewright", "svg.fonttype": "none", "font.size": 9.0}
_COLOURS = ("tab:blue", "tab:orange")
_STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0}th,td{text-align:left;padding:.2rem 1rem .2rem 0;vertical-align:top}
th{border-bottom:1px solid}section{margin:2rem 0}.met{color:#0a7a33}.missed{color:#b3261e}small{opacity:.8}
figure{margin:1rem 0;background:#fff;border-radius:4px}svg{width:100%;height:auto}
"""


def page(document: dict[str, Any]) -> str:
    """Return the report; the same document gives the same bytes."""
    sides, size = document["sides"], document["size"]
    title = f"Replay: {document['source']}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(told(size))}.</p>",
        *(_outcome(each) for each in document["outcomes"]),
        _section("Both sides", _table(["", *names(sides)], beside(sides))),
        _section("Utilisation over the day", _figure(_utilisation(sides))),
        _section("Waiting", _figure(_waiting(sides))),
        _section("Deployments", _figure(_deployments(sides))),
        _section("Time to restore, by cause", _table(["", "times", *names(sides)], causes(sides))),
        _section("Teams", _table(["team", *(f"{each}: p50, p95, p99 s" for each in names(sides))], _teams(sides))),
    ]
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _section(title: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{content}</section>"


def _outcome(outcome: dict[str, Any]) -> str:
    word = "met" if outcome["met"] else "missed"
    return (
        f'<p><strong>{escape(outcome["name"])}</strong> <span class="{word}">{word}</span>: '
        f"{escape(outcome['text'])}.<br>"
        f"<small>{escape(outcome['counted'])}</small></p>"
    )


def _table(head: Iterable[str], body: Iterable[Sequence[str]]) -> str:
    heads = "".join(f"<th>{escape(each)}</th>" for each in head)
    lines = "".join(f"<tr>{''.join(f'<td>{escape(each)}</td>' for each in row)}</tr>" for row in body)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"


def _teams(sides: Sequence[dict[str, Any]]) -> Iterable[Sequence[str]]:
    for mine, theirs in zip(sides[0]["teams"], sides[1]["teams"], strict=True):
        yield mine["team"], *(spread(each["secondsToNode"]) for each in (mine, theirs))


def _figure(figure: Any) -> str:
    drawn = io.StringIO()
    untyped: Any = mpl
    with untyped.rc_context(_SETTINGS):
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    svg = drawn.getvalue()
    return f"<figure>{svg[svg.index('<svg') :]}</figure>"


def _hours(side: dict[str, Any], name: str) -> list[float]:
    return [number * side["series"]["everySeconds"] / 3600 for number in range(len(side["series"][name]))]


def _utilisation(sides: Sequence[dict[str, Any]]) -> Any:
    figure: Any = Figure(figsize=(12, 8), layout="constrained")
    units = {"cpu": "cores", "memory": "GiB", "gpu": "GPUs"}
    grid = figure.subplots(len(units), 2, sharex=True, sharey="row", squeeze=False)
    for row, (name, unit) in zip(grid, units.items(), strict=True):
        for axes, side in zip(row, sides, strict=True):
            allocated = f"{name} given" if name == "gpu" else f"{name} requested"
            for kind, colour in (
                (f"{name} provisioned", "silver"),
                (allocated, "tab:orange"),
                (f"{name} used", "tab:blue"),
            ):
                axes.fill_between(_hours(side, kind), side["series"][kind], color=colour, alpha=0.6, label=kind)
            axes.set(ylabel=unit, title=f"{side['configuration']['name']}: {name}", ylim=(0, None), xlim=(0, None))
            axes.legend(loc="lower right")
    for axes in grid[-1]:
        axes.set_xlabel("hour of the day")
    return figure


def _waiting(sides: Sequence[dict[str, Any]]) -> Any:
    figure: Any = Figure(figsize=(12, 5), layout="constrained")
    above, below = figure.subplots(2, 1)
    for side, colour, shift in zip(sides, _COLOURS, (-0.2, 0.2), strict=True):
        name = side["configuration"]["name"]
        above.plot(_hours(side, "pods waiting"), side["series"]["pods waiting"], color=colour, label=name)
        waits = [each["secondsToNode"]["p95"] or 0.0 for each in side["teams"]]
        below.bar([place + shift for place in range(len(waits))], waits, width=0.4, color=colour, label=name)
    above.set(ylabel="pods", title="Pods that wait for a node", xlabel="hour of the day", ylim=(0, None))
    below.set(ylabel="s", title="Seconds to a node by team, 95th percentile", xlabel="team")
    below.set_yscale("symlog", linthresh=1.0)
    above.legend()
    below.legend()
    return figure


def _deployments(sides: Sequence[dict[str, Any]]) -> Any:
    figure: Any = Figure(figsize=(12, 3), layout="constrained")
    axes = figure.subplots()
    hours = list(range(24))
    axes.bar(hours, sides[0]["deployments"]["byHour"], color="silver", label="deployments")
    for side, colour, shift in zip(sides, _COLOURS, (-0.2, 0.2), strict=True):
        name = f"{side['configuration']['name']}: failed"
        at = [hour + shift for hour in hours]
        axes.bar(at, side["deployments"]["failedByHour"], width=0.4, color=colour, label=name)
    axes.set(ylabel="an hour", xlabel="hour of the day", title="Deployments, and those that failed")
    axes.legend()
    return figure
