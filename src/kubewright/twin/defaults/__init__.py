"""What the API server fills in before it validates an object, and the form in which it keeps it.

The verbs call `apply_defaults` on their private copy of every body, patched object and stored object read back.
"""

from __future__ import annotations

from collections.abc import Collection

from kubewright.api.meta import Manifest
from kubewright.twin.defaults.canonical import canonicalize
from kubewright.twin.defaults.metadata import clean_metadata
from kubewright.twin.kinds import KindInfo
from kubewright.twin.validation.structural_defaults import apply_schema_defaults

__all__ = ["apply_defaults"]


def apply_defaults(kind: KindInfo, obj: Manifest, settled: Collection[str] = (), *, nulls: bool = False) -> None:
    """Fill in defaults and bring the object into the server's form, in place; its `settled` parts are in it already.

    Built-in kinds lose nulls and empty values as Go's encoder loses them, and their quantities become canonical.
    Custom ones keep the nulls that their schema does not allow if `nulls`: the applied ones.
    """
    if kind.custom:
        clean_metadata(obj)
        apply_schema_defaults(kind.schema, obj, nulls=nulls)
    else:
        canonicalize(obj, kind.definition, settled)
