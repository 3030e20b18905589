"""What reaches the terminal, and in which form."""

import csv
import io
import json

import pytest
import yaml
from click.testing import CliRunner

from kubewright.cli.columns import CELL_AT_MOST, Table, columns
from kubewright.cli.main import cli, run
from kubewright.cli.nextsteps import next_step
from kubewright.cli.printing import show_table
from kubewright.cli.terminal import coloured, harmless, say
from kubewright.errors import ErrorKind, OpError

HOSTILE = "web\x1b[2J\x1b]0;owned\x07\u202etxt\x9b31m\r"
TABLE = Table(("NAME", "STATE", "MESSAGE"), [("a", "good", HOSTILE), ("bc", "bad", "x" * 5000)], ["app/a", "app/bc"], 2)


def shown(capsys, output):
    show_table(output, TABLE, lambda: [dict(zip(TABLE.head, row, strict=True)) for row in TABLE.rows])
    return capsys.readouterr().out


def test_nothing_that_acts_on_a_terminal_is_printed(capsys):
    say(HOSTILE)
    out = capsys.readouterr().out
    assert out == "web\\x1b[2J\\x1b]0;owned\\x07\\u202etxt\\x9b31m\\x0d\n"


def test_words_of_any_language_stay_as_they_are():
    assert harmless("Größe, 大小, حجم\n\tx") == "Größe, 大小, حجم\n\tx"


@pytest.mark.parametrize("output", ["table", "wide", "json", "yaml", "csv", "name"])
def test_hostile_cells_are_harmless_in_every_form(capsys, output):
    out = shown(capsys, output)
    assert not any(ord(each) < 32 and each != "\n" for each in out)
    assert "\u202e" not in out
    assert "\x9b" not in out


def test_a_table_has_fewer_columns_than_its_wide_form_and_no_endless_cells(capsys):
    assert shown(capsys, "table").splitlines() == ["NAME  STATE", "a     good", "bc    bad"]
    wide = shown(capsys, "wide").splitlines()
    assert wide[2].endswith("x…")
    assert len(wide[2]) == len("bc    bad    ") + CELL_AT_MOST


def test_what_programs_read_is_whole(capsys):
    assert json.loads(shown(capsys, "json"))[1]["MESSAGE"] == "x" * 5000
    assert yaml.safe_load(shown(capsys, "yaml"))[0]["MESSAGE"] == HOSTILE
    rows = list(csv.reader(io.StringIO(shown(capsys, "csv"))))
    assert rows[0] == ["name", "state", "message"]
    assert rows[2][2] == "x" * 5000
    assert shown(capsys, "name") == "app/a\napp/bc\n"


def test_a_cell_with_a_line_feed_stays_in_its_row():
    assert list(columns([("a\nb", "c")])) == ["a\\nb  c"]


def test_an_empty_table_says_so(capsys):
    show_table("table", Table(("NAME",), [], empty="Nothing is wrong."), list)
    assert capsys.readouterr().out == "Nothing is wrong.\n"


def test_colour_is_for_a_terminal_and_not_against_its_readers_will(monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert coloured()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured()
    assert coloured(True)
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not coloured()
    monkeypatch.setattr("sys.stdout.isatty", lambda: False)
    assert not coloured()


@pytest.mark.parametrize(
    ("failure", "step"),
    [
        (OpError("client.list", ErrorKind.UNAVAILABLE, "pods", "connection refused"), "--context"),
        (OpError("list", ErrorKind.FORBIDDEN, "pods", "because"), "kubewright doctor"),
        (OpError("list", ErrorKind.UNAUTHORIZED, "pods", "because"), "log in"),
        (
            OpError("list", ErrorKind.NOT_FOUND, "teams", "the server could not find the requested resource"),
            "kubewright crds | kubectl apply",
        ),
    ],
)
def test_a_failure_says_what_to_do_next(failure, step, capsys):
    def fails():
        raise failure

    assert run(fails) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[0] == f"kubewright: {failure}"
    assert said[1].startswith("  next: ")
    assert step in said[1]


@pytest.mark.parametrize(
    "failure",
    [
        OpError("get", ErrorKind.NOT_FOUND, "Team/a", 'teams "a" not found'),
        OpError("savefile.write", ErrorKind.UNAVAILABLE, "day.kwt", "No space left on device"),
    ],
)
def test_what_says_it_all_has_no_next_step(failure):
    assert next_step(failure) == ""


@pytest.mark.parametrize("command", [["incidents", "list"], ["team", "list"], ["drill", "list"]])
def test_what_is_listed_has_the_usual_forms(command):
    said = CliRunner().invoke(cli, [*command, "--help"], env={"COLUMNS": "200"}).output
    for form in ("table", "json", "yaml", "name", "csv"):
        assert form in said


def test_wide_characters_and_accents_keep_columns_in_line():
    rows = [("NAME", "NEXT"), ("\u540d\u524d\u540d", "a"), ("e\u0301t\u00e9", "b"), ("x", "c")]
    lines = list(columns(rows))
    # U+540D takes two places, U+0301 none: seven before the column that follows, less what a line saves by it.
    assert [len(line.rstrip("NEXTabc")) for line in lines] == [8, 5, 9, 8]
