"""The wheel's bill of materials, CycloneDX 1.6: `python -m tools.sbom`, which `make sbom` calls.

Components are what `pip install kubewright` brings, with its extras, as pinned in requirements.lock with their hashes;
licences are those that the packages declare. The same lock gives the same bytes: it names no time and draws no number.
"""

from __future__ import annotations

import json
import re
import tomllib
import uuid
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
OUTPUT = ROOT / "sbom" / "kubewright.cdx.json"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_BY_CLASSIFIER = {
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: BSD License": "BSD-3-Clause",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Python Software Foundation License": "PSF-2.0",
}
_BY_NAME = {
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
}
_LONGEST = 100
_PLACE = {
    "python_version": "3.11",
    "python_full_version": "3.11.0",
    "sys_platform": "linux",
    "platform_system": "Linux",
}
"""Where what is needed is asked: the oldest Python that will do, which needs the most."""


def pins(lock: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return name -> (version, hashes) of a lock."""
    found: dict[str, tuple[str, list[str]]] = {}
    current: list[str] = []
    for line in lock.splitlines():
        if pin := _PIN.match(line):
            current = found.setdefault(canonicalize_name(pin[1]), (pin[2], []))[1]
        current += _HASH.findall(line)
    return {name: (version, tuple(sorted(set(hashes)))) for name, (version, hashes) in found.items()}


def needs(asked: Iterable[str]) -> list[str]:
    """Return the names of what a package asks for itself, of the requirements that it states."""
    wanted = [Requirement(text) for text in asked]
    environment = {**_PLACE, "extra": ""}
    return sorted(
        {canonicalize_name(each.name) for each in wanted if each.marker is None or each.marker.evaluate(environment)}
    )


def tree(project: Mapping[str, Any], locked: dict[str, tuple[str, tuple[str, ...]]]) -> dict[str, list[str]]:
    """Return name -> what it needs, of all that kubewright brings; its own is first, and goes by pyproject.toml."""
    extras = chain.from_iterable(project["optional-dependencies"].values())
    found = {"kubewright": needs([*project["dependencies"], *extras])}
    waiting = list(found["kubewright"])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = [each for each in needs(metadata.requires(name) or ()) if each in locked]
            waiting += found[name]
    return found


def licence(name: str) -> str:
    """Return the SPDX expression of what a package declares; empty where it says nothing that is understood."""
    said = metadata.metadata(name)
    if expression := said.get("License-Expression"):
        return expression
    by_class = [_BY_CLASSIFIER[each] for each in said.get_all("Classifier") or () if each in _BY_CLASSIFIER]
    text = (said.get("License") or "").strip()
    return by_class[0] if by_class else _BY_NAME.get(text, text if len(text) < _LONGEST else "")


def bill() -> dict[str, Any]:
    """Return the document."""
    locked = pins((ROOT / "requirements.lock").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = tree(project, locked)
    references = {name: f"pkg:pypi/{name}@{locked[name][0].replace('!', '%21')}" for name in needed if name in locked}
    references["kubewright"] = f"pkg:pypi/kubewright@{project['version']}"
    own = {
        "type": "application",
        "bom-ref": references["kubewright"],
        "name": "kubewright",
        "version": project["version"],
        "description": project["description"],
        "licenses": [{"expression": project["license"]}],
        "purl": references["kubewright"],
    }
    content: dict[str, Any] = {
        "metadata": {"component": own},
        "components": list(_components(locked, references)),
        "dependencies": [
            {"ref": references[name], "dependsOn": [references[each] for each in needed[name] if each in references]}
            for name in sorted(needed)
        ],
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(content, sort_keys=True))
    head = {"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": f"urn:uuid:{serial}", "version": 1}
    return {**head, **content}


def text() -> str:
    """Return the document as it is written: a component a line."""
    return json.dumps(bill(), separators=(",", ":")).replace('{"type":"library"', '\n{"type":"library"') + "\n"


def _components(locked: dict[str, tuple[str, tuple[str, ...]]], references: dict[str, str]) -> Iterator[dict[str, Any]]:
    for name in sorted(references.keys() - {"kubewright"}):
        version, hashes = locked[name]
        expression = licence(name)
        yield {
            "type": "library",
            "bom-ref": references[name],
            "name": name,
            "version": version,
            **({"licenses": [{"expression": expression}]} if expression else {}),
            "purl": references[name],
            # Each hash is of one file that may be installed: the sources, or a wheel for a platform.
            "externalReferences": [
                {
                    "type": "distribution",
                    "url": references[name],
                    "hashes": [{"alg": "SHA-256", "content": each} for each in hashes],
                }
            ],
        }


def main() -> None:
    """Write it."""
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(text())
    print(OUTPUT.relative_to(ROOT))


if __name__ == "__main__":
    main()
