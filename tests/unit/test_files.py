import os
import resource

import pytest

from kubewright.files import adding, replacing


def write(path, content, **options):
    with replacing(path, **options) as file:
        file.write(content)


def test_a_file_is_replaced_when_all_of_it_is_written(tmp_path):
    path = tmp_path / "report"
    path.write_bytes(b"before")
    with replacing(path) as file:
        file.write(b"after")
        file.flush()
        assert path.read_bytes() == b"before"
    assert path.read_bytes() == b"after"
    assert list(tmp_path.iterdir()) == [path]


def test_what_fails_half_way_leaves_what_was_there_and_nothing_else(tmp_path):
    path = tmp_path / "report"
    path.write_bytes(b"before")
    with pytest.raises(TypeError):
        write(path, "half of it is no bytes")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_private_file_is_its_owners_alone_from_the_first(tmp_path):
    path = tmp_path / "key"
    with replacing(path, private=True) as file:
        (unfinished,) = tmp_path.iterdir()
        assert unfinished.stat().st_mode & 0o777 == 0o600
        file.write(b"secret")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_link_that_stands_in_the_way_is_not_followed(tmp_path):
    path, other = tmp_path / "key", tmp_path / "other"
    other.write_bytes(b"kept")
    path.symlink_to(other)
    write(path, b"new", private=True)
    assert other.read_bytes() == b"kept"
    assert path.read_bytes() == b"new"


def test_what_is_added_comes_after_what_is_there(tmp_path):
    path = tmp_path / "log"
    adding(path, b"one\n")
    adding(path, b"two\n")
    assert path.read_bytes() == b"one\ntwo\n"


def test_what_finds_no_room_for_all_of_it_is_not_added(tmp_path):
    path = tmp_path / "log"
    adding(path, b"one\n")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            adding(path, b"longer than there is room for\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == b"one\n"
    adding(path, b"two\n")
    assert path.read_bytes() == b"one\ntwo\n"


def test_a_pipe_takes_what_is_added(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        adding(path, b"one\n")
        assert os.read(reader, 100) == b"one\n"
    finally:
        os.close(reader)
