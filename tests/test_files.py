"""A folder that is there whole or not at all, and files that come into it unaltered."""

import errno
import os
from pathlib import Path

import pytest

from yolact_tf.files import atomic_path, link_or_copy, new_folder, require_writable


def test_appears_with_all_that_was_written_and_the_usual_rights(tmp_path):
    target, plain = tmp_path / "deep" / "new", tmp_path / "plain"
    plain.mkdir()
    with new_folder(target) as made:
        (made / "file").write_text("whole")
        assert not target.exists()
    assert (target / "file").read_text() == "whole"
    assert target.stat().st_mode == plain.stat().st_mode
    assert os.listdir(target.parent) == ["new"]


def test_takes_the_place_of_an_empty_folder(tmp_path):
    target = tmp_path / "empty"
    target.mkdir()
    with new_folder(target) as made:
        (made / "file").touch()
    assert os.listdir(target) == ["file"]


def test_leaves_nothing_when_writing_fails(tmp_path):
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / "new") as made:
        (made / "file").touch()
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


def test_links_to_the_file_behind_a_symbolic_link(tmp_path):
    (tmp_path / "file").write_text("bytes")
    (tmp_path / "symbolic").symlink_to("file")
    (tmp_path / "elsewhere").mkdir()
    link_or_copy(tmp_path / "symbolic", tmp_path / "elsewhere" / "link")
    assert (tmp_path / "elsewhere" / "link").samefile(tmp_path / "file")


def test_copies_where_the_disk_knows_no_links(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("no links here")

    monkeypatch.setattr("os.link", refuse)
    (tmp_path / "file").write_text("bytes")
    link_or_copy(tmp_path / "file", tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "bytes"
    assert not (tmp_path / "copy").samefile(tmp_path / "file")


def test_whether_a_file_can_be_written_is_found_out_without_a_trace(tmp_path):
    require_writable(tmp_path / "new" / "folder" / "file")
    (tmp_path / "file").write_text("kept")
    require_writable(tmp_path / "file")
    with pytest.raises(ValueError, match=r"can be written. Received: '.*file/below' \(Not a directory\)"):
        require_writable(tmp_path / "file" / "below")
    with pytest.raises(ValueError, match="a folder has its name"):
        require_writable(tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["kept"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_is_said_of_the_file_that_was_to_be_written(tmp_path):
    with pytest.raises(OSError, match="picture.png") as raised, atomic_path(tmp_path / "picture.png"):
        Path("/dev/full").write_bytes(b"1")
    assert raised.value.errno == errno.ENOSPC
    with pytest.raises(FileNotFoundError, match="another"), atomic_path(tmp_path / "picture.png"):
        (tmp_path / "another").read_bytes()
    assert not os.listdir(tmp_path)
