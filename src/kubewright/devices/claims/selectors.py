"""Which devices a class or a request means: CEL over `device`, asked once of each device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from kubewright.api.resourceclaims import Device, DeviceAttribute

if TYPE_CHECKING:
    from kubewright.expressions.program import Language, Program
    from kubewright.expressions.syntax import Node

_REMEMBERED = 1024


class SelectorError(Exception):
    """An expression is wrong, or has no value for a device."""


@cache
def _language() -> Language:
    # Loaded when the first claim comes: the runtime is a library of 14 MB.
    from kubewright.expressions.program import Language
    from kubewright.expressions.types import BOOL, DYN, STRING, CelType, map_of

    quantities = map_of(STRING, map_of(STRING, CelType("kubernetes.Quantity")))
    fields = {
        "driver": STRING,
        "allowMultipleAllocations": BOOL,
        "attributes": map_of(STRING, map_of(STRING, DYN)),
        "capacity": quantities,
    }
    return Language({"device": CelType("kubernetes.DRADevice", fields=fields)}, bindings=True)


@dataclass(frozen=True, slots=True)
class Selector:
    """A compiled expression."""

    program: Program
    domains: frozenset[str]
    """The domains that it looks into without asking whether they are there: they are, if only empty."""

    def matches(self, driver: str, device: Device) -> bool:
        """Tell whether a device of a driver passes; raises SelectorError."""
        from kubewright.expressions.program import EvaluationError

        try:
            found = self.program.run({"device": self._shown(driver, device)})
        except (EvaluationError, ValueError) as error:
            raise SelectorError(f"CEL runtime error: {error}") from error
        return found is True

    def _shown(self, driver: str, device: Device) -> dict[str, Any]:
        from kubewright.expressions.quantities import to_quantity

        amounts = {name: to_quantity(str(each.value)) for name, each in device.capacity.items()}
        return {
            "driver": driver,
            "allowMultipleAllocations": device.allow_multiple_allocations,
            "attributes": self._by_domain(driver, {name: _value(each) for name, each in device.attributes.items()}),
            "capacity": self._by_domain(driver, amounts),
        }

    def _by_domain(self, driver: str, values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {domain: {} for domain in self.domains}
        for name, each in values.items():
            domain, _, short = name.rpartition("/")
            found.setdefault(domain or driver, {})[short] = each
        return found


def _value(attribute: DeviceAttribute) -> Any:
    from kubewright.expressions.versions import to_version

    if attribute.version_value is not None:
        return to_version(attribute.version_value)
    given = (attribute.int_value, attribute.bool_value, attribute.string_value)
    return next((each for each in given if each is not None), None)


@lru_cache(maxsize=_REMEMBERED)
def compiled(expression: str) -> Selector:
    """Return an expression ready to be asked; raises SelectorError."""
    from kubewright.expressions.program import CompileError, NotModelledError

    try:
        program = _language().compile(expression)
    except CompileError as error:
        raise SelectorError(f"CEL compile error: compilation failed: {error}") from error
    except NotModelledError as error:
        raise SelectorError(f"CEL compile error: {error} is not known here") from error
    if program.result.name not in {"bool", "dyn"}:
        raise SelectorError("CEL compile error: must evaluate to bool")
    root = program.syntax.root
    return Selector(program, frozenset(_looked_into(root)) - frozenset(_asked_for(root)))


def _looked_into(node: Node) -> Iterator[str]:
    """Yield the texts that something is indexed by."""
    from kubewright.expressions import syntax

    for each in syntax.walk(node):
        match each.content:
            case syntax.Invoke("_[_]", _, (_, syntax.Node(_, syntax.Const("string", text)))):
                yield text
            case _:
                pass


def _asked_for(node: Node) -> Iterator[str]:
    """Yield the texts that are looked for with `in`."""
    from kubewright.expressions import syntax

    for each in syntax.walk(node):
        match each.content:
            case syntax.Invoke("@in", _, (syntax.Node(_, syntax.Const("string", text)), _)):
                yield text
            case _:
                pass
