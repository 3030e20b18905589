"""How commands fail: in one line with the next step, whatever it was."""

import errno
import getpass

import click
import pytest
from click.testing import CliRunner

from kubewright.cli.exits import Exit
from kubewright.cli.incidentcalls import user
from kubewright.cli.main import run
from kubewright.cli.measurements import measured_by
from kubewright.cli.net import net
from kubewright.cli.nextsteps import next_step
from kubewright.cli.operate import load_build
from kubewright.errors import ErrorKind, OpError

FULL = OSError(errno.ENOSPC, "No space left on device")


def failing(error):
    def command():
        raise error

    return command


@pytest.mark.parametrize("error", [FULL, ExceptionGroup("tasks", [FULL])], ids=["alone", "of a task"])
def test_a_full_disk_is_said_in_a_line(error, capsys):
    assert run(failing(error)) == Exit.FAILED
    assert capsys.readouterr().err == "kubewright: No space left on device\n"


def test_a_mistake_of_the_program_is_not_taken_for_one():
    with pytest.raises(PermissionError):
        run(failing(PermissionError(errno.EACCES, "Permission denied")))


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (OpError("client.list", ErrorKind.NOT_FOUND, "Team/*", "HTTP 404: 404 page not found"), "kubewright crds"),
        (OpError("client.get", ErrorKind.NOT_FOUND, "Team/a", 'teams "a" not found'), ""),
        (OpError("client.list", ErrorKind.UNAVAILABLE, "Node/*", "connection refused"), "is the cluster up?"),
        (OpError("install", ErrorKind.CONFLICT, "kubewright 2", "2 is installed, which is newer"), ""),
        (OpError("savefile.write", ErrorKind.UNAVAILABLE, "x", "No space left on device"), ""),
    ],
    ids=["a kind that is not there", "an object that is not there", "no cluster", "a newer release", "no disk"],
)
def test_the_next_step_is_that_of_the_failure(failure, words):
    assert (words in next_step(failure)) if words else next_step(failure) == ""


@pytest.mark.parametrize("folder", ["file/in", "missing/in"])
def test_a_file_that_cannot_be_is_said_in_a_line(tmp_path, capsys, folder):
    (tmp_path / "file").touch()
    place = tmp_path / folder
    assert run(place.mkdir) == Exit.FAILED
    assert capsys.readouterr().err.startswith(f"kubewright: {place}: No")


@pytest.mark.parametrize("error", [BrokenPipeError(), ExceptionGroup("tasks", [BrokenPipeError()])])
def test_a_reader_that_has_gone_is_told_nothing(error, capfd):
    assert run(failing(error)) == Exit.FAILED
    assert capfd.readouterr().err == ""


def test_who_reaches_whom_has_no_answer_without_a_cluster(tmp_path):
    asked = CliRunner().invoke(
        net, ["can-reach", "pod/a", "pod/b", "--kubeconfig", str(tmp_path / "none")], standalone_mode=False
    )
    assert asked.return_value == Exit.UNWELL, "1 would be an answer"
    assert "kubeconfig.load" in asked.stderr


@pytest.mark.parametrize("url", ["http://[x", "http://x:bad", "ftp://x", "x"])
async def test_a_store_whose_address_is_no_url_is_refused(url):
    with pytest.raises(OpError, match="a store's address is a URL"):
        async with measured_by(url):
            pass


def test_an_operator_is_named_in_full():
    with pytest.raises(OpError, match="write MODULE:BUILD"):
        load_build(".app:build")


def test_who_is_unknown_to_the_machine_says_it(monkeypatch):
    def nobody():
        raise KeyError("getpwuid(): uid not found: 1000")

    monkeypatch.setattr(getpass, "getuser", nobody)
    with pytest.raises(click.UsageError, match="say --by"):
        user()
