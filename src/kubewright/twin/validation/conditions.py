"""CEL in admission's configuration: single expressions, and the conditions under which a policy or webhook is asked.

Compiled once for each text; admission runs what validation compiled.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from kubewright.api.meta import Manifest
from kubewright.expressions.program import CompileError, Language, NotModelledError, Program
from kubewright.expressions.types import BOOL, DYN, CelType
from kubewright.twin.reading import text
from kubewright.twin.validation import names
from kubewright.twin.validation.fields import FieldError, duplicate, invalid, required, too_many

WEBHOOK_VARIABLES = ("object", "oldObject", "request")
_MOST = 64


@dataclass(frozen=True, slots=True)
class Conditions:
    """Programs that must all be true, and what is wrong with those that are none; `problems` have relative paths."""

    programs: tuple[Program, ...] = ()
    problems: tuple[FieldError, ...] = ()

    def errors(self, path: str) -> list[FieldError]:
        """Return what is wrong with the conditions at `path`."""
        return [replace(problem, field=f"{path}{problem.field}") for problem in self.problems]


def compiled_conditions(conditions: Sequence[Manifest], variables: tuple[str, ...]) -> Conditions:
    """Compile `matchConditions` for these variables."""
    return _compiled(msgspec.json.encode(conditions), variables) if conditions else Conditions()


@functools.lru_cache(maxsize=256)
def _compiled(encoded: bytes, variables: tuple[str, ...]) -> Conditions:
    conditions: list[Manifest] = msgspec.json.decode(encoded)
    errors = [too_many("", len(conditions), _MOST)] if len(conditions) > _MOST else []
    language = Language(dict[str, CelType].fromkeys(variables, DYN))
    programs: list[Program] = []
    seen: set[str] = set()
    for index, each in enumerate(conditions):
        program = compile_expression(language, text(each, "expression"), f"[{index}].expression", BOOL, errors)
        programs += [] if program is None else [program]
        path, name = f"[{index}].name", text(each, "name")
        errors += [required(path)] if not name else [invalid(path, name, each) for each in names.qualified_name(name)]
        if name and name in seen:
            errors.append(duplicate(path, name))
        seen.add(name)
    return Conditions(tuple(programs), tuple(errors))


def compile_expression(
    language: Language, source: str, path: str, wanted: CelType | None, errors: list[FieldError], *, missing: str = ""
) -> Program | None:
    """Compile an expression that shall have a type; what is wrong goes to `errors`."""
    if not source.strip():
        errors.append(required(path, missing))
        return None
    try:
        program = language.compile(source)
    except CompileError as error:
        errors.append(invalid(path, source, f"compilation failed: {error}"))
        return None
    except NotModelledError as error:
        errors.append(invalid(path, source, f"the twin does not model {error}"))
        return None
    if wanted is not None and program.result not in (wanted, DYN):
        errors.append(invalid(path, source, f"must evaluate to {wanted} but got {program.result}"))
        return None
    return program
