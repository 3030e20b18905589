"""What the dashboard's own account may: read what it shows, and ask the cluster who somebody is and what they may.

It writes nothing as itself. A verb that it comes to use is added here; a test runs it as this account.
"""

from __future__ import annotations

from kubewright.api.meta import Manifest
from kubewright.api.rights import WATCH, rule
from kubewright.dashboard.world import READ
from kubewright.runtime.diagnostics import gatekeeper

ACCOUNT = "kubewright-dashboard"


def cluster_rules() -> list[Manifest]:
    """Return the rights in every namespace."""
    return [*(rule(each, WATCH) for each in READ), *gatekeeper.cluster_rules()]
