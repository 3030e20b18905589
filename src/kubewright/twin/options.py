"""What a request's query says, read once and checked as the API server checks it."""

from __future__ import annotations

import functools
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from kubewright.api.meta import Manifest
from kubewright.api.selectors import parse_field_selector, parse_label_selector
from kubewright.twin.reading import as_dict, as_list
from kubewright.twin.status import StatusError, bad_request, invalid
from kubewright.twin.validation.fields import FieldError, not_supported, quoted, required, too_long
from kubewright.twin.validation.fields import forbidden as field_forbidden
from kubewright.twin.validation.fields import invalid as field_invalid

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+")
_UINT64 = range(2**64)
_INT64 = range(-(2**63), 2**63)
_VALIDATIONS = ("Ignore", "Strict", "Warn")
_OF_DELETES = frozenset({"dryRun", "gracePeriodSeconds", "orphanDependents", "preconditions", "propagationPolicy"})
MAX_MANAGER_LENGTH = 128
_MOST_DIGITS = 25


class WriteOptions(msgspec.Struct, frozen=True):
    """How a create, update, patch or apply is to be done."""

    dry_run: bool = False
    field_manager: str = ""
    field_validation: str = "Warn"
    force: bool = False
    given: Mapping[str, Any] = msgspec.field(default_factory=dict[str, Any])
    """The options that the caller named, as policies and webhooks are shown them."""
    asks: bool = True
    """Whether policies and webhooks are asked: not about what the server itself does within a request."""


class ListOptions(msgspec.Struct, frozen=True):
    """Which objects a list or watch is about, and as of when."""

    label_selector: str = ""
    field_selector: str = ""
    limit: int = 0
    continue_token: str = ""
    resource_version: str = ""
    match: str = ""
    watch: bool = False
    bookmarks: bool = False
    timeout_seconds: float | None = None
    send_initial_events: bool | None = None


class DeleteOptions(msgspec.Struct, frozen=True):
    """How an object is to go."""

    dry_run: bool = False
    grace_period_seconds: int | None = None
    propagation: str = ""
    orphan_dependents: bool | None = None
    uid: str = ""
    resource_version: str = ""
    given: Mapping[str, Any] = msgspec.field(default_factory=dict[str, Any])
    asks: bool = True


def write_options(
    query: Mapping[str, str], headers: Mapping[str, str], *, kind: str, applying: bool = False
) -> WriteOptions:
    """Read the options of a write; `kind` (CreateOptions ...) stands in the message when they are wrong."""
    said = tuple((name, query[name]) for name in _OF_WRITES if name in query) if query else ()
    unnamed = "" if query.get("fieldManager") else manager_of(headers.get("user-agent", ""))
    return _write_options(said, unnamed, kind, applying=applying)


_OF_WRITES = ("dryRun", "fieldValidation", "fieldManager", "force")


@functools.lru_cache(maxsize=1024)
def _write_options(said: tuple[tuple[str, str], ...], unnamed: str, kind: str, *, applying: bool) -> WriteOptions:
    """Read what most writes of one client say alike."""
    query = dict(said)
    errors: list[FieldError] = []
    dry_run = _dry_run(query.get("dryRun"), errors)
    validation = query.get("fieldValidation") or "Warn"
    if validation not in _VALIDATIONS:
        errors.append(not_supported("fieldValidation", validation, ("", *_VALIDATIONS)))
    manager = query.get("fieldManager", "")
    errors[:0] = _manager_errors(manager)
    if kind == "PatchOptions":
        errors[:0] = _patch_errors(query, applying=applying)
    if errors:
        raise invalid("meta.k8s.io", kind, "", errors)
    return WriteOptions(
        dry_run=dry_run,
        field_manager=manager or unnamed,
        field_validation=validation,
        force=boolean(query, "force") or False,
        given=_given(query, dry_run=dry_run),
    )


def _given(query: Mapping[str, str], *, dry_run: bool) -> dict[str, Any]:
    named: dict[str, Any] = {name: query[name] for name in ("fieldManager", "fieldValidation") if query.get(name)}
    return {"dryRun": ["All"], **named} if dry_run else named


def _patch_errors(query: Mapping[str, str], *, applying: bool) -> list[FieldError]:
    if applying and not query.get("fieldManager"):
        return [required("fieldManager", "is required for apply patch")]
    if not applying and boolean(query, "force") is not None:
        return [field_forbidden("force", "may not be specified for non-apply patch")]
    return []


