"""What people write into files, as the commands read it: as kubectl does, and never with a traceback."""

import io
import json
import sys

import pytest

from kubewright.cli.differences import differences
from kubewright.cli.documents import empty_server, read, read_plain
from kubewright.clock import run_virtual
from kubewright.errors import ErrorKind, OpError

HEAD = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\n"
APP = {"apiVersion": "app.example.com/v1", "kind": "AppService", "metadata": {}, "spec": {"image": "x"}}


def written(tmp_path, text):
    path = tmp_path / "file.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{HEAD}data: {{d: 1, d: 2}}\n", "the key 'd' is there twice"),
        (f"{HEAD}data: {{d: .nan}}\n", "is no number in JSON"),
        (f"{HEAD}data: {{d: !!binary aGVsbG8=}}\n", "could not determine a constructor"),
        (f"{HEAD}data: {{n: {'9' * 5000}}}\n", "integer string conversion"),
        (f"a: {'[' * 3000}{']' * 3000}\n", "nested too deeply"),
        (HEAD.encode().replace(b"name: a", b"name: \xff"), "not text in UTF-8"),
        ("kind: List\nitems: {a: 1}\n", "the items of a List"),
        ("kind: List\nitems: [1]\n", "a document is an object"),
        ("kind: List\nitems: [{kind: ConfigMap}]\n", "a document is an object"),
        ("kind: 5\nmetadata: {name: a}\n", "a document is an object"),
        ("kind: ConfigMap\nmetadata: {name: a, labels: [b]}\n", "a document is an object"),
    ],
    ids=[
        "a key twice",
        "no number",
        "bytes",
        "a number of 5000 digits",
        "3000 lists in each other",
        "not UTF-8",
        "a List of no list",
        "a List of numbers",
        "a List of what has no metadata",
        "a kind that is a number",
        "labels that are a list",
    ],
)
def test_what_is_no_manifest_is_refused_in_a_line(tmp_path, text, words):
    with pytest.raises(OpError, match=words) as caught:
        read([written(tmp_path, text)])
    assert caught.value.kind is ErrorKind.INVALID


def test_what_yaml_has_besides_json_is_read_as_text(tmp_path):
    text = f"{HEAD}data: {{at: 2024-01-01, never: 2024-13-45, on: x, 5: y}}\n"
    (found,) = read([written(tmp_path, text)])
    assert found["data"] == {"at": "2024-01-01", "never": "2024-13-45", "true": "x", "5": "y"}
    assert json.loads(json.dumps(found)) == found


def test_an_anchor_may_be_overridden_where_it_is_merged(tmp_path):
    text = f"{HEAD}x: {{a: &a {{<<: &base {{k: 1}}, k: 2}}}}\ny: {{<<: *a, k: 3}}\n"
    (found,) = read([written(tmp_path, text)])
    assert (found["x"]["a"], found["y"]) == ({"k": 2}, {"k": 3})


def test_empty_documents_and_empty_lists_hold_nothing(tmp_path):
    assert read([written(tmp_path, "---\n---\n# nothing\n--- \nkind: List\n---\nkind: List\nitems:\n")]) == []


def test_standard_input_is_read_as_a_file_is(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(HEAD.encode())))
    assert read(["-"])[0]["metadata"] == {"name": "a"}
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff")))
    with pytest.raises(OpError, match="not text in UTF-8"):
        read(["-"])


def test_settings_are_one_document(tmp_path):
    assert read_plain(written(tmp_path, "a: 1\n")) == {"a": 1}
    assert read_plain(written(tmp_path, "")) is None
    with pytest.raises(OpError, match="one document is expected, 2 are there"):
        read_plain(written(tmp_path, "a: 1\n---\nb: 1\n"))


def test_an_application_without_a_name_cannot_be_compared():
    async def ask():
        return await differences(await empty_server(), APP, "default")

    with pytest.raises(OpError, match=r"metadata\.name is needed"):
        run_virtual(ask())
