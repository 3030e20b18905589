"""Entries as they may be kept: bounded, and without secrets. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from kubewright.api.crds.auditrecord import DECIDED, LONG_TEXT, MOST_ACTIONS, MOST_DETAILS, TEXT, Entry
from kubewright.api.meta import EMPTY
from kubewright.api.plan import Plan
from kubewright.api.secrecy import HIDDEN, is_secret_name, redacted

_MOST_ABOUT = 512


def entry(
    who: str,
    about: str,
    why: str,
    *,
    actions: Iterable[object] = (),
    outcome: str = "",
    details: Mapping[str, str] = EMPTY,
) -> Entry:
    """Return an entry to give to an AuditLog; `who` is a service or a person, `about` is `Kind/namespace/name`.

    Actions are written as they say themselves; a Plan's (`of_plan`) never hold what an object contains.
    """
    return Entry(
        kind=DECIDED,
        who=who,
        about=about,
        why=why,
        actions=tuple(str(each) for each in actions),
        outcome=outcome,
        details=details,
    )


def of_plan(who: str, about: str, plan: Plan, **details: str) -> Entry:
    """Return the entry of a plan that is about to be carried out."""
    return entry(who, about, plan.reason, actions=plan.actions, details=details)


def kept(given: Entry) -> Entry:
    """Return an entry as it is kept."""
    actions = [_text(each, LONG_TEXT) for each in given.actions[:MOST_ACTIONS]]
    if len(given.actions) > MOST_ACTIONS:
        actions[-1] = f"and {len(given.actions) - MOST_ACTIONS + 1} more"
    details = {
        _text(name, TEXT): HIDDEN if is_secret_name(name) else _text(text, LONG_TEXT)
        for name, text in list(given.details.items())[:MOST_DETAILS]
    }
    return replace(
        given,
        who=_text(given.who, TEXT),
        about=_text(given.about, _MOST_ABOUT),
        why=_text(given.why, LONG_TEXT),
        actions=tuple(actions),
        outcome=_text(given.outcome, LONG_TEXT),
        details=details,
    )


def _text(text: str, most: int) -> str:
    clean = redacted(text)
    return clean if len(clean) <= most else f"{clean[: most - 3]}..."