def _manager_errors(manager: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if len(manager.encode()) > MAX_MANAGER_LENGTH:
        errors.append(too_long("fieldManager", MAX_MANAGER_LENGTH))
    for position, char in enumerate(manager):
        if not char.isprintable():
            at = len(manager[:position].encode())
            problem = f"invalid character U+{ord(char):04X} (at position {at})"
            errors.append(field_invalid("fieldManager", manager, problem))
    return errors


def manager_of(user_agent: str) -> str:
    """Name the field manager of a caller that names none: its user agent up to the first slash."""
    return "".join(char for char in user_agent.partition("/")[0] if char.isprintable())[:MAX_MANAGER_LENGTH]


def list_options(query: Mapping[str, str], *, watch: bool = False) -> ListOptions:
    """Read the options of a list or watch; raises StatusError for combinations that make no sense."""
    watching = watch or bool(boolean(query, "watch"))
    timeout = _integer(query, "timeoutSeconds")
    options = ListOptions(
        label_selector=query.get("labelSelector", ""),
        field_selector=query.get("fieldSelector", ""),
        limit=_integer(query, "limit") or 0,
        continue_token=query.get("continue", ""),
        resource_version=query.get("resourceVersion", ""),
        match=query.get("resourceVersionMatch", ""),
        watch=watching,
        bookmarks=boolean(query, "allowWatchBookmarks") or False,
        timeout_seconds=float(timeout) if timeout else None,
        send_initial_events=boolean(query, "sendInitialEvents"),
    )
    errors = _watch_errors(options) if watching else _list_errors(options)
    if errors:
        # That a selector does not parse is told before.
        with unreadable():
            parse_label_selector(options.label_selector)
            parse_field_selector(options.field_selector)
        raise invalid("meta.k8s.io", "ListOptions", "", errors)
    return options


@contextmanager
def unreadable() -> Generator[None]:
    """Answer 400 for a selector that does not parse."""
    try:
        yield
    except ValueError as error:
        raise bad_request(str(error)) from error


def _list_errors(options: ListOptions) -> list[FieldError]:
    errors: list[FieldError] = []
    if options.match:
        if not options.resource_version:
            errors.append(_no_match("resourceVersionMatch is forbidden unless resourceVersion is provided"))
        if options.continue_token:
            errors.append(_no_match("resourceVersionMatch is forbidden when continue is provided"))
        if options.match not in {"Exact", "NotOlderThan"}:
            errors.append(not_supported("resourceVersionMatch", options.match, ("Exact", "NotOlderThan", "")))
        if options.match == "Exact" and options.resource_version == "0":
            errors.append(_no_match('resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
    if options.send_initial_events is not None:
        errors.append(field_forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    return errors


def _watch_errors(options: ListOptions) -> list[FieldError]:
    errors: list[FieldError] = []
    if options.send_initial_events is not None and options.match != "NotOlderThan":
        errors.append(_no_match("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"))
    if options.match:
        if options.send_initial_events is None:
            errors.append(_no_match("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"))
        if options.match != "NotOlderThan":
            errors.append(not_supported("resourceVersionMatch", options.match, ("NotOlderThan",)))
        if options.continue_token:
            errors.append(_no_match("resourceVersionMatch is forbidden when continue is provided"))
    return errors


def delete_options(query: Mapping[str, str], body: Manifest | None) -> DeleteOptions:
    """Read how to delete, from the body if there is one (of the right types), else from the query."""
    errors: list[FieldError] = []
    source: Mapping[str, object] = body or query
    preconditions = as_dict(source.get("preconditions"))
    dry_run = source.get("dryRun")
    propagation = str(source.get("propagationPolicy") or "")
    if propagation not in {"", "Background", "Foreground", "Orphan"}:
        errors.append(not_supported("propagationPolicy", propagation, ("Foreground", "Background", "Orphan", "nil")))
    flag = source.get("orphanDependents") if body else boolean(query, "orphanDependents")
    orphan = flag if isinstance(flag, bool) else None
    if propagation and orphan is not None:
        text = "orphanDependents and deletionPropagation cannot be both set"
        errors.append(field_invalid("propagationPolicy", propagation, text))
    options = DeleteOptions(
        dry_run=_dry_run(dry_run, errors),
        grace_period_seconds=_grace(source.get("gracePeriodSeconds")),
        propagation=propagation,
        orphan_dependents=orphan,
        uid=str(preconditions.get("uid") or ""),
        resource_version=str(preconditions.get("resourceVersion") or ""),
        given={name: value for name, value in source.items() if name in _OF_DELETES and value is not None},
    )
    if errors:
        raise invalid("meta.k8s.io", "DeleteOptions", "", errors)
    return options


def _grace(value: object) -> int | None:
    """Read seconds of grace; what is below zero counts as one second."""
    if value is None or value == "":
        return None
    seconds = number(str(value))
    return 1 if seconds < 0 else seconds


def boolean(query: Mapping[str, str], name: str) -> bool | None:
    """Read a query parameter that is true or false; None when it is absent. Whatever is not false is true."""
    value = query.get(name)
    return None if value is None else not (value == "0" or value.lower() == "false")


def _integer(query: Mapping[str, str], name: str) -> int | None:
    value = query.get(name)
    return None if value is None else number(value)


def number(value: str) -> int:
    """Read a whole number of a query; raises StatusError."""
    if not _WHOLE_NUMBER.fullmatch(value):
        raise bad_request(f"strconv.ParseInt: parsing {quoted(value)}: invalid syntax")
    found = int(value) if len(value) < _MOST_DIGITS else _INT64.stop
    if found not in _INT64:
        raise bad_request(f"strconv.ParseInt: parsing {quoted(value)}: value out of range")
    return found


def _dry_run(value: object, errors: list[FieldError]) -> bool:
    values = as_list(value) or ([value] if isinstance(value, str) else [])
    if any(item != "All" for item in values):
        errors.append(not_supported("dryRun", values, ("All",)))
    return bool(values)


def _no_match(text: str) -> FieldError:
    return field_forbidden("resourceVersionMatch", text)


def version_number(text: str) -> int:
    """Read a resourceVersion; unset is 0. Raises StatusError when it is not a number."""
    if text in {"", "0"}:
        return 0
    if not (text.isascii() and text.isdigit()):
        error = field_invalid("resourceVersion", text, f'strconv.ParseUint: parsing "{text}": invalid syntax')
        raise bad_request(f"invalid resource version: {error}")
    if len(text) > _MOST_DIGITS or int(text) not in _UINT64:
        error = field_invalid("resourceVersion", text, f'strconv.ParseUint: parsing "{text}": value out of range')
        raise bad_request(f"invalid resource version: {error}")
    return int(text)


def stored_version(text: str) -> int:
    """Read the resourceVersion of an object as the storage layer does, which names no field when it is no number."""
    try:
        return version_number(text)
    except StatusError as error:
        raise StatusError(500, "", error.message.partition(": ")[2].partition(f"{quoted(text)}: ")[2]) from error
