"""The objects of an installation as files, for people who install by Helm or by kustomize. Pure.

Both are the very objects of `manifests.py`: kustomize's base as they are, Helm's chart with what can be chosen put in
place of the defaults. `kubewright install --as chart|kustomize` writes them; tests hold them against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kubewright.api.meta import Manifest
from kubewright.api.releases import OLDEST, written
from kubewright.install.given import takes_alerts
from kubewright.install.manifests import definitions, groups, namespace
from kubewright.install.optional import Condition, optional, shown
from kubewright.install.settings import Settings

Dump = Callable[[Sequence[Manifest]], str]
"""Writes documents as YAML."""

_DESCRIPTION = "An automated operations platform for Kubernetes: every decision is a plan that can be rehearsed."
_REPLICAS = 7
_MARKS: Mapping[str, Any] = {
    "namespace": "namespace-of-the-release",
    "image": "image-of-the-release",
    "replicas": _REPLICAS,
    "prometheus": "http://store-of-the-release",
    "alerts_secret": "secret-of-the-alerts",
    "oidc_issuer": "https://issuer-of-the-release",
    "oidc_client_id": "client-at-the-issuer",
    "oidc_secret": "secret-of-the-client",
    "oidc_ca": "authorities-of-the-issuer",
    "behind_tls": True,
}
"""The settings that the chart's objects are made with."""
_NEEDS_CLIENT = "oidc.clientId: who the dashboard is at oidc.issuer"
_EXPRESSIONS: Mapping[str, str] = {
    _MARKS["namespace"]: "{{ .Release.Namespace }}",
    f"image: {_MARKS['image']}\n": "image: {{ .Values.image | quote }}\n",
    f"replicas: {_REPLICAS}\n": "replicas: {{ .Values.replicas }}\n",
    f"--prometheus={_MARKS['prometheus']}": "--prometheus={{ .Values.prometheus }}",
    _MARKS["alerts_secret"]: "{{ .Values.alerts.secret | quote }}",
    _MARKS["oidc_issuer"]: "{{ .Values.oidc.issuer | quote }}",
    _MARKS["oidc_client_id"]: f'{{{{ required "{_NEEDS_CLIENT}" .Values.oidc.clientId | quote }}}}',
    _MARKS["oidc_secret"]: "{{ .Values.oidc.secret | quote }}",
    _MARKS["oidc_ca"]: "{{ .Values.oidc.ca | quote }}",
}


def chart(dump: Dump, settings: Settings | None = None) -> dict[str, str]:
    """Return the files of the Helm chart; the release's namespace is made by `helm install --create-namespace`."""
    chosen = settings or Settings()
    with_marks = replace(chosen, **_MARKS)
    whole = groups(with_marks)
    files = {
        "Chart.yaml": dump([_about(chosen)]),
        "values.yaml": _VALUES + dump([_values(chosen, filter(None, whole))]),
        "templates/namespace.yaml": _when((".Values.namespace.create",), _chosen(dump([namespace(with_marks)]))),
    }
    for each in definitions():
        files[f"templates/definitions/{_name(each)}.yaml"] = _when((".Values.definitions",), dump([each]))
    without = {condition: groups(replace(with_marks, **change)) for condition, change in _optional(chosen).items()}
    for name, objects in optional(whole, without).items():
        text = _chosen(shown(dump(objects), _if))
        files[f"templates/{name or 'shared'}.yaml"] = _when((f".Values.services.{name}",), text) if name else text
    return files


def _optional(settings: Settings) -> Mapping[Condition, Mapping[str, Any]]:
    """Return what is only there with these values, and the settings without it."""
    return {
        (f".Values.services.{takes_alerts(settings)}", ".Values.alerts.secret"): {"alerts_secret": ""},
        (".Values.oidc.issuer",): {"oidc_issuer": ""},
        (".Values.oidc.secret",): {"oidc_secret": ""},
        (".Values.oidc.ca",): {"oidc_ca": ""},
        (".Values.behindTls",): {"behind_tls": False},
    }


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
# alerts.secret: a Secret of the release's namespace, whose key `token` Alertmanager shows; empty: no alerts come in.
# oidc: where people sign in to the dashboard, and who it is there. oidc.secret: a Secret, whose key `client-secret` is
#   that client's; oidc.ca: a ConfigMap, whose key `ca.crt` has the CAs of the issuer's certificate; both may be empty.
# behindTls: something before the dashboard takes HTTPS off.
"""


def _about(settings: Settings) -> Manifest:
    about = {"apiVersion": "v2", "name": "kubewright", "description": _DESCRIPTION, "type": "application"}
    return about | {
        "version": settings.version,
        "appVersion": settings.version,
        "kubeVersion": f">={written(OLDEST)}.0-0",
    }


def _values(settings: Settings, services: Iterable[str]) -> Manifest:
    return {
        "image": settings.image,
        "replicas": settings.replicas,
        "prometheus": settings.prometheus,
        "namespace": {"create": False},
        "definitions": True,
        "services": dict.fromkeys(services, True),
        "alerts": {"secret": settings.alerts_secret},
        "oidc": {
            "issuer": settings.oidc_issuer,
            "clientId": settings.oidc_client_id,
            "secret": settings.oidc_secret,
            "ca": settings.oidc_ca,
        },
        "behindTls": settings.behind_tls,
    }


def _name(definition: Manifest) -> str:
    name: str = definition["metadata"]["name"]
    return name


def _if(values: Iterable[str]) -> str:
    names = tuple(values)
    return f"{{{{- if {' '.join(names if len(names) == 1 else ('and', *names))} }}}}"


def _when(values: Condition, text: str) -> str:
    return f"{_if(values)}\n{text}{{{{- end }}}}\n"


def _chosen(text: str) -> str:
    for mark, expression in _EXPRESSIONS.items():
        text = text.replace(mark, expression)
    return text
