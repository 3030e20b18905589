"""What a name, a label key and a label value may look like, in the API server's words.

Each function returns what is wrong, as a list of messages that is empty for a good name (`k8s.io/apimachinery`'s
`content` package; where a real server still asks `util/validation` instead, lengths are in "characters"). Selectors,
AppServices and the twin's validation ask here.
"""

from __future__ import annotations

import re
from typing import Final

_LABEL_FMT: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL: Final = re.compile(_LABEL_FMT, re.ASCII)
_DNS_LABEL_FMT: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_DNS_LABEL: Final = re.compile(_DNS_LABEL_FMT, re.ASCII)
_SUBDOMAIN_FMT: Final = rf"{_DNS_LABEL_FMT}(\.{_DNS_LABEL_FMT})*"
_SUBDOMAIN: Final = re.compile(_SUBDOMAIN_FMT, re.ASCII)
_LABEL_MAX: Final = 63
_SUBDOMAIN_MAX: Final = 253


def regex_message(what: str, pattern: str, *examples: str) -> str:
    """Say what was expected, with examples and the pattern that was used."""
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{what} (e.g. {shown}regex used for validation is '{pattern}')"


_LABEL_KEY_MESSAGE: Final = regex_message(
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    _LABEL_FMT,
    "MyName",
    "my.name",
    "123-abc",
)
_LABEL_VALUE_MESSAGE: Final = regex_message(
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character",
    f"({_LABEL_FMT})?",
    "MyValue",
    "my_value",
    "12345",
)
_SUBDOMAIN_MESSAGE: Final = regex_message(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character",
    _SUBDOMAIN_FMT,
    "example.com",
)
_DNS_LABEL_MESSAGE: Final = regex_message(
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character",
    _DNS_LABEL_FMT,
    "my-name",
    "123-abc",
)


def too_long(text: str, most: int, unit: str = "bytes") -> list[str]:
    """Check a length."""
    return [f"must be no more than {most} {unit}"] if len(text.encode(errors="surrogatepass")) > most else []


def _check(text: str, pattern: re.Pattern[str], longest: int, message: str) -> list[str]:
    return too_long(text, longest) + ([] if pattern.fullmatch(text) else [message])


def label_value_errors(text: str) -> list[str]:
    """Check a label's value; the empty one is valid."""
    return _check(text, _LABEL, _LABEL_MAX, _LABEL_VALUE_MESSAGE) if text else []


def label_key_errors(text: str) -> list[str]:
    """Check a label or annotation key (a qualified name): `name` or `dns.prefix/name`."""
    prefix, slash, name = text.rpartition("/")
    if "/" in prefix:
        optional_prefix = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return [f"a valid label key {_LABEL_KEY_MESSAGE} {optional_prefix}"]
    errors: list[str] = []
    if slash:
        errors = [f"prefix part {each}" for each in (subdomain_errors(prefix) if prefix else ["must be non-empty"])]
    if not name:
        errors.append("name part must be non-empty")
    return errors + [f"name part {each}" for each in _check(name, _LABEL, _LABEL_MAX, _LABEL_KEY_MESSAGE)]


def subdomain_errors(text: str, unit: str = "bytes") -> list[str]:
    """Check an RFC 1123 subdomain: the name of most objects."""
    return too_long(text, _SUBDOMAIN_MAX, unit) + ([] if _SUBDOMAIN.fullmatch(text) else [_SUBDOMAIN_MESSAGE])


def dns_label_errors(text: str, unit: str = "bytes") -> list[str]:
    """Check an RFC 1123 label: namespaces, containers, ports' names."""
    problems = too_long(text, _LABEL_MAX, unit)
    if _DNS_LABEL.fullmatch(text):
        return problems
    return [*problems, "must not contain dots" if _SUBDOMAIN.fullmatch(text) else _DNS_LABEL_MESSAGE]
