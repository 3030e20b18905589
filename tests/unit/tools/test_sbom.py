"""The wheel's bill of materials: valid, up to date, in the wheel, and of licences that we may pass on."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tools.sbom import OUTPUT, ROOT, bill, pins, text

ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "PSF-2.0",
    "Zlib",
}


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="what newer Pythons do not need is not installed there")
def test_it_is_what_the_lock_makes_of_it_and_a_second_time_the_same():
    assert text() == text()
    # Licences and needs are those of what is installed; `make sbom` after `make lock`.
    assert OUTPUT.read_text() == text()


def test_it_keeps_to_the_schema():
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(OUTPUT.read_text()) is None


def test_every_component_is_pinned_by_hashes():
    locked = pins((ROOT / "requirements.lock").read_text())
    for each in bill()["components"]:
        (files,) = each["externalReferences"]
        assert each["version"] == locked[each["name"]][0]
        assert tuple(sorted(one["content"] for one in files["hashes"])) == locked[each["name"]][1] != ()


def test_every_licence_is_one_that_we_may_pass_on():
    said = {
        each["name"]: each.get("licenses", [{"expression": "nothing"}])[0]["expression"]
        for each in bill()["components"]
    }
    words = {name: set(text.replace("(", " ").replace(")", " ").split()) - {"AND", "OR"} for name, text in said.items()}
    assert {name: found - ALLOWED for name, found in words.items() if found - ALLOWED} == {}


def test_it_is_in_the_wheel(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=300)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        (inside,) = (each for each in opened.namelist() if "/sboms/" in each)
        assert inside.endswith(".dist-info/sboms/kubewright.cdx.json")
        assert json.loads(opened.read(inside)) == json.loads(OUTPUT.read_text())
