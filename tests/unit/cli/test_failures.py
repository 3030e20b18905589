"""How commands fail: in one line with the next step, whatever it was."""

import errno

import pytest

from kubewright.cli.exits import Exit
from kubewright.cli.main import run
from kubewright.cli.nextsteps import next_step
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
