"""What pods have of their own: binding to a node, and eviction."""

from __future__ import annotations

import msgspec

from kubewright.api.meta import Manifest
from kubewright.client.transport import Response
from kubewright.twin import status
from kubewright.twin.admission import review, topology
from kubewright.twin.admission.operation import Operation
from kubewright.twin.answers import document
from kubewright.twin.call import Call
from kubewright.twin.deletion import check_preconditions, delete
from kubewright.twin.media import private_copy
from kubewright.twin.options import WriteOptions, delete_options, write_options
from kubewright.twin.reading import as_dict, dicts, text
from kubewright.twin.registry import Target
from kubewright.twin.subresources.budgets import draw
from kubewright.twin.validation.decoding import type_error
from kubewright.twin.validation.fields import required
from kubewright.twin.verbs.writing import check_uid

_CREATED = 201


def bind(call: Call) -> Response:
    """Put a pod on a node, once; the scheduler's only way to do so."""
    options = write_options(call.query, call.headers, kind="CreateOptions")
    binding = _typed(call, "Binding", "io.k8s.api.core.v1.Binding")
    node = text(binding, "target", "name")
    if not node:
        raise status.StatusError(500, "", str(required("target.name")))
    metadata = binding["metadata"] = as_dict(binding.get("metadata"))
    if text(binding, "target", "kind") == "Node":
        topology.label(call.registry, metadata, node)

    check_uid(call, text(metadata, "uid"))
    review(call.registry, Operation("CREATE", call.target, binding, None, options.given, options.dry_run))

    def change(old: Manifest) -> Manifest:
        present = text(old, "spec", "nodeName")
        if "deletionTimestamp" in old["metadata"]:
            raise status.conflict(
                call.kind, call.name, f"pod {call.name} is being deleted, cannot be assigned to a host"
            )
        if present:
            raise status.conflict(
                call.kind,
                call.name,
                f'pod {call.name} is already assigned to node "{present}"',
                resource="pods/binding",
            )
        if dicts(old, "spec", "schedulingGates"):
            problem = f"pod {call.name} has non-empty .spec.schedulingGates"
            raise status.conflict(call.kind, call.name, problem, resource="pods/binding")
        obj = private_copy(old)
        obj["metadata"].setdefault("annotations", {}).update(as_dict(metadata.get("annotations")))
        if not obj["metadata"]["annotations"]:
            del obj["metadata"]["annotations"]
        if as_dict(metadata.get("labels")):
            obj["metadata"]["labels"] = {**as_dict(obj["metadata"].get("labels")), **metadata["labels"]}
        obj["spec"]["nodeName"] = node
        _add_condition(obj, {"type": "PodScheduled", "status": "True", "lastTransitionTime": call.registry.stamp()})
        return obj

    # A binding has no field manager: the scheduler does not own the node's name.
    call.registry.update(call.target, change, msgspec.structs.replace(options, asks=False), tracked=True)
    return document({**status.success(), "code": _CREATED}, _CREATED)


def _typed(call: Call, kind: str, definition: str) -> Manifest:
    """Read a body of a kind that no resource is of; raises 400."""
    body = call.manifest(kind)
    problem = type_error(body, definition)
    if problem:
        raise status.bad_request(f'{kind} in version "v1" cannot be handled as a {kind}: {problem}')
    return body


def _add_condition(pod: Manifest, condition: Manifest) -> None:
    pod_status = pod.setdefault("status", {})
    others = [each for each in dicts(pod_status, "conditions") if each.get("type") != condition["type"]]
    pod_status["conditions"] = [*others, {"lastProbeTime": None, **condition}]


def evict(call: Call) -> Response:
    """Delete a pod as an eviction asks, within its disruption budget."""
    eviction = _typed(call, "Eviction", "io.k8s.api.policy.v1.Eviction")
    if text(eviction, "metadata", "name") not in {"", call.name}:
        raise status.bad_request("name in URL does not match name in Eviction object")
    body = as_dict(eviction.get("deleteOptions"))
    dry_run = {"dryRun": [call.query["dryRun"]]} if call.query.get("dryRun") else {}
    options = delete_options({}, {**body, **dry_run, "kind": "DeleteOptions"})
    target = Target(call.kind, call.namespace, call.name)
    record = call.registry.read(target)
    check_preconditions(target, record, options)
    given = write_options(call.query, call.headers, kind="CreateOptions").given
    review(call.registry, Operation("CREATE", call.target, eviction, None, given, options.dry_run))
    draw(call, record.obj, dry_run=options.dry_run)
    if not options.dry_run:
        call.registry.update(call.target, lambda old: _disrupted(call, old), WriteOptions(asks=False), tracked=True)
    # The version was checked before the condition was written, which changed it.
    delete(call.registry, target, msgspec.structs.replace(options, resource_version="", asks=False))
    return document({**status.success(), "code": _CREATED}, _CREATED)


def _disrupted(call: Call, old: Manifest) -> Manifest:
    """Say on the pod why it goes; what is on its way already is left as it is."""
    obj = private_copy(old)
    condition = {"type": "DisruptionTarget", "status": "True", "lastTransitionTime": call.registry.stamp()}
    present = next((each for each in dicts(obj, "status", "conditions") if each["type"] == condition["type"]), None)
    if present is None or present.get("status") != "True":
        _add_condition(obj, {**condition, "reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting"})
    return obj
