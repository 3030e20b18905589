"""Answers and effects as documents, for `-o json` and `-o yaml` and whoever shows them: stable, amounts as text."""

from __future__ import annotations

from math import isinf

from kubewright.api.meta import Manifest
from kubewright.api.resources import write_amount
from kubewright.explain.answers import Answer, Waiting
from kubewright.explain.eta import INTERVAL, Eta
from kubewright.explain.teams import Held
from kubewright.explain.whatif import Effect, Use
from kubewright.explain.why import Explanation, Remedy
from kubewright.placement.diagnosis import Diagnosis


def explanations(answer: Answer, target: str) -> Manifest:
    """Return an answer as one document."""
    return {
        "apiVersion": "kubewright.dev/v1alpha1",
        "kind": "Explanation",
        "target": target,
        "well": answer.is_well,
        "pods": [_waiting(each) for each in answer.waiting],
        "unexplainedPods": answer.unexplained,
        "placedPods": [
            {"namespace": each.metadata.namespace, "name": each.metadata.name, "node": each.spec.node_name}
            for each in answer.placed
        ],
        "unmade": [
            {
                "owner": each.owner,
                "count": each.count,
                "quotas": [
                    {
                        "name": short.quota.name,
                        "resource": short.resource,
                        "text": str(short),
                    }
                    for short in each.shortages
                ],
            }
            for each in answer.unmade
        ],
    }


def _waiting(waiting: Waiting) -> Manifest:
    place = waiting.place
    return {
        "namespace": waiting.pod.metadata.namespace,
        "name": waiting.pod.metadata.name,
        "scheduler": waiting.pod.spec.scheduler_name,
        "priority": waiting.pod.spec.priority,
        "waitedSeconds": round(waiting.seconds),
        "told": waiting.told,
        "place": None if place is None else {"ahead": place.ahead, "waiting": place.waiting},
        "eta": None if waiting.eta is None else _eta(waiting.eta),
        "queue": None if waiting.held is None else _held(waiting.held),
        **_explanation(waiting.explanation),
    }


def _held(held: Held) -> Manifest:
    return {"name": held.queue, "why": held.why, "borrowers": list(held.borrowers), "helps": list(held.helps)}


def _eta(eta: Eta) -> Manifest:
    """Return an ETA in seconds from now; null for what is not in sight."""
    low, middle, high = (None if isinf(each) else round(each) for each in (eta.low, eta.middle, eta.high))
    return {"lowSeconds": low, "seconds": middle, "highSeconds": high, "interval": INTERVAL, "knownToEnd": eta.known}


def _explanation(explanation: Explanation) -> Manifest:
    diagnosis = explanation.diagnosis
    return {
        "fits": diagnosis is None,
        "node": explanation.node,
        "message": explanation.message,
        "hint": explanation.hint,
        "diagnosis": None if diagnosis is None else _diagnosis(diagnosis),
        "impossible": list(explanation.impossible),
        "taints": [{"taint": text, "nodes": count} for text, count in explanation.taints],
        "remedies": [_remedy(each) for each in explanation.remedies],
    }


def _diagnosis(diagnosis: Diagnosis) -> Manifest:
    return {
        "nodes": diagnosis.n_nodes,
        "problem": diagnosis.problem,
        "filters": [
            {
                "filter": each.filter,
                "nodes": each.n_nodes,
                "alone": each.n_alone,
                "reasons": [{"reason": text, "nodes": count} for text, count in each.reasons],
            }
            for each in diagnosis.refusals
        ],
    }


def _remedy(remedy: Remedy) -> Manifest:
    change = remedy.change
    said = {"kind": change.kind, "cost": round(change.cost, 2), "text": str(change), "node": remedy.node}
    return said | change.details


def effect_document(effect: Effect) -> Manifest:
    """Return what changes would do as one document."""
    return {
        "apiVersion": "kubewright.dev/v1alpha1",
        "kind": "Effect",
        "harms": effect.harms,
        "nodes": {"before": effect.nodes[0], "after": effect.nodes[1]},
        "placed": [{"pod": str(key), "node": node} for key, node in effect.placed],
        "moved": [{"pod": str(key), "from": old, "to": new} for key, old, new in effect.moved],
        "lost": [{"pod": str(key), "why": why} for key, why in effect.lost],
        "evicted": [{"pod": str(key), "by": str(by)} for key, by in effect.evicted],
        "waiting": [{"pod": str(key), "why": why} for key, why in effect.waiting],
        "unmade": [
            {"namespace": namespace, "owner": owner, "count": count} for namespace, owner, count in effect.unmade
        ],
        "untried": effect.untried,
        "utilisation": [
            {"resource": name, "before": _use(name, before), "after": _use(name, after)}
            for name, before, after in effect.uses
        ],
    }


def _use(name: str, use: Use) -> Manifest:
    return {
        "requested": write_amount(name, use.requested),
        "offered": write_amount(name, use.offered),
        "share": round(use.share, 4),
    }
