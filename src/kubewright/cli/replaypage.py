"""A replay's report as one HTML file: it loads nothing, and its charts are drawn into it. Needs matplotlib."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from kubewright.cli.replaytext import beside, causes, names, told

# Matplotlib's own annotations leave too much open for strict types: its objects are Any here.
_SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "kubewright",
    "svg.fonttype": "none",
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}
_COLOURS = ("#1f5fa8", "#d9730d")
"""Of the two sides."""
_LAYERS = {"provisioned": "#dcdfe4", "requested": "#f3bf74", "given": "#f3bf74", "used": "#1f5fa8"}
"""Of what nodes have, what pods request or are given of it, and what they use; the later in front."""
_HOURS = range(0, 25, 3)
_STYLE = """
:root{color-scheme:light dark;--line:#8886;--good:#0a7a33;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--good:#5bd68a;--bad:#ff8f85}}
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.25rem 1.5rem .25rem 0;vertical-align:top;border-bottom:1px solid var(--line)}
section{margin:2.5rem 0;overflow-x:auto}
article{border:1px solid var(--line);border-left:4px solid var(--bad);border-radius:4px}
article{padding:.1rem 1rem;margin:1rem 0}
article.met{border-left-color:var(--good)}
article h3 span{color:var(--bad);font-weight:normal}article.met h3 span{color:var(--good)}
summary{cursor:pointer}
figure{margin:1rem 0;padding:.5rem;background:#fff;border:1px solid var(--line);border-radius:4px}
svg{width:100%;height:auto}
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
        _section("Utilisation over the day", _figure(_utilisation, sides)),
        _section("Waiting", _figure(_waiting, sides)),
        _section("Deployments", _figure(_deployments, sides)),
        _section("Time to restore, by cause", _table(["", "times", *names(sides)], causes(sides))),
        _section("Seconds to a node, by team", _table(_heads_of_teams(sides), _teams(sides))),
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
        f'<article class="{word}"><h3>{escape(outcome["name"])} <span>goal {word}</span></h3>'
        f"<p>{escape(outcome['text'])}.</p>"
        f"<details><summary>How it is counted</summary><p>{escape(outcome['counted'])}</p></details></article>"
    )


def _table(head: Iterable[str], body: Iterable[Sequence[str]]) -> str:
    heads = "".join(f"<th>{escape(each)}</th>" for each in head)
    lines = "".join(f"<tr>{''.join(f'<td>{escape(each)}</td>' for each in row)}</tr>" for row in body)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"


_PERCENTILES = ("p50", "p95", "p99")


def _heads_of_teams(sides: Sequence[dict[str, Any]]) -> list[str]:
    return ["team", *(f"{name}: {each}" for name in names(sides) for each in _PERCENTILES)]


def _teams(sides: Sequence[dict[str, Any]]) -> Iterable[Sequence[str]]:
    for pair in zip(*(side["teams"] for side in sides), strict=True):
        waits = [each["secondsToNode"][percent] for each in pair for percent in _PERCENTILES]
        yield pair[0]["team"], *("-" if each is None else f"{each:,.2f}" for each in waits)


def _figure(draw: Callable[[Sequence[dict[str, Any]]], Any], sides: Sequence[dict[str, Any]]) -> str:
    drawn = io.StringIO()
    untyped: Any = mpl
    with untyped.rc_context(_SETTINGS):
        draw(sides).savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
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
            for kind in ("provisioned", "given" if name == "gpu" else "requested", "used"):
                series = side["series"][f"{name} {kind}"]
                axes.fill_between(_hours(side, f"{name} {kind}"), series, color=_LAYERS[kind], lw=0, label=kind)
            axes.set(ylabel=unit, title=f"{side['configuration']['name']}: {name}", ylim=(0, None))
            axes.margins(x=0)
    for axes in grid[-1]:
        axes.set(xlabel="hour of the day", xlim=(0, 24), xticks=_HOURS)
    handles, _ = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, ["provisioned", "requested (of GPUs: given)", "used"], loc="outside upper center", ncols=3)
    return figure


def _waiting(sides: Sequence[dict[str, Any]]) -> Any:
    figure: Any = Figure(figsize=(12, 6), layout="constrained")
    above, below = figure.subplots(2, 1)
    teams = range(len(sides[0]["teams"]))
    for side, colour, shift in zip(sides, _COLOURS, (-0.2, 0.2), strict=True):
        name = side["configuration"]["name"]
        above.plot(_hours(side, "pods waiting"), side["series"]["pods waiting"], color=colour, label=name)
        waits = [each["secondsToNode"]["p95"] or 0.0 for each in side["teams"]]
        below.bar([place + shift for place in teams], waits, width=0.4, color=colour, label=name)
    above.set(ylabel="pods", title="Pods that wait for a node", xlabel="hour of the day", ylim=(0, None))
    above.set(xlim=(0, 24), xticks=_HOURS)
    below.set(ylabel="s, logarithmic above 1", title="Seconds to a node by team, 95th percentile", xlabel="team")
    below.set(xlim=(-0.6, len(teams) - 0.4), xticks=teams[:: max(1, len(teams) // 25)])
    below.set_yscale("symlog", linthresh=1.0)
    above.legend()
    below.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _deployments(sides: Sequence[dict[str, Any]]) -> Any:
    figure: Any = Figure(figsize=(12, 3), layout="constrained")
    axes = figure.subplots()
    middles = [hour + 0.5 for hour in range(24)]
    axes.bar(middles, sides[0]["deployments"]["byHour"], width=0.9, color=_LAYERS["provisioned"], label="all")
    for side, colour, shift in zip(sides, _COLOURS, (-0.2, 0.2), strict=True):
        name = f"failed, {side['configuration']['name']}"
        at = [middle + shift for middle in middles]
        axes.bar(at, side["deployments"]["failedByHour"], width=0.4, color=colour, label=name)
    axes.set(ylabel="an hour", xlabel="hour of the day", title="Deployments, and those that failed")
    axes.set(xlim=(0, 24), xticks=_HOURS)
    axes.legend()
    return figure
