"""AppService: the kind, and the definition that a cluster is given."""

from __future__ import annotations

from typing import Annotated, ClassVar

from kubewright.api.crds.appservice.spec import AppServiceSpec
from kubewright.api.crds.appservice.status import AppServiceStatus
from kubewright.api.crds.definition import AGE, CrdSpec, PrinterColumn, Scale, generated_later
from kubewright.api.described import Rule, described
from kubewright.api.meta import KubeObject, Manifest, Resource

NAME_LABEL = "app.example.com/name"
"""On every child and pod: the AppService's name. The one label of the selector, which can never change."""
TEAM_LABEL = "kubewright.dev/team"
"""On every child and pod of an application, and on namespaces: whose they are."""


class AppService(KubeObject, frozen=True, kw_only=True):
    """An application: its workload and whatever it needs around it, kept as this object says."""

    spec: Annotated[AppServiceSpec, described("The application as it should run.", required=True)] = AppServiceSpec()
    status: Annotated[AppServiceStatus, described("The application as it runs.")] = AppServiceStatus()

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
            "metadata.name becomes the Service's name and a label: at most 63 small letters, digits and -",
        ),
        Rule(
            "self.metadata.name.size() <= 52 || !has(self.spec.schedule)",
            "the jobs of a schedule add 11 characters to metadata.name: at most 52",
        ),
        Rule(
            "self.metadata.name.size() <= 52 || !has(self.spec.kind) || self.spec.kind != 'stateful'",
            "the revisions of a stateful application add 11 characters to metadata.name, and are labels: at most 52",
        ),
        Rule(
            "!has(self.spec.job) || !has(self.spec.job.indexed) || !self.spec.job.indexed || self.metadata.name.size() "
            "+ 1 + string((has(self.spec.job.completions) ? self.spec.job.completions : 1) - 1).size() <= 63",
            "the pods of an indexed job add their number to metadata.name: at most 63 characters together",
        ),
    )


APP_SERVICES: Resource[AppService] = Resource("app.example.com", "v1", "appservices", "AppService", AppService)

APP_SERVICE_CRD: Manifest
__getattr__ = generated_later(
    "APP_SERVICE_CRD",
    CrdSpec(
        APP_SERVICES,
        short_names=("appsvc",),
        categories=("all",),
        columns=(
            PrinterColumn("Ready", "boolean", ".status.ready", "Whether all replicas are up and ready."),
            PrinterColumn("Replicas", "integer", ".spec.replicas", "The number of pods wanted."),
            PrinterColumn("Available", "integer", ".status.readyReplicas", "The number of pods that are ready."),
            PrinterColumn("Image", "string", ".spec.image", "The container image.", priority=1),
            PrinterColumn("URL", "string", ".status.url", "Where users reach it.", priority=1),
            PrinterColumn("Team", "string", ".spec.team", "Whose it is.", priority=1),
            AGE,
        ),
        scale=Scale(),
    ),
)
