"""What Argo CD must be told of AppServices: without it one counts as healthy merely because it is there.

`kubewright argocd` prints the ConfigMap; the scripts are Lua, as Argo CD runs them, and tested so.
"""

from __future__ import annotations

from importlib.resources import files

from kubewright.api.core import CONFIG_MAPS
from kubewright.api.crds.appservice import APP_SERVICES
from kubewright.api.meta import Manifest

ACTIONS = ("restart", "pause", "resume")


def script(name: str) -> str:
    """Return a script: `health`, `discovery`, or an action's."""
    return files(__name__).joinpath(f"{name}.lua").read_text()


def config_map(namespace: str) -> Manifest:
    """Return the part of Argo CD's `argocd-cm` that is about AppServices, for server-side apply."""
    kind = f"{APP_SERVICES.group}_{APP_SERVICES.kind}"
    labels = {"app.kubernetes.io/name": "argocd-cm", "app.kubernetes.io/part-of": "argocd"}
    return {
        "apiVersion": CONFIG_MAPS.api_version,
        "kind": CONFIG_MAPS.kind,
        "metadata": {"name": "argocd-cm", "namespace": namespace, "labels": labels},
        "data": {
            f"resource.customizations.health.{kind}": script("health"),
            f"resource.customizations.actions.{kind}": _actions(),
        },
    }


def _actions() -> str:
    lines = ["discovery.lua: |", *_indented(script("discovery"), 2), "definitions:"]
    for name in ACTIONS:
        lines += [f"  - name: {name}", "    action.lua: |", *_indented(script(name), 6)]
    return "\n".join(lines) + "\n"


def _indented(text: str, spaces: int) -> list[str]:
    return [f"{' ' * spaces}{line}" for line in text.splitlines()]
