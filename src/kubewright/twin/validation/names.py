"""The formats that Kubernetes demands of names, keys and values. Each check returns what is wrong, in its words."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence

Check = Callable[[str], Sequence[str]]

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_WILDCARD = rf"\*\.{_SUBDOMAIN}"
_DNS_1035 = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_CONFIG_KEY = r"[-._a-zA-Z0-9]+"
_PERCENT = r"[0-9]+%"
_HEADER = r"[-A-Za-z0-9]+"
_MAX_LABEL, _MAX_SUBDOMAIN, _MAX_PORT_NAME, _MAX_PORT = 63, 253, 15, 65535
_MAX_ASCII = 126
_MAX_SEGMENTS = 2

_ALNUM_ENDS = "and must start and end with an alphanumeric character"


def _remembered(check: Check) -> Check:
    """Remember the answers of a check: the same few names come with every write."""

    def problems(value: str) -> tuple[str, ...]:
        return tuple(check(value))

    return functools.lru_cache(maxsize=8192)(problems)


def regex_message(what: str, pattern: str, *examples: str) -> str:
    """Say what was expected, with examples and the pattern that was used."""
    shown = "".join(f"{' or ' if index else ''}'{example}', " for index, example in enumerate(examples))
    return f"{what} (e.g. {shown}regex used for validation is '{pattern}')"


@_remembered
def dns_label(value: str) -> Sequence[str]:
    """RFC 1123 label: containers, volumes, namespaces."""
    problems = [f"must be no more than {_MAX_LABEL} characters"] if len(value) > _MAX_LABEL else []
    if not re.fullmatch(_LABEL, value):
        if re.fullmatch(_SUBDOMAIN, value):
            problems.append("must not contain dots")
        else:
            what = (
                f"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', {_ALNUM_ENDS}"
            )
            problems.append(regex_message(what, _LABEL, "my-name", "123-abc"))
    return problems


@_remembered
def dns_subdomain(value: str) -> Sequence[str]:
    """RFC 1123 subdomain: most objects' names."""
    problems = [f"must be no more than {_MAX_SUBDOMAIN} characters"] if len(value) > _MAX_SUBDOMAIN else []
    if not re.fullmatch(_SUBDOMAIN, value):
        what = (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
            f"{_ALNUM_ENDS}"
        )
        problems.append(regex_message(what, _SUBDOMAIN, "example.com"))
    return problems


@_remembered
def wildcard_subdomain(value: str) -> Sequence[str]:
    """All names below a subdomain: hosts of Ingresses."""
    problems = [f"must be no more than {_MAX_SUBDOMAIN} characters"] if len(value) > _MAX_SUBDOMAIN else []
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
    problems = [f"must be no more than {_MAX_LABEL} characters"] if len(value) > _MAX_LABEL else []
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
def qualified_name(value: str) -> Sequence[str]:
    """Keys of labels, annotations, taints and resources: `name` or `prefix/name`."""
    expected = f"must consist of alphanumeric characters, '-', '_' or '.', {_ALNUM_ENDS}"
    message = regex_message(expected, _QUALIFIED, "MyName", "my.name", "123-abc")
    parts = value.split("/")
    if len(parts) > _MAX_SEGMENTS:
        return [
            f"a valid label key {message} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        ]
    name, problems = parts[-1], list[str]()
    if len(parts) == _MAX_SEGMENTS:
        found = dns_subdomain(parts[0]) if parts[0] else ["must be non-empty"]
        problems.extend(f"prefix part {problem}" for problem in found)
    if not name:
        problems.append("name part must be non-empty")
    elif len(name) > _MAX_LABEL:
        problems.append(f"name part must be no more than {_MAX_LABEL} bytes")
    if not re.fullmatch(_QUALIFIED, name):
        problems.append(f"name part {message}")
    return problems


@_remembered
def label_value(value: str) -> Sequence[str]:
    """Values of labels."""
    problems = [f"must be no more than {_MAX_LABEL} bytes"] if len(value) > _MAX_LABEL else []
    if value and not re.fullmatch(_QUALIFIED, value):
        what = (
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
            f"{_ALNUM_ENDS}"
        )
        problems.append(regex_message(what, f"({_QUALIFIED})?", "MyValue", "my_value", "12345"))
    return problems


@_remembered
def config_key(value: str) -> Sequence[str]:
    """Keys of config maps and secrets."""
    problems = [f"must be no more than {_MAX_SUBDOMAIN} characters"] if len(value) > _MAX_SUBDOMAIN else []
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
