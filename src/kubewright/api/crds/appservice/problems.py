"""What keeps an application from being made although the API server took it: most of it only a laxer CRD lets through.

The rules between fields (`rules.py`) are the API server's alone: what breaks them without having been refused is
refused as a child, and told of as any such refusal.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubewright.api.crds.appservice.kind import AppService
from kubewright.api.crds.appservice.spec import ALIAS
from kubewright.api.crds.violations import violations
from kubewright.api.names import dns_label_errors, label_value_errors
from kubewright.api.quantity import canonical


def problems(app: AppService) -> tuple[str, ...]:
    """Return what keeps the application from being made, one line each, in the API server's words.

    The name is stricter than an object's: it becomes a label's value and, with ports, a Service's name.
    """
    return (*_name_problems(app), *_image_problems(app), *violations(app.spec, "spec"), *_quantity_problems(app))


def _name_problems(app: AppService) -> list[str]:
    check = dns_label_errors if app.spec.ports else label_value_errors
    return [f"metadata.name: {error}" for error in check(app.metadata.name)]


def _image_problems(app: AppService) -> list[str]:
    return [] if app.spec.image or app.spec.form == ALIAS else ["spec.image: Required value"]


def _quantity_problems(app: AppService) -> Iterator[str]:
    amounts = {"requests": app.spec.resources.requests, "limits": app.spec.resources.limits}
    for field, quantities in amounts.items():
        for name, quantity in quantities.items():
            try:
                canonical(quantity)
            except ValueError as error:
                yield f"spec.resources.{field}[{name}]: {error}"
