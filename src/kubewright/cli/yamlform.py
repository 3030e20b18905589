"""YAML as the commands print it: fields in their order, every value written out."""

from __future__ import annotations

from collections.abc import Iterable

import yaml

from kubewright.api.meta import Manifest


class _Plain(yaml.SafeDumper):
    """Repeats what is the same instead of referring to it, and keeps lines of text as lines."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  PyYAML's signature
        """Never refer."""
        return True


def _text(_: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return yaml.ScalarNode("tag:yaml.org,2002:str", text, style=style)


_Plain.add_representer(str, _text)


def dump_all(manifests: Iterable[Manifest]) -> str:
    """Return the documents, one after the other."""
    return yaml.dump_all(manifests, Dumper=_Plain, sort_keys=False, width=120)


def dump(document: Manifest) -> str:
    """Return one document."""
    return yaml.dump(document, Dumper=_Plain, sort_keys=False, width=120)
