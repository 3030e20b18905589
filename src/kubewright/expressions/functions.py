"""Kubernetes' library functions, added to the CEL runtime by their signatures.

`kubernetes.*` values travel as small maps that only these functions read. `NOT_MODELLED` are those that are missing:
an expression that uses one is refused by name.
"""

from __future__ import annotations

import functools
import itertools
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

from cel_expr_python import cel  # pyright: ignore[reportMissingTypeStubs]  it has a stub, but no marker

from kubewright.api.meta import Manifest
from kubewright.expressions import addresses, quantities, versions
from kubewright.expressions.signatures import Overload, overload, standard
from kubewright.expressions.types import CelType

NOT_MODELLED = frozenset(
    [
        "named",
        "dns1123Label",
        "dns1123Subdomain",
        "dns1035Label",
        "qualifiedName",
        "dns1123LabelPrefix",
        "dns1123SubdomainPrefix",
        "dns1035LabelPrefix",
        "labelValue",
        "uri",
        "uuid",
        "validate",
        "isLinkLocalMulticast",
        "isGlobalUnicast",
        "transformList",
        "transformMap",
        "transformMapEntry",
        "existsOne",
        "flatten",
        "range",
        "sortBy",
        "first",
        "last",
        "includes",
        "authorizer",
        "path",
        "group",
        "resource",
        "subresource",
        "namespace",
        "name",
        "check",
        "allowed",
        "reason",
        "errored",
        "error",
        "serviceAccount",
        "fieldSelector",
        "labelSelector",
    ]
)
_PYTHON_ONLY = re.compile(r"\[\[:|\\[pPzQCA]|\(\?[^:imsP]|\(\?P=|\\[1-9]")


def _regex(pattern: str) -> re.Pattern[str]:
    if _PYTHON_ONLY.search(pattern):
        raise ValueError(f"the twin does not model this regular expression: {pattern}")
    try:
        return re.compile(pattern, re.ASCII)
    except re.error as error:
        raise ValueError(f"Illegal regex: error parsing regexp: {error}") from error


def _find(text: str, pattern: str) -> str:
    found = _regex(pattern).search(text)
    return "" if found is None else found[0]


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    found = [match[0] for match in _regex(pattern).finditer(text)]
    return found if limit < 0 else found[:limit]


def _min(items: Sequence[Any]) -> Any:
    if not items:
        raise ValueError("min called on empty list")
    return min(items)


def _max(items: Sequence[Any]) -> Any:
    if not items:
        raise ValueError("max called on empty list")
    return max(items)


def _sum(items: Sequence[Any]) -> Any:
    return functools.reduce(operator.add, items) if items else 0


def _is_sorted(items: Sequence[Any]) -> bool:
    return all(one <= other for one, other in itertools.pairwise(items))


