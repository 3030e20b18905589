"""What an examination found, for people and as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kubewright.harness.checks import Violation


@dataclass(frozen=True, slots=True)
class Finding:
    """A violation, and the plan that shows it."""

    plan: str
    violation: Violation


@dataclass(frozen=True, slots=True)
class Report:
    """Figures and findings.

    `properties` says of each property of the kind whether the server took a value that was tried; None: none was tried.
    """

    name: str
    seed: int
    undisturbed: int
    """Lives without a fault: stages, and values of properties."""
    plans: int
    """Lives with a fault that took place."""
    findings: tuple[Finding, ...]
    properties: Mapping[str, bool | None]

    @property
    def rules(self) -> dict[str, list[Finding]]:
        """Return the findings by the rule that was broken."""
        found: dict[str, list[Finding]] = {}
        for each in self.findings:
            found.setdefault(each.violation.rule, []).append(each)
        return found

    def lines(self) -> list[str]:
        """Say it: the figures, then each broken rule with the simplest plan that breaks it."""
        covered = sum(taken is True for taken in self.properties.values())
        said = [
            f"{self.name}: {self.undisturbed + self.plans} lives, {self.plans} of them with a fault",
            f"properties: {covered} of {len(self.properties)} took another value",
        ]
        refused = [name for name, taken in self.properties.items() if taken is False]
        if refused:
            said.append(f"  every value refused by the server: {', '.join(refused)}")
        if skipped := sum(taken is None for taken in self.properties.values()):
            said.append(f"  not tried: {skipped}; --mutations says how many values are")
        said.append(f"violations: {len(self.findings)}")
        for rule, findings in self.rules.items():
            first = findings[0]
            said.append(f"  {rule} ({len(findings)} lives): {first.violation.detail}")
            said.append(f"    again: --seed {self.seed} --plan '{first.plan}'")
        return said
