"""Answers as documents, for `-o json` and `-o yaml` and whoever shows them: stable."""

from __future__ import annotations

from kubewright.api.meta import Manifest
from kubewright.reach.answers import Answer, Route
from kubewright.reach.ends import End
from kubewright.reach.verdict import Hop

PAIRS_AT_MOST = 200
"""Of a route more pairs than these are only counted."""


def answer_document(answer: Answer) -> Manifest:
    """Return an answer as one document."""
    question = answer.question
    return {
        "apiVersion": "kubewright.dev/v1alpha1",
        "kind": "Reachability",
        "source": question.source.name,
        "destination": question.destination.name,
        "port": question.port,
        "byName": question.by_name,
        "result": answer.reached.value,
        "routes": [_route(each) for each in answer.routes],
        "undecidedWays": answer.undecided,
        "notes": [*question.source.notes, *question.destination.notes],
        "remedy": list(answer.remedy),
        "unmended": list(answer.unmended),
    }


def _route(route: Route) -> Manifest:
    return {
        "port": route.port,
        "protocol": route.protocol,
        "arrivesAt": route.arrival,
        "verdict": route.verdict.value,
        "hops": [_hop(each) for each in route.hops],
        "count": len(route.pairs),
        "pairs": [{"source": str(source), "destination": _end(end)} for source, end in route.pairs[:PAIRS_AT_MOST]],
    }


def _end(end: End | None) -> str | None:
    return None if end is None else str(end)


def _hop(hop: Hop) -> Manifest:
    return {"stage": hop.stage, "verdict": hop.verdict.value, "rule": hop.rule, "detail": hop.detail}
