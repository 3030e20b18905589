"""Hypothesis strategies for sequences of steps over `KINDS`."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.contract.sequences.kinds import KINDS, METADATA
from tests.contract.sequences.sides import Watch
from tests.contract.sequences.steps import Edit, Kind, Step

NAMES = ("a", "b", "c")
MANAGERS = ("m1", "m2")
_SCALES = (
    *(Edit(("spec", "replicas"), value) for value in (0, 2, -1, "3", None, 2**31)),
    Edit(("metadata", "labels"), {"x": "y"}),
    Edit(("nope",), 1),
    Edit(("metadata", "resourceVersion"), "1"),
)


def queries(**values: Any) -> st.SearchStrategy[tuple[tuple[str, str], ...]]:
    """Draw a query: mostly nothing, else some of these parameters."""
    pairs = [st.sampled_from(choices).map(lambda value, name=name: (name, value)) for name, choices in values.items()]
    some = st.lists(st.one_of(pairs), max_size=2, unique_by=lambda pair: pair[0]).map(tuple)
    return st.one_of(st.just(()), some)


WRITE = {
    "dryRun": ["All", "All", "None", ""],
    "fieldManager": [*MANAGERS, "x" * 129, "a\nb"],
    "fieldValidation": ["Strict", "Ignore", "Warn", "Odd"],
}
APPLIED = {**WRITE, "force": ["true", "false", "perhaps"]}
VALIDATED = ("Strict", "Ignore", "Warn")
SELECTED = {
    "labelSelector": ["l=1", "l!=1", "l in (1,2)", "!l", "l notin (1)", "l==2,m", "l=", "l in 1", "=x", "l>1", "a,,b"],
    "fieldSelector": ["metadata.name=a", "metadata.name!=a", "spec.color=green", "status.phase=Running", "nope=1", "x"],
}
LISTED = {
    **SELECTED,
    "limit": ["1", "2", "-1", "x", "0"],
    "resourceVersion": ["0", "", "abc", "-1", "9999999999"],
    "resourceVersionMatch": ["Exact", "NotOlderThan", "Odd"],
    "sendInitialEvents": ["true", "x"],
    "continue": ["forged", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MCwic3RhcnQiOiJhIn0"],
}
DELETED = {
    "propagationPolicy": ["Foreground", "Background", "Orphan", "Odd"],
    "gracePeriodSeconds": ["0", "5", "-1", "x"],
    "dryRun": ["All", "Some"],
    "orphanDependents": ["true", "false"],
}
OPTIONS: dict[str, list[Any]] = {
    "propagationPolicy": ["Foreground", "Background", "Orphan", "Odd"],
    "gracePeriodSeconds": [0, 0, 5, -1, "x"],
    "dryRun": [["All"], ["Some"], "All"],
    "orphanDependents": [True, False],
    "preconditions": [
        {"uid": "current"},
        {"uid": "other"},
        {"resourceVersion": "current"},
        {"resourceVersion": "stale"},
        {"resourceVersion": "1", "uid": "current"},
        {},
    ],
    "nope": [1],
}


def options() -> st.SearchStrategy[dict[str, Any]]:
    pairs = [st.sampled_from(choices).map(lambda value, name=name: (name, value)) for name, choices in OPTIONS.items()]
    return st.lists(st.one_of(pairs), max_size=2, unique_by=lambda pair: pair[0]).map(dict)


def some(choices: tuple[Edit, ...], *, most: int = 3) -> st.SearchStrategy[tuple[Edit, ...]]:
    return st.lists(st.sampled_from(choices), max_size=most).map(tuple)


def changes(kind: Kind, *, directives: bool = False) -> st.SearchStrategy[tuple[Edit, ...]]:
    """Draw edits of an object, more of the kind's own than of those that all kinds share."""
    own = tuple(edit for edit in kind.edits if directives or not edit.directive)
    shared = tuple(edit for edit in METADATA if directives or not edit.directive)
    return st.lists(st.one_of(st.sampled_from(own), st.sampled_from(own), st.sampled_from(shared)), max_size=3).map(
        tuple
    )


