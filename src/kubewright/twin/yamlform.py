"""Answers as YAML, laid out as the API server's: keys sorted, and double quotes around text that needs quotes."""

from __future__ import annotations

from typing import cast

import msgspec
import yaml

from kubewright.client.transport import Response
from kubewright.twin.media import JSON, PROTOBUF, YAML

_WRITTEN = frozenset({JSON, "application/*", "*/*", YAML, PROTOBUF})
_TEXT = "tag:yaml.org,2002:str"
_LONGEST_LINE = 1 << 20
"""No text is folded."""


def wants_yaml(accept: str) -> bool:
    """Tell whether YAML is the first in an Accept header of the media types that are written."""
    if YAML not in accept:
        return False
    medias = (clause.partition(";")[0].strip() for clause in accept.split(","))
    return next((media == YAML for media in medias if media in _WRITTEN), False)


def in_yaml(response: Response) -> Response:
    """Return a JSON answer as YAML, and any other (a log, a watch) as it is."""
    if response.stream is not None or response.headers.get("content-type") != JSON:
        return response
    text = yaml.dump(msgspec.json.decode(response.body), Dumper=_Dumper, width=_LONGEST_LINE, allow_unicode=True)
    return msgspec.structs.replace(response, headers={**response.headers, "content-type": YAML}, body=text.encode())


class _Dumper(yaml.SafeDumper):
    """Writes text as Go's YAML does."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Choose how text is written: lines as a block, what would read as another type in quotes, all else plain."""
    style = "|" if "\n" in text else '"' if _reads_as_another(dumper, text) else None
    return dumper.represent_scalar(_TEXT, text, style)  # pyright: ignore[reportUnknownMemberType]  PyYAML is untyped


def _reads_as_another(dumper: yaml.SafeDumper, text: str) -> bool:
    tag = dumper.resolve(yaml.ScalarNode, text, (True, False))  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]
    return cast("str", tag) != _TEXT


_Dumper.add_representer(str, _text)