def _distinct(items: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    found.extend(each for each in items if each not in found)
    return found


def _contains(items: Sequence[Any], others: Sequence[Any]) -> bool:
    return all(each in items for each in others)


def _equivalent(items: Sequence[Any], others: Sequence[Any]) -> bool:
    return _contains(items, others) and _contains(others, items)


def _intersects(items: Sequence[Any], others: Sequence[Any]) -> bool:
    return any(each in items for each in others)


def _slice(items: Sequence[Any], start: int, end: int) -> list[Any]:
    if not 0 <= start <= end <= len(items):
        raise ValueError(f"cannot slice({start}, {end}), list is length {len(items)}")
    return list(items[start:end])


def _sorted(items: Sequence[Any]) -> list[Any]:
    return sorted(items)


def _split(text: str) -> SplitResult:
    found = urlsplit(text)
    if not text.startswith("/") and not found.scheme:
        raise ValueError(f'URL parse error during conversion from string: parse "{text}": invalid URI for request')
    return found


def _to_url(text: str) -> Manifest:
    _split(text)
    return {"url": text}


def _is_url(text: str) -> bool:
    try:
        _split(text)
    except ValueError:
        return False
    return True


def _url(read: Callable[[SplitResult], Any]) -> Callable[[Manifest], Any]:
    def run(url: Manifest) -> Any:
        return read(urlsplit(str(url["url"])))

    return run


def _host(url: SplitResult) -> str:
    return url.netloc.rpartition("@")[2]


def _port(url: SplitResult) -> str:
    return "" if url.port is None else str(url.port)


@dataclass(frozen=True, slots=True)
class Function:
    """One overload of a library function."""

    name: str
    overload: Overload
    run: Callable[..., Any]


_IP, _CIDR, _QUANTITY, _URL = "kubernetes.IP", "kubernetes.CIDR", "kubernetes.Quantity", "kubernetes.URL"
_SEMVER = "kubernetes.Semver"


def _either(quantity: Callable[[Manifest, Manifest], Any], version: Callable[[Manifest, Manifest], Any]) -> Any:
    """Compare quantities or versions: at run time both are maps, and only what is in them tells."""

    def run(one: Manifest, other: Manifest) -> Any:
        return (version if versions.is_one(one) else quantity)(one, other)

    return run


_ROWS: tuple[tuple[str, str, Callable[..., Any]], ...] = (
    ("quantity", f"string -> {_QUANTITY}", quantities.to_quantity),
    ("isQuantity", "string -> bool", quantities.is_quantity),
    ("sign", f"{_QUANTITY}.() -> int", quantities.sign),
    ("isInteger", f"{_QUANTITY}.() -> bool", quantities.is_integer),
    ("asInteger", f"{_QUANTITY}.() -> int", quantities.as_integer),
    ("asApproximateFloat", f"{_QUANTITY}.() -> double", quantities.as_float),
    ("add", f"{_QUANTITY}.({_QUANTITY}) -> {_QUANTITY}", quantities.add),
    ("add", f"{_QUANTITY}.(int) -> {_QUANTITY}", quantities.add_int),
    ("sub", f"{_QUANTITY}.({_QUANTITY}) -> {_QUANTITY}", quantities.sub),
    ("sub", f"{_QUANTITY}.(int) -> {_QUANTITY}", quantities.sub_int),
    ("compareTo", f"{_QUANTITY}.({_QUANTITY}) -> int", _either(quantities.compare, versions.compare)),
    ("isGreaterThan", f"{_QUANTITY}.({_QUANTITY}) -> bool", _either(quantities.greater, versions.greater)),
    ("isLessThan", f"{_QUANTITY}.({_QUANTITY}) -> bool", _either(quantities.less, versions.less)),
    ("semver", f"string -> {_SEMVER}", versions.to_version),
    ("semver", f"string bool -> {_SEMVER}", versions.to_version),
    ("isSemver", "string -> bool", versions.is_version),
    ("isSemver", "string bool -> bool", versions.is_version),
    ("major", f"{_SEMVER}.() -> int", versions.major),
    ("minor", f"{_SEMVER}.() -> int", versions.minor),
    ("patch", f"{_SEMVER}.() -> int", versions.patch),
    ("ip", f"string -> {_IP}", addresses.to_ip),
    ("ip", f"{_CIDR}.() -> {_IP}", addresses.ip_of),
    ("isIP", "string -> bool", addresses.is_ip),
    ("ip.isCanonical", "string -> bool", addresses.is_canonical),
    ("family", f"{_IP}.() -> int", addresses.family),
    ("isUnspecified", f"{_IP}.() -> bool", addresses.is_unspecified),
    ("isLoopback", f"{_IP}.() -> bool", addresses.is_loopback),
    ("isLinkLocalUnicast", f"{_IP}.() -> bool", addresses.is_link_local_unicast),
    ("cidr", f"string -> {_CIDR}", addresses.to_cidr),
    ("isCIDR", "string -> bool", addresses.is_cidr),
    ("containsIP", f"{_CIDR}.({_IP}) -> bool", addresses.contains_ip),
    ("containsIP", f"{_CIDR}.(string) -> bool", addresses.contains_ip_text),
    ("containsCIDR", f"{_CIDR}.({_CIDR}) -> bool", addresses.contains_cidr),
    ("containsCIDR", f"{_CIDR}.(string) -> bool", addresses.contains_cidr_text),
    ("masked", f"{_CIDR}.() -> {_CIDR}", addresses.masked),
    ("prefixLength", f"{_CIDR}.() -> int", addresses.prefix_length),
    ("url", f"string -> {_URL}", _to_url),
    ("isURL", "string -> bool", _is_url),
    ("getScheme", f"{_URL}.() -> string", _url(lambda url: url.scheme)),
    ("getHost", f"{_URL}.() -> string", _url(_host)),
    ("getHostname", f"{_URL}.() -> string", _url(lambda url: url.hostname or "")),
    ("getPort", f"{_URL}.() -> string", _url(_port)),
    ("getEscapedPath", f"{_URL}.() -> string", _url(lambda url: url.path)),
    ("getQuery", f"{_URL}.() -> map(string,list(string))", _url(lambda url: parse_qs(url.query))),
    ("find", "string.(string) -> string", _find),
    ("findAll", "string.(string) -> list(string)", _find_all),
    ("findAll", "string.(string,int) -> list(string)", _find_all),
    ("isSorted", "list(A).() -> bool", _is_sorted),
    ("sum", "list(A).() -> A", _sum),
    ("min", "list(A).() -> A", _min),
    ("max", "list(A).() -> A", _max),
    ("distinct", "list(A).() -> list(A)", _distinct),
    ("slice", "list(A).(int,int) -> list(A)", _slice),
    ("sort", "list(A).() -> list(A)", _sorted),
    ("sets.contains", "list(A) list(A) -> bool", _contains),
    ("sets.equivalent", "list(A) list(A) -> bool", _equivalent),
    ("sets.intersects", "list(A) list(A) -> bool", _intersects),
)
LIBRARY = tuple(Function(name, overload(text), run) for name, text, run in _ROWS)
_SAME_AT_RUN_TIME = {
    "compareTo": overload(f"{_SEMVER}.({_SEMVER}) -> int"),
    "isGreaterThan": overload(f"{_SEMVER}.({_SEMVER}) -> bool"),
    "isLessThan": overload(f"{_SEMVER}.({_SEMVER}) -> bool"),
}
"""What the type checker has to know besides: the runtime cannot tell these from the ones for quantities."""


def declarations() -> list[cel.FunctionDecl]:
    """Return the library as the runtime takes it."""
    found: dict[str, list[cel.Overload]] = {}
    for number, each in enumerate(LIBRARY):
        arguments = [_runtime_type(argument) for argument in each.overload.arguments]
        result = _runtime_type(each.overload.result)
        found.setdefault(each.name, []).append(
            cel.Overload(f"{each.name}_{number}", result, arguments, is_member=each.overload.member, impl=each.run)
        )
    return [cel.FunctionDecl(name, overloads) for name, overloads in found.items()]


_RUNTIME = {
    "string": cel.Type.STRING,
    "bool": cel.Type.BOOL,
    "int": cel.Type.INT,
    "double": cel.Type.DOUBLE,
    "list": cel.Type.LIST,
    "map": cel.Type.MAP,
}


def _runtime_type(kind: CelType) -> cel.Type:
    if kind.name.startswith("kubernetes."):
        return cel.Type.MAP
    return _RUNTIME.get(kind.name, cel.Type.DYN)


@functools.cache
def overloads() -> dict[str, tuple[Overload, ...]]:
    """Return every known function's overloads by name: the language's and the library's."""
    found = dict(standard())
    for each in LIBRARY:
        found[each.name] = (*found.get(each.name, ()), each.overload)
    for name, each in _SAME_AT_RUN_TIME.items():
        found[name] = (*found[name], each)
    return found
