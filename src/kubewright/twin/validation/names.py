"""The formats that Kubernetes demands of names, keys and values. Each check returns what is wrong, in its words."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence

from kubewright.api.names import (
    dns_label_errors,
    label_key_errors,
    label_value_errors,
    regex_message,
    subdomain_errors,
    too_long,
)

Check = Callable[[str], Sequence[str]]

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_WILDCARD = rf"\*\.{_SUBDOMAIN}"
_DNS_1035 = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_CONFIG_KEY = r"[-._a-zA-Z0-9]+"
_PERCENT = r"[0-9]+%"
_HEADER = r"[-A-Za-z0-9]+"
_MAX_LABEL, _MAX_SUBDOMAIN, _MAX_PORT_NAME, _MAX_PORT = 63, 253, 15, 65535
_MAX_ASCII = 126
_CHARACTERS = "characters"
"""What lengths are told in by `util/validation`, which checks objects' names."""


def _remembered(check: Check) -> Check:
    """Remember the answers of a check: the same few names come with every write."""

    def problems(value: str) -> tuple[str, ...]:
        return tuple(check(value))

    return functools.lru_cache(maxsize=8192)(problems)


dns_label: Check = _remembered(lambda value: dns_label_errors(value, _CHARACTERS))
"""RFC 1123 label: containers, volumes, namespaces."""
dns_subdomain: Check = _remembered(lambda value: subdomain_errors(value, _CHARACTERS))
"""RFC 1123 subdomain: most objects' names."""
qualified_name: Check = _remembered(label_key_errors)
"""Keys of labels, annotations, taints and resources: `name` or `prefix/name`."""
label_value: Check = _remembered(label_value_errors)
"""Values of labels."""


@_remembered
def wildcard_subdomain(value: str) -> Sequence[str]:
    """All names below a subdomain: hosts of Ingresses."""
    problems = too_long(value, _MAX_SUBDOMAIN, _CHARACTERS)
    if not re.fullmatch(_WILDCARD, value):
        what = (
            "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist "
            "of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character"
        )
        problems.append(regex_message(what, _WILDCARD, "*.example.com"))
    return problems


@_remembered
def dns_1035_label(value: str) -> Sequence[str]:
    """DNS label that starts with a letter: services, CRD names."""
    problems = too_long(value, _MAX_LABEL, _CHARACTERS)
    if not re.fullmatch(_DNS_1035, value):
        what = (
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
            "character, and end with an alphanumeric character"
        )
        problems.append(regex_message(what, _DNS_1035, "my-name", "abc-123"))
    return problems


def path_segment(value: str) -> list[str]:
    """Names that need only fit into a path: roles and bindings."""
    if value in {".", ".."}:
        return [f"may not be '{value}'"]
    return [f"may not contain '{sign}'" for sign in "/%" if sign in value]


@_remembered
def config_key(value: str) -> Sequence[str]:
    """Keys of config maps and secrets."""
    problems = too_long(value, _MAX_SUBDOMAIN, _CHARACTERS)
    if not re.fullmatch(_CONFIG_KEY, value):
        what = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        problems.append(regex_message(what, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name"))
    if value in {".", ".."}:
        problems.append(f"must not be '{value}'")
    elif value.startswith(".."):
        problems.append("must not start with '..'")
    return problems


def env_name(value: str) -> list[str]:
    """Names of environment variables."""
    if not value:
        return ["environment variable name must be non-empty"]
    if all(" " <= sign <= chr(_MAX_ASCII) and sign != "=" for sign in value):
        return []
    return ["a valid environment variable name must consist only of printable ASCII characters other than '='"]


@_remembered
def port_name(value: str) -> Sequence[str]:
    """Names of container ports and target ports."""
    rules = (
        (len(value) > _MAX_PORT_NAME, f"must be no more than {_MAX_PORT_NAME} characters"),
        (
            not re.fullmatch(r"[-a-z0-9]+", value),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (not re.search(r"[a-z]", value), "must contain at least one letter (a-z)"),
        ("--" in value, "must not contain consecutive hyphens"),
        (value.startswith("-") or value.endswith("-"), "must not begin or end with a hyphen"),
    )
    return [message for broken, message in rules if broken]


def port_number(value: int) -> list[str]:
    """Port numbers."""
    return [] if 1 <= value <= _MAX_PORT else [in_range(1, _MAX_PORT)]


def in_range(low: int, high: int) -> str:
    """Say between which bounds a number must lie."""
    return f"must be between {low} and {high}, inclusive"


def percent(value: str) -> list[str]:
    """Percentages such as `25%`."""
    if re.fullmatch(_PERCENT, value):
        return []
    what = "a valid percent string must be a numeric string followed by an ending '%'"
    return [regex_message(what, _PERCENT, "1%", "93%")]


def header_name(value: str) -> list[str]:
    """Names of HTTP headers in probes."""
    if re.fullmatch(_HEADER, value):
        return []
    return [
        regex_message("a valid HTTP header must consist of alphanumeric characters or '-'", _HEADER, "X-Header-Name")
    ]
