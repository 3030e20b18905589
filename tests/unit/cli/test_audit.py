"""`kubewright audit` on an export: what it says, and its exit codes."""

from __future__ import annotations

import json

import msgspec
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kubewright.api.crds.auditrecord import Entry
from kubewright.audit.chain import link
from kubewright.cli.main import cli, run

KEY = Ed25519PrivateKey.generate()


@pytest.fixture
def export(tmp_path):
    file, previous, lines = tmp_path / "audit.jsonl", "", []
    for number in range(1, 5):
        kind = "Intended" if number < 4 else "Decided"
        said = Entry(
            id=f"e{number}",
            at="2027-01-01T00:00:00Z",
            kind=kind,
            who="healing",
            about=f"Node/n{number}",
            why="it hangs",
            actions=("cordon it",),
        )
        spec = link(number, previous, "healing", "2027-01-01T00:00:00Z", (said,), key=KEY)
        previous = spec["hash"]
        lines.append(msgspec.json.encode(spec))
    file.write_bytes(b"\n".join(lines) + b"\n")
    return file


def audit(*args):
    found = CliRunner().invoke(cli, ["audit", *map(str, args)], standalone_mode=False)
    assert found.exception is None, found.exception
    return found.return_value or 0, found.output


def test_an_intact_chain_is_told_with_its_head_and_exit_code_0(export):
    code, output = audit("verify", "--file", export)
    assert code == 0
    assert output.splitlines()[0] == "without an outcome: e1"
    assert output.splitlines()[-1].startswith("intact: records 1 to 4, 4 entries, head ")


def test_a_removed_line_is_told_and_exit_code_3(export):
    lines = export.read_text().splitlines(keepends=True)
    export.write_text("".join(lines[:1] + lines[2:]))
    code, output = audit("verify", "--file", export)
    assert code == 3
    assert output.splitlines()[0] == "record 2: removed: 2"
    assert json.loads(audit("verify", "--file", export, "-o", "json")[1])["findings"] == [
        {"sequence": 2, "what": "removed: 2"}
    ]


def test_signatures_are_verified_by_a_public_key(export, tmp_path):
    pem = tmp_path / "key.pem"
    for key, expected in ((KEY, 0), (Ed25519PrivateKey.generate(), 3)):
        pem.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        assert audit("verify", "--file", export, "--key", pem)[0] == expected


def test_entries_are_listed_and_shown(export):
    listed = audit("list", "--file", export, "--about", "n2")[1].splitlines()
    assert [each.split(maxsplit=4) for each in listed] == [
        ["WHEN", "KIND", "WHO", "ABOUT", "WHAT"],
        ["2027-01-01T00:00:00Z", "Intended", "healing", "Node/n2", "it hangs"],
    ]
    assert "  1. cordon it" in audit("show", "Node/n3", "--file", export)[1].splitlines()
    assert json.loads(audit("show", "4", "--file", export, "-o", "json")[1])[0]["about"] == "Node/n4"


def test_what_cannot_be_read_is_told_in_one_line(tmp_path, capsys):
    file = tmp_path / "none.jsonl"
    assert run(lambda: cli.main(["audit", "verify", "--file", str(file)], standalone_mode=False)) == 1
    assert "No such file" in capsys.readouterr().err
    file.write_text("{}\nnonsense\n")
    assert run(lambda: cli.main(["audit", "verify", "--file", str(file)], standalone_mode=False)) == 1
    assert "line 2" in capsys.readouterr().err
