"""The checks of webhook configurations, mutating and validating."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_dict, as_list, dicts, text
from kubewright.twin.validation import names
from kubewright.twin.validation.conditions import WEBHOOK_VARIABLES, compiled_conditions
from kubewright.twin.validation.fields import FieldError, duplicate, invalid, not_supported, required
from kubewright.twin.validation.selectors import validate_selector

OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_FORM = "; desired format: https://host[/path]"
_VERSIONS = ("v1", "v1beta1")
_SEGMENTS = 3
_MOST_SECONDS = 30
_CLOSED = {
    "failurePolicy": ("Fail", "Ignore"),
    "matchPolicy": ("Equivalent", "Exact"),
    "sideEffects": ("None", "NoneOnDryRun"),
    "reinvocationPolicy": ("IfNeeded", "Never"),
}


def validate_configuration(obj: Manifest, old: Manifest | None) -> list[FieldError]:
    """Check a MutatingWebhookConfiguration or a ValidatingWebhookConfiguration."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    before = dicts(old, "webhooks")
    for index, hook in enumerate(dicts(obj, "webhooks")):
        path, name = f"webhooks[{index}]", text(hook, "name")
        known = index < len(before) and hook.get("matchConditions") == before[index].get("matchConditions")
        errors += _hook(hook, path, conditions_known=known)
        errors += _review_versions(as_list(hook.get("admissionReviewVersions")), f"{path}.admissionReviewVersions")
        if name and name in seen:
            errors.append(duplicate(f"{path}.name", name))
        seen.add(name)
    return errors


def _hook(hook: Manifest, path: str, *, conditions_known: bool) -> Iterator[FieldError]:
    yield from _name(text(hook, "name"), f"{path}.name")
    for index, rule in enumerate(dicts(hook, "rules")):
        yield from validate_rule(rule, f"{path}.rules[{index}]")
    for name in ("failurePolicy", "matchPolicy", "sideEffects"):
        yield from _choice(hook, name, path)
    seconds = hook.get("timeoutSeconds")
    if isinstance(seconds, int) and not 1 <= seconds <= _MOST_SECONDS:
        yield invalid(f"{path}.timeoutSeconds", seconds, "the timeout value must be between 1 and 30 seconds")
    for name in ("namespaceSelector", "objectSelector"):
        yield from validate_selector(hook.get(name), f"{path}.{name}")
    yield from _choice(hook, "reinvocationPolicy", path)
    yield from validate_client(as_dict(hook.get("clientConfig")), f"{path}.clientConfig")
    if not conditions_known:
        compiled = compiled_conditions(dicts(hook, "matchConditions"), WEBHOOK_VARIABLES)
        yield from compiled.errors(f"{path}.matchConditions")


def _name(name: str, path: str) -> Iterator[FieldError]:
    if not name:
        yield required(path)
        return
    problems = names.dns_subdomain(name)
    if problems:
        yield invalid(path, name, ",".join(problems))
    elif len(name.split(".")) < _SEGMENTS:
        yield invalid(path, name, "should be a domain with at least three segments separated by dots")


def _choice(hook: Manifest, name: str, path: str) -> Iterator[FieldError]:
    value, supported = hook.get(name), _CLOSED[name]
    if value is None:
        if name == "sideEffects":
            yield required(f"{path}.{name}", f"must specify one of {', '.join(supported)}")
    elif value not in supported:
        yield not_supported(f"{path}.{name}", value, supported)


def validate_rule(rule: Manifest, path: str) -> Iterator[FieldError]:
    """Check one rule: its operations, groups, versions, resources and scope."""
    operations = as_list(rule.get("operations"))
    yield from _names(operations, f"{path}.operations", "operations")
    for index, operation in enumerate(operations):
        if operation not in OPERATIONS:
            yield not_supported(f"{path}.operations[{index}]", operation, OPERATIONS)
    yield from _names(as_list(rule.get("apiGroups")), f"{path}.apiGroups", "API groups")
    versions = as_list(rule.get("apiVersions"))
    yield from _names(versions, f"{path}.apiVersions", "API versions")
    yield from (required(f"{path}.apiVersions[{index}]") for index, each in enumerate(versions) if not each)
    yield from _resources(as_list(rule.get("resources")), f"{path}.resources")
    scope = rule.get("scope")
    if scope is not None and scope not in {"*", "Cluster", "Namespaced"}:
        yield not_supported(f"{path}.scope", scope, ("*", "Cluster", "Namespaced"))


