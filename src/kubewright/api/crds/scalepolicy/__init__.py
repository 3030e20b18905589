"""ScalePolicy: how many pods a workload has, by what it does, what the hour is, and what is coming."""

from __future__ import annotations

from kubewright.api.crds.scalepolicy import policy
from kubewright.api.crds.scalepolicy.metrics import (
    GpuGoal,
    LatencyGoal,
    PolicyMetric,
    QueryGoal,
    QueueGoal,
    RequestsGoal,
    ResourceGoal,
)
from kubewright.api.crds.scalepolicy.policy import (
    SCALE_POLICIES,
    MetricStatus,
    ScalePolicy,
    ScalePolicySpec,
    ScalePolicyStatus,
    problems,
)
from kubewright.api.crds.scalepolicy.rules import (
    ADOPT,
    LEAVE,
    PREDICTIVE,
    REACTIVE,
    RECOMMEND,
    SHADOW,
    Behavior,
    BehaviorRules,
    BehaviorStep,
    Fallback,
    ScaleSchedule,
)
from kubewright.api.meta import Manifest

SCALE_POLICY_CRD: Manifest
__getattr__ = policy.__getattr__  # it is generated when it is asked for

__all__ = [
    "ADOPT",
    "LEAVE",
    "PREDICTIVE",
    "REACTIVE",
    "RECOMMEND",
    "SCALE_POLICIES",
    "SCALE_POLICY_CRD",
    "SHADOW",
    "Behavior",
    "BehaviorRules",
    "BehaviorStep",
    "Fallback",
    "GpuGoal",
    "LatencyGoal",
    "MetricStatus",
    "PolicyMetric",
    "QueryGoal",
    "QueueGoal",
    "RequestsGoal",
    "ResourceGoal",
    "ScalePolicy",
    "ScalePolicySpec",
    "ScalePolicyStatus",
    "ScaleSchedule",
    "problems",
]
