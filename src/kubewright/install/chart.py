"""The objects of an installation as files, for people who install by Helm or by kustomize. Pure.

Both are the very objects of `manifests.py`: kustomize's base as they are, Helm's chart with what can be chosen put in
place of the defaults. `kubewright install --as chart|kustomize` writes them; tests hold them against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from kubewright.api.meta import Manifest
from kubewright.api.releases import OLDEST, written
from kubewright.install.manifests import definitions, groups, namespace
from kubewright.install.settings import Settings

Dump = Callable[[Sequence[Manifest]], str]
"""Writes documents as YAML."""

_PLACE, _IMAGE, _STORE = "namespace-of-the-release", "image-of-the-release", "http://store-of-the-release"
_REPLICAS = 7
_DESCRIPTION = "An automated operations platform for Kubernetes: every decision is a plan that can be rehearsed."
_CHOICES: Mapping[str, str] = {
    _PLACE: "{{ .Release.Namespace }}",
    f"image: {_IMAGE}\n": "image: {{ .Values.image | quote }}\n",
    f"replicas: {_REPLICAS}\n": "replicas: {{ .Values.replicas }}\n",
    f"--prometheus={_STORE}": "--prometheus={{ .Values.prometheus }}",
}


def chart(dump: Dump, settings: Settings | None = None) -> dict[str, str]:
    """Return the files of the Helm chart; the release's namespace is made by `helm install --create-namespace`."""
    chosen = settings or Settings()
    with_marks = replace(chosen, namespace=_PLACE, image=_IMAGE, replicas=_REPLICAS, prometheus=_STORE)
    files = {
        "Chart.yaml": dump([_about(chosen)]),
        "values.yaml": _VALUES + dump([_values(chosen)]),
        "templates/namespace.yaml": _when(".Values.namespace.create", _chosen(dump([namespace(with_marks)]))),
    }
    for each in definitions():
        files[f"templates/definitions/{_name(each)}.yaml"] = _when(".Values.definitions", dump([each]))
    for name, objects in groups(with_marks).items():
        text = _chosen(dump(objects))
        files[f"templates/{name or 'shared'}.yaml"] = _when(f".Values.services.{name}", text) if name else text
    return files


def base(dump: Dump, settings: Settings | None = None) -> dict[str, str]:
    """Return the files of the kustomize base."""
    chosen = settings or Settings()
    files = {"namespace.yaml": dump([namespace(chosen)])}
    files |= {f"definitions/{_name(each)}.yaml": dump([each]) for each in definitions()}
    files |= {f"{name or 'shared'}.yaml": dump(objects) for name, objects in groups(chosen).items()}
    about = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": list(files)}
    return {"kustomization.yaml": dump([about]), **files}


_VALUES = """\
# image: NAME:TAG, better NAME@sha256:DIGEST.       replicas: of each service; one leads, the others wait.
# prometheus: URL of a store that speaks PromQL.    services: which are there.
# definitions: the kinds; they stay when the release goes, since all their objects would go with them.
"""


def _about(settings: Settings) -> Manifest:
    about = {"apiVersion": "v2", "name": "kubewright", "description": _DESCRIPTION, "type": "application"}
    return about | {
        "version": settings.version,
        "appVersion": settings.version,
        "kubeVersion": f">={written(OLDEST)}.0-0",
    }


def _values(settings: Settings) -> Manifest:
    return {
        "image": settings.image,
        "replicas": settings.replicas,
        "prometheus": settings.prometheus,
        "namespace": {"create": False},
        "definitions": True,
        "services": dict.fromkeys(settings.services, True),
    }


def _name(definition: Manifest) -> str:
    name: str = definition["metadata"]["name"]
    return name


def _when(condition: str, text: str) -> str:
    return f"{{{{- if {condition} }}}}\n{text}{{{{- end }}}}\n"


def _chosen(text: str) -> str:
    for mark, choice in _CHOICES.items():
        text = text.replace(mark, choice)
    return text
