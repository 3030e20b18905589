"""Small clusters from manifests: what is read is made as a server's answer is."""

import msgspec

from kubewright.api.apps import Deployment
from kubewright.api.core import Namespace, Node, Pod, Service
from kubewright.api.discovery import EndpointSlice
from kubewright.api.networking import NetworkPolicy
from kubewright.reach.world import World

NODES = {"n1": "192.168.0.1", "n2": "192.168.0.2"}


def pod(name, namespace="default", *, ip="", node="n1", ports=(), phase="Running", ready=True, labels=None, **spec):
    container = {"name": "main", "image": "i", "ports": [port(*each) for each in ports]}
    ready = [{"type": "Ready", "status": "True" if ready and phase == "Running" else "False"}]
    return {
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}", "labels": labels or {}},
        "spec": {"nodeName": node, "containers": [container], "serviceAccountName": "default", **spec},
        "status": {"phase": phase, "conditions": ready, "podIP": ip, "podIPs": [{"ip": ip}] if ip else []},
    }


def port(number, name="", protocol="TCP"):
    return {"containerPort": number, "name": name, "protocol": protocol}


def policy(name, namespace="default", **spec):
    """`from_` and `to` are given as they are written."""
    return {"metadata": {"name": name, "namespace": namespace}, "spec": spec}


def service(name, namespace="default", *, ports=((80, 8080),), selector=None, **spec):
    listed = [
        {"name": f"p{each[0]}", "port": each[0], "targetPort": each[1], "protocol": (*each, "TCP")[2]} for each in ports
    ]
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.9", "selector": selector or {}, "ports": listed} | spec,
    }


def piece(of, pods, *, ports=((80, 8080),), family="IPv4", **conditions):
    """An EndpointSlice of a service."""
    endpoints = [
        {
            "addresses": [each["status"]["podIP"]],
            "nodeName": each["spec"]["nodeName"],
            "targetRef": {"kind": "Pod", "name": each["metadata"]["name"]},
            "conditions": {"ready": True} | conditions,
        }
        for each in pods
    ]
    metadata = of["metadata"]
    return {
        "metadata": {
            "name": f"{metadata['name']}-1",
            "namespace": metadata["namespace"],
            "labels": {"kubernetes.io/service-name": metadata["name"]},
        },
        "addressType": family,
        "endpoints": endpoints,
        "ports": [{"name": f"p{each[0]}", "port": each[1], "protocol": (*each, "TCP")[2]} for each in ports],
    }


def world(pods=(), policies=(), namespaces=None, services=(), slices=(), nodes=None, deployments=(), **rest):
    spaces = {each["metadata"]["namespace"]: {} for each in pods} | (namespaces or {})
    made = (
        {
            "metadata": {"name": name},
            "status": {
                "addresses": [{"type": "Hostname", "address": name}, {"type": "InternalIP", "address": address}]
            },
        }
        for name, address in (NODES if nodes is None else nodes).items()
    )
    return World(
        pods=typed(Pod, pods),
        nodes=typed(Node, made),
        namespaces=typed(
            Namespace, ({"metadata": {"name": name, "labels": labels}} for name, labels in spaces.items())
        ),
        policies=typed(NetworkPolicy, policies),
        services=typed(Service, services),
        slices=typed(EndpointSlice, slices),
        makers=typed(Deployment, deployments),
        **rest,
    )


def typed(kind, manifests):
    return tuple(msgspec.convert(each, kind) for each in manifests)
