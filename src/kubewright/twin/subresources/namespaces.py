"""finalize: how the namespace controller says that a namespace is empty."""

from __future__ import annotations

from kubewright.api.meta import Manifest
from kubewright.client.transport import Response
from kubewright.twin.answers import one
from kubewright.twin.call import Call
from kubewright.twin.media import private_copy
from kubewright.twin.options import write_options
from kubewright.twin.reading import as_dict, as_list
from kubewright.twin.verbs.writing import accepted, check_name, check_uid


def finalize(call: Call) -> Response:
    """Replace a namespace's spec.finalizers; without any left, a deleted namespace goes."""
    options = write_options(call.query, call.headers, kind="UpdateOptions")
    obj = accepted(call, options.field_validation)
    check_name(call, obj)
    finalizers = as_list(as_dict(obj.get("spec")).get("finalizers"))
    sent = obj["metadata"]
    check_uid(call, sent.get("uid", ""))

    def change(old: Manifest) -> Manifest:
        changed = private_copy(old)
        changed["spec"] = {"finalizers": finalizers} if finalizers else {}
        if sent.get("resourceVersion"):
            changed["metadata"]["resourceVersion"] = sent["resourceVersion"]
        return changed

    record = call.registry.update(call.target, change, options)
    return one(call.kind, record, call.view(), call.now())
