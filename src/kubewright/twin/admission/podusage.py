"""What a pod requests and may use at most, as amounts that are shown in the family of suffixes it was written in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

import msgspec

from kubewright.api.meta import Manifest
from kubewright.api.pods import Pod
from kubewright.api.quantity import Format, format_quantity, parse_quantity
from kubewright.api.resources import CPU, PODS_RESOURCE, pod_request
from kubewright.twin.reading import as_dict, dicts, dig

_BINARY_UNIT = "i"


def style_of(quantity: str) -> Format:
    """Return the family of suffixes in which a canonical quantity is written."""
    if quantity.endswith(_BINARY_UNIT):
        return "BinarySI"
    return "DecimalExponent" if "e" in quantity else "DecimalSI"


def total(quantities: Iterable[str]) -> str:
    """Add quantities up; like Kubernetes' own sum it is written as the first that is not zero."""
    amount, style = Fraction(0), "DecimalSI"
    for each in quantities:
        more = parse_quantity(each)
        if amount == 0:
            style = style_of(each)
        amount += more
    return format_quantity(amount, style)


def pod_requests(spec: Manifest, *, overhead: bool = True) -> dict[str, str]:
    """Return what the pod requests, by resource."""
    return _summed(spec, "requests", overhead=overhead)


def pod_limits(spec: Manifest, *, overhead: bool = True) -> dict[str, str]:
    """Return what the pod may use at most, by resource: its limits, added up as its requests are."""
    return _summed(spec, "limits", overhead=overhead)


def _summed(spec: Manifest, part: str, *, overhead: bool) -> dict[str, str]:
    """Ask the one place that adds up pods, of a pod that requests what this one has in `part`."""
    asked = {
        "containers": [_asking(each, part) for each in dicts(spec, "containers")],
        "initContainers": [_asking(each, part) for each in dicts(spec, "initContainers")],
    }
    own = as_dict(dig(spec, "resources", part))
    pod = {"spec": {**asked, "resources": {"requests": own}} if own else asked}
    if overhead and spec.get("overhead"):
        pod["spec"]["overhead"] = spec["overhead"]
    sums = pod_request(msgspec.convert(pod, Pod))
    styles = _styles(pod["spec"])
    return {
        name: format_quantity(
            Fraction(amount, 1000) if name == CPU else Fraction(amount), styles.get(name, "DecimalSI")
        )
        for name, amount in sums.items()
        if name != PODS_RESOURCE
    }


def _asking(container: Manifest, part: str) -> Manifest:
    asking = {"name": container.get("name", ""), "resources": {"requests": as_dict(dig(container, "resources", part))}}
    return asking | ({"restartPolicy": container["restartPolicy"]} if "restartPolicy" in container else {})


def _styles(spec: Mapping[str, object]) -> dict[str, Format]:
    styles: dict[str, Format] = {}
    for each in (*dicts(spec, "containers"), *dicts(spec, "initContainers"), spec):
        for name, quantity in as_dict(dig(each, "resources", "requests")).items():
            styles.setdefault(name, style_of(str(quantity)))
    for name, quantity in as_dict(spec.get("overhead")).items():
        styles.setdefault(name, style_of(str(quantity)))
    return styles
