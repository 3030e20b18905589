"""The parts that several kinds' rows share."""

from __future__ import annotations

from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_dict, as_list, dicts, dig, text
from kubewright.twin.tables.duration import since

NONE = "<none>"
UNSET = "<unset>"


def name(obj: Manifest) -> str:
    """Return the object's name."""
    return text(obj, "metadata", "name")


def age(obj: Manifest, now: float) -> str:
    """Return how long ago the object was created."""
    return since(dig(obj, "metadata", "creationTimestamp"), now)


def or_none(value: str) -> str:
    """Return the text, or `<none>` for an empty one."""
    return value or NONE


def containers(pod_spec: Any) -> list[str]:
    """Return two cells: the containers' names and their images."""
    found = dicts(pod_spec, "containers")
    return [",".join(text(item, "name") for item in found), ",".join(text(item, "image") for item in found)]


def labels(value: Any) -> str:
    """Write a map of labels as `a=1,b=2`."""
    return or_none(",".join(f"{key}={item}" for key, item in sorted(as_dict(value).items())))


def selector(value: Any) -> str:
    """Write a LabelSelector as the text of a selector: `a=1,b in (x,y),!c`."""
    parts = [(key, f"{key}={item}") for key, item in as_dict(dig(value, "matchLabels")).items()]
    for term in dicts(value, "matchExpressions"):
        key, values = text(term, "key"), ",".join(sorted(str(item) for item in as_list(term.get("values"))))
        match term.get("operator"):
            case "In":
                parts.append((key, f"{key} in ({values})"))
            case "NotIn":
                parts.append((key, f"{key} notin ({values})"))
            case "Exists":
                parts.append((key, key))
            case _:
                parts.append((key, f"!{key}"))
    return or_none(",".join(part for _, part in sorted(parts)))


def load_balancer(obj: Manifest) -> str:
    """List the addresses of a load balancer's status."""
    ingress = dicts(obj, "status", "loadBalancer", "ingress")
    return ",".join(sorted({found for item in ingress if (found := text(item, "ip") or text(item, "hostname"))}))


def limited(items: list[str], limit: int, empty: str) -> str:
    """Join the first items and say how many more there are."""
    joined = ",".join(items[:limit])
    return f"{joined} + {len(items) - limit} more..." if len(items) > limit else joined or empty
