"""A team's rails as admission policies, which the API server holds by itself. Pure.

They hold in the namespaces of the teams below as well: a write has to pass those of every team above it.
"""

from __future__ import annotations

from kubewright.api.meta import Manifest
from kubewright.guardrails.render import of_team, render
from kubewright.tenancy.family import Place
from kubewright.tenancy.names import labels_of


def rails_manifests(place: Place) -> list[Manifest]:
    """Return the policies and their bindings; none where nothing is held."""
    team = place.team
    return [_owned(each, team.name) for each in render(team.spec.rails, of_team(team.name, place.below))]


def _owned(manifest: Manifest, team: str) -> Manifest:
    metadata = manifest["metadata"]
    return {**manifest, "metadata": {**metadata, "labels": {**metadata["labels"], **labels_of(team)}}}