def writes(kind_name: str, kind: Kind) -> st.SearchStrategy[Step]:
    """Draw one step with an object of a kind."""
    name = st.sampled_from(NAMES)
    at = {"kind": st.just(kind_name), "name": name}
    versions = st.sampled_from(["", "", "", "none", "stale", "wrong"])
    operations = st.lists(
        st.sampled_from(["add", "replace", "remove", "test", "copy", "move", "odd"]), min_size=3, max_size=3
    ).map(tuple)
    manager = st.sampled_from(MANAGERS)
    forced = st.sampled_from([(), (("force", "true"),)])

    def applied(more: st.SearchStrategy[tuple[tuple[str, str], ...]]) -> st.SearchStrategy[tuple[tuple[str, str], ...]]:
        chosen = st.tuples(manager, forced).map(lambda pair: (("fieldManager", pair[0]), *pair[1]))
        return st.one_of(chosen, chosen, chosen, more)

    def step(verb: str, **fields: Any) -> st.SearchStrategy[Step]:
        return st.builds(Step, verb=st.just(verb), **at, **fields)

    create = step("create", edits=changes(kind), query=queries(**WRITE))
    plain = step("create")
    update = step("update", edits=changes(kind), query=queries(**WRITE), version=versions)
    merge = step("merge", edits=changes(kind), query=queries(**APPLIED))
    json_patch = step("json", edits=changes(kind), operations=operations, query=queries(**WRITE))
    apply = step("apply", edits=changes(kind), query=applied(queries(**APPLIED)), whole=st.booleans())
    delete = step("delete", options=options(), query=queries(**DELETED))
    wipe = step("collection", query=queries(**SELECTED), options=options())
    get = step("get", query=queries(resourceVersion=["0", "abc", "9999999999"]))
    read = step("list", query=queries(**LISTED))
    chosen = [plain, create, update, update, merge, json_patch, apply, apply, delete, wipe, get, read]
    if not kind.custom:
        chosen.append(step("strategic", edits=changes(kind, directives=True), query=queries(**WRITE)))
    else:
        chosen.append(step("strategic", edits=changes(kind)))
    if kind.status:
        state = {"edits": some(kind.status), "subresource": st.just("status")}
        chosen += [
            step("update", **state, version=versions, query=queries(**WRITE)),
            step("merge", **state, query=queries(**WRITE)),
            step("apply", **state, query=applied(queries(**APPLIED)), whole=st.just(value=False)),
            step("get", subresource=st.just("status")),
        ]
    if kind.scale:
        state = {"edits": some(_SCALES, most=2), "subresource": st.just("scale")}
        chosen += [
            step("update", **state, version=versions, query=queries(**WRITE)),
            step("merge", **state, query=queries(**WRITE)),
            step("apply", **state, query=applied(queries(**APPLIED))),
            step("get", subresource=st.just("scale")),
        ]
    if kind.plural == "pods":
        chosen.append(step("post", subresource=st.just("eviction"), options=options(), query=queries(dryRun=["All"])))
        chosen.append(step("post", subresource=st.just("binding"), query=queries(dryRun=["All"])))
    return st.one_of(chosen)


def sequences(
    *, kinds: st.SearchStrategy[tuple[str, ...]] | None = None, length: int = 15
) -> st.SearchStrategy[tuple[Step, ...]]:
    """Draw a sequence that keeps to a kind or two, so that its steps meet."""
    chosen = st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=2, unique=True).map(tuple)
    if kinds is not None:
        chosen = kinds
    return chosen.flatmap(
        lambda names: st.lists(st.one_of([writes(name, KINDS[name]) for name in names]), min_size=1, max_size=length)
    ).map(tuple)


def watches(steps: tuple[Step, ...]) -> list[Watch]:
    """Choose watches for the kinds of a sequence: of everything, and of what is selected by label and by name."""
    chosen: list[Watch] = []
    for kind in dict.fromkeys(step.kind for step in steps):
        chosen.append(Watch(kind, ()))
        chosen.append(Watch(kind, (("labelSelector", "l!=1"),)))
        chosen.append(Watch(kind, (("fieldSelector", "metadata.name!=b"),)))
    if any(step.kind == "widget" for step in steps):
        chosen.append(Watch("widget", (("fieldSelector", "spec.color=red"),)))
    return chosen
