"""Whether a live object still says what we want of it.

Server-side apply of an unchanged manifest changes nothing, but it is a request all the same; an idle platform sends
none. So each manifest carries a fingerprint of itself as an annotation, and a live object is left alone when it bears
the same fingerprint and still contains every field of the manifest. The first notices a change of mind (also a field
that is no longer wanted), the second somebody else's edit. What others added beside our fields is theirs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from kubewright.api.meta import Manifest

FINGERPRINT = "kubewright.dev/fingerprint"

# An abstract class alone is asked at length whether it knows an instance; what JSON decodes to is known at once.
_PLAIN = (str, int, float, type(None))
_MAPPINGS = (dict, Mapping)
_SEQUENCES = (list, tuple, Sequence)


def with_fingerprint(manifest: Manifest) -> Manifest:
    """Return the manifest with the annotation that tells a later `covers` whether our mind has changed."""
    digest = hashlib.sha256(msgspec.json.encode(manifest, order="deterministic")).hexdigest()[:16]
    metadata = manifest["metadata"]
    annotations = {**metadata.get("annotations", {}), FINGERPRINT: digest}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def covers(live: object, desired: object) -> bool:
    """Tell whether `live` holds every field of `desired`; a list's items may stand among others, in any order."""
    if live == desired:  # most parts are, and this is one comparison in C
        return True
    if isinstance(desired, _PLAIN):
        return False
    if isinstance(desired, _MAPPINGS):
        return isinstance(live, _MAPPINGS) and _covers_fields(
            cast("Mapping[str, Any]", live), cast("Mapping[str, Any]", desired)
        )
    if isinstance(desired, _SEQUENCES):
        return isinstance(live, _SEQUENCES) and _covers_items(
            cast("Sequence[Any]", live), cast("Sequence[Any]", desired)
        )
    return False


def _covers_fields(live: Mapping[str, Any], desired: Mapping[str, Any]) -> bool:
    # An API server does not store a zero value or an empty list, so a field that is not there says the same.
    return all(covers(live[name], value) if name in live else not value for name, value in desired.items())


def _covers_items(live: Sequence[Any], desired: Sequence[Any]) -> bool:
    if not any(isinstance(item, Mapping) for item in desired):
        return list(live) == list(desired)
    return all(any(covers(candidate, item) for candidate in live) for item in desired)
