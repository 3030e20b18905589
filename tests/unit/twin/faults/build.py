"""Faults and what they hit, in one line each."""

import msgspec

from kubewright.api.core import Container, Node, Pod, PodSpec
from kubewright.api.meta import ObjectMeta, rfc3339
from kubewright.twin.faults.fault import Fault

NOW = 1_900_000_000.0


def fault(name="f", *, age=0, generation=1, going=False, **spec):
    metadata = {
        "name": name,
        "uid": f"uid-{name}",
        "generation": generation,
        "creationTimestamp": rfc3339(NOW - age),
        **({"deletionTimestamp": rfc3339(NOW)} if going else {}),
    }
    return msgspec.convert({"metadata": metadata, "spec": spec}, Fault)


def node(name, **labels):
    return Node(metadata=ObjectMeta(name=name, uid=name, labels=labels))


def pod(name, *, namespace="default", image="shop/web:1", node="", **labels):
    metadata = ObjectMeta(name=name, namespace=namespace, uid=name, labels=labels)
    return Pod(metadata=metadata, spec=PodSpec(node_name=node, containers=(Container(name="main", image=image),)))
