"""The one list of dashboards."""

from __future__ import annotations

from kubewright.monitoring.dashboards.applications import APPLICATION
from kubewright.monitoring.dashboards.cost import COST
from kubewright.monitoring.dashboards.fleet import FLEET
from kubewright.monitoring.dashboards.gpus import GPU_BOARD
from kubewright.monitoring.dashboards.healing import HEALING
from kubewright.monitoring.dashboards.namespaces import NAMESPACE_BOARD
from kubewright.monitoring.dashboards.nodes import NODE_BOARD
from kubewright.monitoring.dashboards.scaling import AUTOSCALING
from kubewright.monitoring.dashboards.scheduling import SCHEDULER

BOARDS = (FLEET, NODE_BOARD, NAMESPACE_BOARD, APPLICATION, SCHEDULER, GPU_BOARD, AUTOSCALING, HEALING, COST)
