"""Files written whole or not at all: beside their place, then renamed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spoilerguard.files.atomic import atomic_write


def beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.guessed.tmp")


def test_what_is_there_stays_until_the_new_file_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("old", encoding="utf-8")
    with atomic_write(path) as file:
        file.write(b"new")
        assert path.read_text(encoding="utf-8") == "old"
    assert path.read_text(encoding="utf-8") == "new"
    assert os.listdir(tmp_path) == ["x"]


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError), atomic_write(tmp_path / "x") as file:
        file.write(b"new" + "\ud800".encode())
    assert os.listdir(tmp_path) == []


def test_a_link_that_somebody_put_in_the_way_is_not_followed_and_not_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spoilerguard.files.atomic.secrets.token_hex", lambda size: "guessed")
    path, victim = tmp_path / "x", tmp_path / "victim"
    victim.write_text("mine", encoding="utf-8")
    beside(path).symlink_to(victim)
    with pytest.raises(FileExistsError, match=r"\.tmp is in the way"), atomic_write(path):
        pass
    assert victim.read_text(encoding="utf-8") == "mine"
    assert beside(path).is_symlink()


def test_a_link_in_its_place_is_not_replaced(tmp_path: Path) -> None:
    path, victim = tmp_path / "x", tmp_path / "victim"
    victim.write_text("mine", encoding="utf-8")
    path.symlink_to(victim)
    with pytest.raises(FileExistsError, match="a symbolic link"), atomic_write(path):
        pass
    assert path.is_symlink()
    assert victim.read_bytes() == b"mine"


def test_a_pipe_in_its_place_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "x"
    os.mkfifo(path)
    with pytest.raises(FileExistsError, match="a pipe"), atomic_write(path):
        pass
    assert path.is_fifo()


def test_a_private_file_is_private_while_its_successor_is_written(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o600)
    with atomic_write(path) as file:
        assert os.fstat(file.fileno()).st_mode & 0o077 == 0
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not hasattr(os, "chown") or os.geteuid() != 0, reason="only root may give files away")
def test_a_file_keeps_its_mode_and_owner(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("old", encoding="utf-8")
    os.chown(path, 12_345, 23_456)
    path.chmod(0o640)
    with atomic_write(path) as file:
        file.write(b"new")
    status = path.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (12_345, 23_456, 0o640)
