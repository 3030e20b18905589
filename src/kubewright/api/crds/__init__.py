"""Custom resource definitions, each generated from its typed class. `all_crds` is the list of them.

A definition is generated when it is asked for, which takes milliseconds each: all are imported only for all.
"""

from __future__ import annotations

from kubewright.api.meta import Manifest


def all_crds() -> list[Manifest]:
    """Return the manifest of every CRD that kubewright serves; for `kubewright crds` and for installing them."""
    from kubewright.api.crds.appservice import APP_SERVICE_CRD
    from kubewright.api.crds.audithead import AUDIT_HEAD_CRD
    from kubewright.api.crds.auditrecord import AUDIT_RECORD_CRD
    from kubewright.api.crds.disruptionledger import DISRUPTION_LEDGER_CRD
    from kubewright.api.crds.disruptionlimit import DISRUPTION_LIMIT_CRD
    from kubewright.api.crds.gpupolicy import GPU_POLICY_CRD
    from kubewright.api.crds.healingpolicy import HEALING_POLICY_CRD
    from kubewright.api.crds.incident import INCIDENT_CRD
    from kubewright.api.crds.nodepool import NODE_POOL_CRD
    from kubewright.api.crds.notificationchannel import NOTIFICATION_CHANNEL_CRD
    from kubewright.api.crds.platformpolicy import PLATFORM_POLICY_CRD
    from kubewright.api.crds.queue import QUEUE_CRD
    from kubewright.api.crds.scalepolicy import SCALE_POLICY_CRD
    from kubewright.api.crds.sizepolicy import SIZE_POLICY_CRD
    from kubewright.api.crds.team import TEAM_CRD

    return [
        APP_SERVICE_CRD,
        AUDIT_HEAD_CRD,
        AUDIT_RECORD_CRD,
        DISRUPTION_LEDGER_CRD,
        DISRUPTION_LIMIT_CRD,
        GPU_POLICY_CRD,
        HEALING_POLICY_CRD,
        INCIDENT_CRD,
        NODE_POOL_CRD,
        NOTIFICATION_CHANNEL_CRD,
        PLATFORM_POLICY_CRD,
        QUEUE_CRD,
        SCALE_POLICY_CRD,
        SIZE_POLICY_CRD,
        TEAM_CRD,
    ]
