"""The unfinished output of a scan: a folder beside it that survives any interruption.

    OUT.part/rows-00000   the rows so far, appended shard by shard; a partitioned output has several
    OUT.part/state.json   how much of them counts, where to go on, under which plan; replaced as a whole
    OUT.part/lock         held by the process that writes
    OUT.part/whole        at the end: the files of the output

Rows are on the disk before the state that counts them. Whatever stands behind the counted bytes, a
crash has left; going on cuts it off. At the end the rows become the output by a rename.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
import json
import os
from pathlib import Path
import shutil
from typing import Any, BinaryIO

from spoilerguard.archives import START, Cursor
from spoilerguard.errors import InputError
from spoilerguard.scan.outputs import count, finish, head
from spoilerguard.scan.plan import differences
from spoilerguard.scan.shards import Scored
from spoilerguard.scan.summary import Tally

__all__ = ["Part", "is_ours", "part_of"]

VERSION = 1  # of the state
_OF_STATE = ("replace", "complete", "rows", "file", "rows_of_file", "bytes_of_file")
_TYPES: dict[str, type] = {
    "after": list,
    "plan": dict,
    "tally": dict,
    **dict.fromkeys(_OF_STATE[:2], bool),
    **dict.fromkeys(_OF_STATE[2:], int),
}


class Part:
    """An unfinished output, open for writing by this process alone."""

    def __init__(self, output: Path, plan: Mapping[str, Any]) -> None:
        self.output, self.folder, self.plan = output, part_of(output), dict(plan)
        self.replace = False  # whether another output may be replaced
        self.after, self.complete = START, False
        self.rows = 0  # of all files
        self.file, self.rows_of_file, self.bytes_of_file = 0, 0, 0  # the newest
        self.tally = Tally()
        self._lock: BinaryIO | None = None
        self._file: BinaryIO | None = None

    # --- beginning and going on ------------------------------------------------------------------

    def begun(self) -> bool:
        """Whether there is one to go on with."""
        return (self.folder / "state.json").is_file()

    def begin(self, *, replace: bool) -> None:
        """A new one, in place of any other. Raises InputError where it cannot be written."""
        self.replace = replace
        with self._explained():
            self.folder.mkdir(exist_ok=True)
            self._check_links()
            self._take()
            for left in self.folder.glob("rows-*"):
                left.unlink()
            shutil.rmtree(self.folder / "whole", ignore_errors=True)
            self._open_file()
            self.commit()

    def go_on(self) -> None:
        """The one that an interruption left. Raises InputError where it is damaged or has another plan."""
        with self._explained():
            self._check_links()
        state = _read_state(self.folder / "state.json")
        if different := differences(state["plan"], self.plan):
            raise InputError(
                f"{self.folder}: begun otherwise ({'; '.join(different)}); give the same source and options, "
                "or begin again with --force"
            )
        for name in _OF_STATE:
            setattr(self, name, state[name])
        self.after, self.tally = state["after"], state["tally"]
        with self._explained():
            self._take()
            if not self.complete:
                self._cut_back()

    def _check_links(self) -> None:
        """Raise InputError where a file of ours leads elsewhere: it would be overwritten there."""
        if self.folder.is_symlink() or any(path.is_symlink() for path in self.folder.iterdir()):
            raise InputError(f"{self.folder}: holds symbolic links, which no scan makes; remove it")

    def _take(self) -> None:
        self._lock = (self.folder / "lock").open("wb")
        if not _locked(self._lock):
            raise InputError(f"{self.folder}: another scan is writing it; wait for it, or give another output")

    def _cut_back(self) -> None:
        """Take away what was written after the last commit."""
        path = self._rows(self.file)
        if not path.is_file() or path.stat().st_size < self.bytes_of_file:
            raise InputError(f"{path}: shorter than it was: damaged; begin again with --force")
        self._file = path.open("r+b")
        self._file.truncate(self.bytes_of_file)
        self._file.seek(self.bytes_of_file)

    def _rows(self, number: int) -> Path:
        return self.folder / f"rows-{number:05}"

    # --- writing ---------------------------------------------------------------------------------

    def write(self, scored: Scored) -> None:
        """Append what became of the next shard; it counts from the next `commit` on."""
        with self._explained():
            most = self.plan["partition"]
            if most is not None and self.rows_of_file >= most:
                self._sync_file()
                self.file, self.rows_of_file, self.bytes_of_file = self.file + 1, 0, 0
                self._open_file()
            self._append(scored.data)
        self.rows += scored.rows
        self.rows_of_file += scored.rows
        self.tally.add(scored.tally)
        self.after = scored.after

    def _open_file(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = self._rows(self.file).open("wb")
        self._append(head(self.plan["output"], blurred=self._blurred))

    def _append(self, data: bytes) -> None:
        assert self._file is not None
        self._file.write(data)
        self.bytes_of_file += len(data)

    def _sync_file(self) -> None:
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())

    @property
    def _blurred(self) -> bool:
        return self.plan["blur"] is not None

    def commit(self) -> None:
        """Let all that was written count, whatever happens from now on."""
        state = {"version": VERSION, "plan": self.plan, "after": self.after, "tally": self.tally.to_dict()}
        state |= {name: getattr(self, name) for name in _OF_STATE}
        with self._explained():
            self._sync_file()
            _write_whole(self.folder / "state.json", json.dumps(state).encode())

    def close(self) -> None:
        """Let go of the files; what was committed stays. Closing twice does nothing."""
        for file in (self._file, self._lock):
            if file is not None:
                with suppress(OSError):  # what could not be written does not count
                    file.close()
        self._file = self._lock = None

    # --- the end ---------------------------------------------------------------------------------

    def seal(self) -> None:
        """Say that no more rows will come."""
        self.complete = True
        self.commit()

    def finish(self) -> None:
        """Turn the rows into the output and remove the folder. Raises InputError where rows are missing.

        Interrupted at any place, it can be called again: what is done is not done twice.
        """
        whole = self.folder / "whole"
        with self._explained():
            if self._file is not None:
                self._file.close()
                self._file = None
            files = [whole / f"part-{number:05}{self.plan['output']}" for number in range(self.file + 1)]
            for number, path in enumerate(files):
                if (rows := self._rows(number)).exists():
                    whole.mkdir(exist_ok=True)
                    made = finish(self.plan["output"], rows, self.folder / "beside", blurred=self._blurred)
                    _sync(made)
                    made.replace(path)
                    _sync(whole)
                    rows.unlink(missing_ok=True)
            ready = files[0] if self.plan["partition"] is None else whole
            if ready.exists():
                self._check(files)
                self._clear_place()
                ready.replace(self.output)
                _sync(self.output.absolute().parent)
            shutil.rmtree(self.folder)

    def _check(self, files: Sequence[Path]) -> None:
        found = sum(count(self.plan["output"], path) for path in files)
        if found != self.rows:
            raise InputError(
                f"{self.folder}: {found:,} rows, {self.rows:,} were written: damaged; begin again with --force"
            )

    def _clear_place(self) -> None:
        """Where a folder stands or will stand, a rename alone does not replace what is there."""
        if not self.output.exists():
            return
        if not self.replace:
            raise InputError(f"{self.output}: has come into being meanwhile; move it away and go on with --resume")
        if self.output.is_dir() or self.plan["partition"] is not None:
            self.output.replace(self.folder / "old")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(f"{self.folder}: cannot be written ({error.strerror or error})") from None


def part_of(output: Path) -> Path:
    """The folder of an unfinished output."""
    return output.with_name(f"{output.name}.part")


def is_ours(folder: Path) -> bool:
    """Whether a folder holds nothing but a partitioned output."""
    return all(path.is_file() and path.name.startswith("part-") for path in folder.iterdir())


def _read_state(path: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads(path.read_bytes())
        if state["version"] != VERSION:
            raise InputError(f"{path}: of another version of spoilerguard; begin again with --force")
        for name, kind in _TYPES.items():
            if not isinstance(state.get(name), kind):
                raise ValueError(f"no {name!r}")
        state["after"], state["tally"] = Cursor(*state["after"]), Tally(**state["tally"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read ({error}); begin again with --force") from None
    return state


def _write_whole(path: Path, data: bytes) -> None:
    """Replace a file, so that at any moment the old or the new one is there, whole."""
    beside = path.with_name(f"{path.name}.new")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    """A file's content, or a folder's names, on the disk; Windows opens no folders and is left to itself."""
    if os.name == "posix" or path.is_file():
        descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _locked(file: BinaryIO) -> bool:
    """Whether the file is ours alone now, until it is closed or we end."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
