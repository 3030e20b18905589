"""What the server adds to nodes, namespaces, services and definitions, whoever makes them."""

from __future__ import annotations

from kubewright.twin.admission.attempt import Attempt
from kubewright.twin.admission.tolerations import NOT_READY
from kubewright.twin.crds import prepare_definition
from kubewright.twin.reading import as_dict, dicts
from kubewright.twin.services import admit_service


def taint_node(attempt: Attempt) -> None:
    """TaintNodesByCondition: a node begins as not ready."""
    if attempt.old is not None:
        return
    spec = attempt.obj["spec"] = attempt.spec
    taints = dicts(spec, "taints")
    if not any(taint.get("key") == NOT_READY and taint.get("effect") == "NoSchedule" for taint in taints):
        spec["taints"] = [*taints, {"key": NOT_READY, "effect": "NoSchedule"}]


def label_namespace(attempt: Attempt) -> None:
    """A namespace bears its name as a label, and is held until it is empty."""
    metadata = attempt.obj["metadata"]
    if attempt.old is None:
        attempt.obj["spec"] = {"finalizers": ["kubernetes"]}
    if metadata.get("name"):
        metadata["labels"] = {**as_dict(metadata.get("labels")), "kubernetes.io/metadata.name": metadata["name"]}


def address_service(attempt: Attempt) -> None:
    """A service gets its addresses and node ports."""
    admit_service(attempt.registry.addresses, attempt.kind, attempt.obj, attempt.old)


def prepare(attempt: Attempt) -> None:
    """A definition gets its names and versions completed."""
    prepare_definition(attempt.obj, attempt.old)


def settle_rules(attempt: Attempt) -> None:
    """No rules are stored as null, whoever wrote them: protobuf does not tell an empty list from none."""
    attempt.obj["rules"] = attempt.obj.get("rules") or None
