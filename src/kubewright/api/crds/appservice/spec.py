"""The application as its team wants it: everything else is one of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from kubewright.api.crds.appservice.container import (
    AppServicePort,
    AppServiceResources,
    AppServiceSecurity,
    EnvSource,
    EnvVar,
)
from kubewright.api.crds.appservice.jobs import AppServiceJob
from kubewright.api.crds.appservice.network import (
    EXTERNAL_NAME,
    AppServiceAccess,
    AppServiceExposure,
    AppServiceMesh,
)
from kubewright.api.crds.appservice.probes import AppServiceProbes
from kubewright.api.crds.appservice.rollout import AppServiceRollout, AppServiceSlo
from kubewright.api.crds.appservice.rules import SPEC_RULES
from kubewright.api.crds.appservice.scale import (
    AppServiceAvailability,
    AppServiceGpu,
    AppServicePlacement,
    AppServiceScaling,
)
from kubewright.api.crds.appservice.volumes import AppServiceVolume
from kubewright.api.described import Rule, described
from kubewright.api.meta import EMPTY, Leaf

SERVICE, STATEFUL, JOB, CRON, ALIAS = "service", "stateful", "job", "cron", "alias"
_REPLICAS = {"format": "int32", "minimum": 0}
_LABEL = {"maxLength": 63, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"}
_FILES = {"maxProperties": 64}


class AppServiceSpec(Leaf, frozen=True):
    """The application as it should run."""

    kind: Annotated[
        str,
        described(
            "service runs for ever, stateful as well with names and volumes that stay, job to its end.",
            {"enum": [SERVICE, STATEFUL, JOB]},
        ),
    ] = ""
    image: Annotated[str, described("The container image.", {"minLength": 1, "maxLength": 1024})] = ""
    pull_policy: Annotated[
        str,
        described(
            "When the image is asked for; Always by default, so that nobody runs what they may not pull.",
            {"enum": ["Always", "IfNotPresent", "Never"]},
        ),
    ] = "Always"
    pull_secrets: Annotated[
        tuple[str, ...], described("Secrets that the image is pulled with.", {"maxItems": 16}, atomic=True)
    ] = ()
    replicas: Annotated[int, described("The number of pods.", _REPLICAS, publish_default=True)] = 1
    ports: Annotated[
        tuple[AppServicePort, ...],
        described(
            "The ports it answers on; without any there is no Service.",
            {"maxItems": 32},
            list_map_keys=("port", "protocol"),
        ),
    ] = ()
    command: Annotated[tuple[str, ...], described("Run this instead of the image's entry point.", atomic=True)] = ()
    args: Annotated[tuple[str, ...], described("Arguments instead of the image's own.", atomic=True)] = ()
    env: Annotated[
        tuple[EnvVar, ...], described("The container's environment.", {"maxItems": 512}, list_map_keys=("name",))
    ] = ()
    env_from: Annotated[
        tuple[EnvSource, ...], described("Objects whose every key is a variable.", {"maxItems": 32}, atomic=True)
    ] = ()
    files: Annotated[
        Mapping[str, str], described("Files by their path in the container; a change restarts the pods.", _FILES)
    ] = EMPTY
    resources: Annotated[AppServiceResources, described("Requests and limits of each pod.")] = AppServiceResources()
    probes: Annotated[AppServiceProbes, described("How its health is known.")] = AppServiceProbes()
    volumes: Annotated[
        tuple[AppServiceVolume, ...], described("Where it keeps data.", {"maxItems": 32}, list_map_keys=("name",))
    ] = ()
    stop_seconds: Annotated[
        int, described("How long a pod may take to end; 30 by default.", {"format": "int64", "minimum": 0})
    ] = 30
    security: Annotated[AppServiceSecurity, described("What its processes may do.")] = AppServiceSecurity()
    schedule: Annotated[str, described("Run as a job at these times: five fields of cron.", {"maxLength": 100})] = ""
    job: Annotated[AppServiceJob | None, described("How a job runs to its end.")] = None
    expose: Annotated[AppServiceExposure | None, described("How it is reached from outside.")] = None
    access: Annotated[AppServiceAccess | None, described("Who may call it, and whom it may call.")] = None
    scaling: Annotated[AppServiceScaling | None, described("Let an autoscaler choose the number of pods.")] = None
    availability: Annotated[
        AppServiceAvailability | None, described("What stays up when nodes are drained or fail.")
    ] = None
    placement: Annotated[AppServicePlacement, described("Where its pods may run.")] = AppServicePlacement()
    gpu: Annotated[AppServiceGpu | None, described("GPUs for each pod.")] = None
    slo: Annotated[AppServiceSlo | None, described("What its users may rely on.")] = None
    team: Annotated[str, described("The team that it belongs to.", _LABEL)] = ""
    mesh: Annotated[AppServiceMesh | None, described("The service mesh that it is part of.")] = None
    rollout: Annotated[AppServiceRollout, described("How a change reaches its users.")] = AppServiceRollout()

    RULES: ClassVar[tuple[Rule, ...]] = SPEC_RULES

    @property
    def form(self) -> str:
        """Return what is made of it: service, stateful, job, cron, or alias (a name for something outside)."""
        if self.expose is not None and self.expose.type == EXTERNAL_NAME:
            return ALIAS
        if self.schedule:
            return CRON
        return self.kind or SERVICE

    @property
    def is_stateful(self) -> bool:
        """Whether its pods have names that stay: a canary is then some of them, and nothing runs beside them."""
        return self.form == STATEFUL

    @property
    def runs_to_its_end(self) -> bool:
        """Whether it is a job, once or by a schedule."""
        return self.form in {JOB, CRON}
