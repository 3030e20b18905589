"""The children as they are on the way from one release to another. Pure.

What the spec asks for comes in, what is to be there now goes out: the Deployment keeps the old template, a second one
tries the new, and Services and routes lead to either; or the StatefulSet has the new template, for its last pods. It
knows manifests, not who rendered them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubewright.api.core import SERVICES
from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.appservice.rollout import BLUE_GREEN, ROLLING
from kubewright.api.crds.appservice.rolloutstatus import RolloutStatus
from kubewright.api.drift import FINGERPRINT, with_fingerprint
from kubewright.api.meta import Manifest
from kubewright.workloads.children.identity import suffixed
from kubewright.workloads.children.virtualservice import HTTP_ROUTE, VIRTUAL_SERVICE, splitter, weighted
from kubewright.workloads.kinds import HTTP_ROUTES, VIRTUAL_SERVICES, is_runner
from kubewright.workloads.rollout.releases import STABLE_TRACK, TRACK_LABEL, TRIAL_TRACK, labelled
from kubewright.workloads.rollout.sizes import NO_OFFER, Offer, sized_release, with_sizes
from kubewright.workloads.rollout.steps import (
    ALL,
    has_trial,
    partition,
    runs_stable,
    trial_replicas,
    trial_share,
)

TRIAL_SUFFIX = "-trial"
_KEPT_REVISIONS = 2
"""At least: without the one before there is nothing to go back to."""


@dataclass(frozen=True, slots=True)
class Templates:
    """The templates by which an application runs: the wanted one, and the last good one as far as it is kept."""

    wanted: Mapping[str, Any]
    release: str
    stable: Mapping[str, Any] | None = None


def trial_name(app: AppService) -> str:
    """Return the name of the Deployment, and of the Service, that tries a new release."""
    return suffixed(app.metadata.name, TRIAL_SUFFIX)


def is_routed(app: AppService, desired: Sequence[Manifest]) -> bool:
    """Whether a route splits the traffic, so that the number of pods need not."""
    if app.spec.rollout.strategy == BLUE_GREEN:
        return True
    return any(each["kind"] == _splitting(app) for each in desired)


def _splitting(app: AppService) -> str:
    """Return the kind of the route that splits the traffic; empty if none does."""
    return {HTTP_ROUTE: HTTP_ROUTES.kind, VIRTUAL_SERVICE: VIRTUAL_SERVICES.kind}.get(splitter(app), "")


def staged(
    app: AppService, desired: Sequence[Manifest], state: RolloutStatus | None, templates: Templates, replicas: int
) -> tuple[Manifest, ...]:
    """Return the children of this moment; `replicas` is how many pods there are to be at present."""
    moment = _Moment(app, state, templates, replicas, is_routed(app, desired))
    return tuple(each for manifest in desired for each in moment.of(manifest))


def arrived(
    app: AppService, desired: Sequence[Manifest], serving: Mapping[str, Any] | None = None, offer: Offer = NO_OFFER
) -> tuple[Manifest, ...]:
    """Return the children as they are when the release has reached everybody; `serving` is what runs by now."""
    main = next((each for each in desired if is_runner(app, each)), None)
    if main is None:
        return tuple(desired)
    template = main["spec"]["template"]
    made = sized_release(app, template, serving, offer)
    return staged(app, desired, None, Templates(with_sizes(template, made.sizes), made.release), app.spec.replicas)


@dataclass(frozen=True, slots=True)
class _Moment:
    app: AppService
    state: RolloutStatus | None
    templates: Templates
    replicas: int
    routed: bool

    def of(self, manifest: Manifest) -> Iterator[Manifest]:
        """Return what there is now instead of a manifest."""
        if not is_runner(self.app, manifest):
            yield from _led(self.app, manifest, self.state, routed=self.routed)
            return
        state, templates = self.state, self.templates
        template, release = templates.wanted, templates.release
        if state is not None and templates.stable is not None:
            if runs_stable(self.app, state):
                template, release = templates.stable, state.stable
            if has_trial(self.app, state):
                count = trial_replicas(self.app, state, self.replicas, routed=self.routed)
                tried = labelled(templates.wanted, templates.release, TRIAL_TRACK)
                yield _trial(self.app, manifest, tried, count)
        yield _with_template(self._partitioned(manifest), labelled(template, release, STABLE_TRACK), self.app)

    def _partitioned(self, manifest: Manifest) -> Manifest:
        """Say of a StatefulSet how many of its pods keep what they run."""
        if not self.app.spec.is_stateful:
            return manifest
        kept = partition(self.app, self.state, self.replicas)
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": kept}}
        return {**manifest, "spec": {**manifest["spec"], "updateStrategy": strategy}}


def _with_template(manifest: Manifest, template: Manifest, app: AppService) -> Manifest:
    kept = max(_KEPT_REVISIONS, app.spec.rollout.history)
    spec = {**manifest["spec"], "revisionHistoryLimit": kept, "template": template}
    return _renewed({**manifest, "spec": spec})


def _trial(app: AppService, main: Manifest, template: Manifest, replicas: int) -> Manifest:
    selector = main["spec"]["selector"]
    labels = {**selector.get("matchLabels", {}), TRACK_LABEL: TRIAL_TRACK}
    spec = {
        **main["spec"],
        "replicas": replicas,
        "revisionHistoryLimit": 0,
        "selector": {**selector, "matchLabels": labels},
        "template": template,
    }
    metadata = main["metadata"]
    labelled_metadata = {
        **metadata,
        "name": trial_name(app),
        "labels": {**metadata.get("labels", {}), TRACK_LABEL: TRIAL_TRACK},
    }
    return _renewed({**main, "metadata": labelled_metadata, "spec": spec})


def _led(app: AppService, manifest: Manifest, state: RolloutStatus | None, *, routed: bool) -> Iterator[Manifest]:
    """Lead Services and routes to the old pods, the new ones, or both."""
    share = trial_share(app, state) if state is not None else 0
    splits = routed and app.spec.rollout.strategy not in {ROLLING, BLUE_GREEN}
    if (
        manifest["kind"] == SERVICES.kind
        and manifest["spec"].get("selector")
        and (splits or app.spec.rollout.strategy == BLUE_GREEN)
    ):
        switched = share == ALL and not splits
        yield _selecting(manifest, TRIAL_TRACK if switched else STABLE_TRACK)
        if state is not None and has_trial(app, state) and manifest["metadata"]["name"] == app.metadata.name:
            yield _selecting(_internal(manifest, trial_name(app)), TRIAL_TRACK)
    elif manifest["kind"] == _splitting(app) and splits and share:
        by_route = manifest["kind"] == HTTP_ROUTES.kind
        spec, new = manifest["spec"], trial_name(app)
        split = _weighted(spec, app.metadata.name, new, share) if by_route else weighted(spec, new, share)
        yield _renewed({**manifest, "spec": split})
    else:
        yield manifest


def _selecting(service: Manifest, track: str) -> Manifest:
    spec = service["spec"]
    return _renewed({**service, "spec": {**spec, "selector": {**spec["selector"], TRACK_LABEL: track}}})


def _internal(service: Manifest, name: str) -> Manifest:
    """Return a Service of another name that is reached within the cluster alone."""
    ports = [{key: value for key, value in port.items() if key != "nodePort"} for port in service["spec"]["ports"]]
    spec = {"selector": service["spec"]["selector"], "ports": ports}
    return {**service, "metadata": {**service["metadata"], "name": name}, "spec": spec}


def _weighted(spec: Mapping[str, Any], old: str, new: str, share: int) -> Manifest:
    def split(backend: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        if backend.get("name") != old:
            yield backend
            return
        yield {**backend, "weight": ALL - share}
        yield {**backend, "name": new, "weight": share}

    rules = [
        {**rule, "backendRefs": [each for backend in rule.get("backendRefs", ()) for each in split(backend)]}
        for rule in spec.get("rules", ())
    ]
    return {**spec, "rules": rules}


def _renewed(manifest: Manifest) -> Manifest:
    """Return the manifest with a fingerprint of what it has become."""
    metadata = manifest["metadata"]
    annotations = {key: value for key, value in metadata.get("annotations", {}).items() if key != FINGERPRINT}
    bare = {key: value for key, value in metadata.items() if key != "annotations"}
    return with_fingerprint({**manifest, "metadata": {**bare, **({"annotations": annotations} if annotations else {})}})
