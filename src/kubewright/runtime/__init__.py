"""Mechanism: watch, cache, queue, reconcile, lead, report. It knows no feature.

The names below are for operators of one's own, too, and stay (docs/operators.md); so do those of `kubewright.api`.
"""

from __future__ import annotations

from kubewright.runtime.children import Children, get_or_none
from kubewright.runtime.controller import Controller, Done, Reconciler, RequeueAfter
from kubewright.runtime.events import EventRecorder
from kubewright.runtime.informer import Change, Informer
from kubewright.runtime.leader import LeaderElector
from kubewright.runtime.metrics import RuntimeMetrics
from kubewright.runtime.operators import Operator, Watch
from kubewright.runtime.plans import Executor
from kubewright.runtime.sharding import Shard
from kubewright.runtime.workqueue import WorkQueue

__all__ = [
    "Change",
    "Children",
    "Controller",
    "Done",
    "EventRecorder",
    "Executor",
    "Informer",
    "LeaderElector",
    "Operator",
    "Reconciler",
    "RequeueAfter",
    "RuntimeMetrics",
    "Shard",
    "Watch",
    "WorkQueue",
    "get_or_none",
]
