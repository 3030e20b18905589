"""The kind Team, and its CustomResourceDefinition."""

from __future__ import annotations

from typing import Annotated, ClassVar

from kubewright.api.crds.definition import AGE, REASON, CrdSpec, PrinterColumn, generated_later, ready_column
from kubewright.api.crds.team.spec import TeamSpec
from kubewright.api.crds.team.status import TeamStatus
from kubewright.api.described import Rule, described
from kubewright.api.meta import KubeObject, Manifest, Resource


class Team(KubeObject, frozen=True, kw_only=True):
    """People who work together, their namespaces, and what of the cluster is theirs."""

    spec: Annotated[TeamSpec, described("What is wanted.", required=True)] = TeamSpec()
    status: Annotated[TeamStatus, described("What there is.")] = TeamStatus()

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && self.metadata.name.size() <= 40",
            "metadata.name begins namespaces' names: at most 40 of a-z, 0-9 and '-'",
        ),
        Rule(
            "!has(self.spec.parent) || self.spec.parent != self.metadata.name",
            "a team is not its own parent",
            ".spec.parent",
        ),
    )

    @property
    def name(self) -> str:
        """Return its name."""
        return self.metadata.name

    def namespaces_of(self, environment: str) -> tuple[str, ...]:
        """Return the names of the namespaces of one of its environments."""
        found = next((each for each in self.spec.environments if each.name == environment), None)
        return () if found is None else (found.namespaces or (f"{self.metadata.name}-{environment}",))

    @property
    def environment_of(self) -> dict[str, str]:
        """Return the environment of each of its namespaces; where two name one, the first."""
        found: dict[str, str] = {}
        for each in self.spec.environments:
            for name in self.namespaces_of(each.name):
                found.setdefault(name, each.name)
        return found


TEAMS: Resource[Team] = Resource("kubewright.dev", "v1alpha1", "teams", "Team", Team, namespaced=False)
TEAM_CRD: Manifest
__getattr__ = generated_later(
    "TEAM_CRD",
    CrdSpec(
        TEAMS,
        columns=(
            PrinterColumn("Path", "string", ".status.path", "Its name after those of the teams above."),
            PrinterColumn("Members", "integer", ".status.members", "How many."),
            PrinterColumn("Namespaces", "string", ".status.namespaces", "Its namespaces."),
            ready_column("Whether everything is there that it asks for."),
            REASON,
            PrinterColumn("Spent", "string", ".status.budget.spent", "This month.", priority=1),
            AGE,
        ),
    ),
)
