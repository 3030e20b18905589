"""Where the platform is in a cluster. This imports nothing: commands say it before they load anything."""

from __future__ import annotations

SYSTEM_NAMESPACE = "kubewright-system"
"""Of the services, of the node agents' leases, and of what is wrong with nodes and with the cluster."""
