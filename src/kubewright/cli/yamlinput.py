"""YAML as people write it, read as kubectl reads it: what JSON can say, with keys that are text and are said once.

`documents` reads files by it. A date stays the text that it is, and `on: x` has the key `true`, as on a server.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from typing import Any

import yaml
from yaml.constructor import ConstructorError

_MERGE = "tag:yaml.org,2002:merge"
_TAGS = ("null", "bool", "int", "float", "seq", "map", "str")


class _Loader(yaml.SafeLoader):
    """Makes what JSON can say, and refuses everything else."""

    def compose_mapping_node(self, anchor: Any) -> Any:
        """Refuse a key that is said twice: one of the two would be lost without a word."""
        node: Any = super().compose_mapping_node(anchor)
        known: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            if (key.tag, key.value) in known:
                raise ConstructorError("while reading an object", node.start_mark, _twice(key), key.start_mark)
            known.add((key.tag, key.value))
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        """Return an object with keys of text."""
        found: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return {_key(name, node): value for name, value in found.items()}

    def construct_yaml_float(self, node: Any) -> float:
        """Return a number that JSON has, too."""
        found: float = super().construct_yaml_float(node)
        if not math.isfinite(found):
            raise ConstructorError(None, None, f"{node.value} is no number in JSON", node.start_mark)
        return found


def documents(text: str) -> Iterator[Any]:
    """Yield the documents of a text, None for empty ones; raises ValueError that says what is wrong with it."""
    try:
        yield from yaml.load_all(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _twice(key: yaml.ScalarNode) -> str:
    return f"the key {key.value!r} is there twice"


def _key(name: Any, node: Any) -> str:
    if isinstance(name, str):
        return name
    if isinstance(name, bool):
        return "true" if name else "false"
    if isinstance(name, int | float):
        return str(name)
    raise ConstructorError("while reading an object", node.start_mark, f"{name!r} is no key", node.start_mark)


_Loader.yaml_constructors = {
    **{f"tag:yaml.org,2002:{each}": yaml.SafeLoader.yaml_constructors[f"tag:yaml.org,2002:{each}"] for each in _TAGS},
    "tag:yaml.org,2002:float": _Loader.construct_yaml_float,
    "tag:yaml.org,2002:timestamp": yaml.SafeLoader.yaml_constructors["tag:yaml.org,2002:str"],
    None: yaml.SafeLoader.yaml_constructors[None],
}