def _names(values: list[str], path: str, what: str) -> Iterator[FieldError]:
    if not values:
        yield required(path)
    if len(values) > 1 and "*" in values:
        yield invalid(path, values, f"if '*' is present, must not specify other {what}")


def _resources(resources: list[str], path: str) -> Iterator[FieldError]:
    if not resources:
        yield required(path)
    for index, name in enumerate(resources):
        if name:
            yield from _overlap(name, resources[:index], f"{path}[{index}]")
        else:
            yield required(f"{path}[{index}]")
    if len(resources) > 1 and "*/*" in resources:
        yield invalid(path, resources, "if '*/*' is present, must not specify other resources")
    if "*" in resources and any(name not in {"", "*"} and "/" not in name for name in resources):
        yield invalid(path, resources, "if '*' is present, must not specify other resources without subresources")


def _overlap(name: str, earlier: list[str], path: str) -> Iterator[FieldError]:
    """Refuse a subresource that an earlier entry names already."""
    resource, slash, part = name.partition("/")
    if slash and f"{resource}/*" in earlier:
        yield invalid(path, name, f"if '{resource}/*' is present, must not specify {name}")
    if slash and f"*/{part}" in earlier:
        yield invalid(path, name, f"if '*/{part}' is present, must not specify {name}")


def validate_client(client: Manifest, path: str) -> Iterator[FieldError]:
    """Check where a webhook is: a URL or a service, one of the two."""
    url, service = client.get("url"), client.get("service")
    if (url is None) == (service is None):
        yield required(path, "exactly one of url or service is required")
    elif url is not None:
        yield from _url(str(url), f"{path}.url")
    else:
        yield from _service(as_dict(service), f"{path}.service")


def _url(url: str, path: str) -> Iterator[FieldError]:
    try:
        parts = urlsplit(url)
    except ValueError:
        yield required(path, f'url must be a valid URL: parse "{url}": invalid character in host name{_FORM}')
        return
    if parts.scheme != "https":
        yield invalid(path, parts.scheme, f"'https' is the only allowed URL scheme{_FORM}")
    host = parts.netloc.rpartition("@")[2]
    if not host:
        yield invalid(path, host, f"host must be specified{_FORM}")
    yield from _unwanted(parts, path)


def _unwanted(parts: SplitResult, path: str) -> Iterator[FieldError]:
    user, at, _ = parts.netloc.rpartition("@")
    if at:
        yield invalid(path, user, "user information is not permitted in the URL")
    if parts.fragment:
        yield invalid(path, parts.fragment, "fragments are not permitted in the URL")
    if parts.query:
        yield invalid(path, parts.query, "query parameters are not permitted in the URL")


def _service(service: Manifest, path: str) -> Iterator[FieldError]:
    for name in ("name", "namespace"):
        if not text(service, name):
            yield required(f"{path}.{name}")
    port = service.get("port", 443)
    problems = names.port_number(port)
    if problems:
        yield invalid(f"{path}.port", port, f"port is not valid: {', '.join(problems)}")
    at = text(service, "path")
    if at in {"", "/"}:
        return
    if at == "//":
        yield invalid(f"{path}.path", at, "segment[0] may not be empty")
        return
    if not at.startswith("/"):
        yield invalid(f"{path}.path", at, "must start with a '/'")
    for index, step in enumerate(at[1:].removesuffix("/").split("/")):
        problems = names.dns_subdomain(step) if step else ()
        if not step:
            yield invalid(f"{path}.path", at, f"segment[{index}] may not be empty")
        for problem in problems:
            yield invalid(f"{path}.path", at, f"segment[{index}]: {problem}")


def _review_versions(versions: list[str], path: str) -> Iterator[FieldError]:
    if not versions:
        yield required(path, f"must specify one of {', '.join(_VERSIONS)}")
        return
    seen: set[str] = set()
    for index, version in enumerate(versions):
        here = f"{path}[{index}]"
        if version in seen:
            yield invalid(here, version, "duplicate version")
            continue
        seen.add(version)
        yield from (invalid(here, version, problem) for problem in names.dns_1035_label(version))
    if not seen & set(_VERSIONS):
        yield invalid(path, versions, f"must include at least one of {', '.join(_VERSIONS)}")
