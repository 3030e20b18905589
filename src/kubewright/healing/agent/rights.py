"""What the node agent takes: its own lease, the status of its node, and events. Nothing is listed or watched.

RBAC cannot hold an account to the node that it runs on; `own_node` does, by the node that the API server has written
into the agent's token.
"""

from __future__ import annotations

from kubewright.api.coordination import LEASES
from kubewright.api.core import EVENTS, NODES
from kubewright.api.meta import Manifest
from kubewright.api.nodeagent import NAMESPACE, PREFIX
from kubewright.api.rights import rule

ACCOUNT = "kubewright-node-agent"
_NODE = "request.userInfo.extra['authentication.kubernetes.io/node-name'][0]"


def cluster_rules() -> list[Manifest]:
    """Return the rights in the whole cluster."""
    return [rule(NODES, ("patch",), subresource="status"), rule(EVENTS, ("create", "patch"))]


def lease_rules() -> list[Manifest]:
    """Return those in the agents' namespace. Who applies an object that is not there yet creates it."""
    return [rule(LEASES, ("get", "create", "patch"))]


def own_node() -> list[Manifest]:
    """Return the policy that holds each agent to its own node, and its binding."""
    version = "admissionregistration.k8s.io/v1"
    user = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"

    def resources(group: str, plural: str) -> Manifest:
        return {"apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": [plural]}

    spec: Manifest = {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [resources("", "nodes/status"), resources("coordination.k8s.io", "leases")]
        },
        "matchConditions": [{"name": "an-agent", "expression": f"request.userInfo.username == '{user}'"}],
        "validations": [
            {
                "expression": f"object.metadata.name in [{_NODE}, '{PREFIX}' + {_NODE}]",
                "message": "a node agent writes of its own node alone",
            }
        ],
    }
    binding = {"policyName": ACCOUNT, "validationActions": ["Deny"]}
    return [
        {"apiVersion": version, "kind": f"ValidatingAdmissionPolicy{kind}", "metadata": {"name": ACCOUNT}, "spec": each}
        for kind, each in (("", spec), ("Binding", binding))
    ]
