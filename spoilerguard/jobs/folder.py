"""The unfinished output of a scan: a folder beside it that survives any interruption.

    OUT.part/rows         the rows so far, appended shard by shard
    OUT.part/state.json   how many bytes of them count, where to go on, under which plan; replaced as a whole
    OUT.part/lock         held by the process that writes

Rows are on the disk before the state that counts them. Whatever stands behind the counted bytes, a
crash has left; going on cuts it off. At the end the rows become the output by a rename.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
import json
import os
from pathlib import Path
import shutil
from typing import Any, BinaryIO

from spoilerguard.archives import START, Cursor
from spoilerguard.errors import InputError
from spoilerguard.jobs.outputs import count, finish, head
from spoilerguard.jobs.plan import differences
from spoilerguard.jobs.shards import Scored
from spoilerguard.jobs.tally import Tally

__all__ = ["Part"]

VERSION = 1  # of the state


class Part:
    """An unfinished output, open for writing by this process alone."""

    def __init__(self, output: Path, plan: Mapping[str, Any]) -> None:
        self.output, self.folder, self.plan = output, part_of(output), dict(plan)
        self.replace = False  # whether another output may be replaced
        self.after, self.rows, self.bytes, self.complete = START, 0, 0, False
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
            self._take()
            self._file = (self.folder / "rows").open("wb")
            self._append(head(self.plan["output"], blurred=self.plan["blur"] is not None))
            self.commit()

    def go_on(self) -> None:
        """The one that an interruption left. Raises InputError where it is damaged or has another plan."""
        state = _read_state(self.folder / "state.json")
        if different := differences(state["plan"], self.plan):
            raise InputError(
                f"{self.folder}: begun otherwise ({'; '.join(different)}); give the same source and options, "
                "or begin again with --force"
            )
        self.replace, self.complete = state["replace"], state["complete"]
        self.after, self.rows, self.bytes = Cursor(*state["after"]), state["rows"], state["bytes"]
        self.tally = Tally(**state["tally"])
        with self._explained():
            self._take()
            if not self.complete:
                self._cut_back()

    def _take(self) -> None:
        self._lock = (self.folder / "lock").open("wb")
        if not _locked(self._lock):
            raise InputError(f"{self.folder}: another scan is writing it; wait for it, or give another output")

    def _cut_back(self) -> None:
        rows = self.folder / "rows"
        if not rows.is_file() or rows.stat().st_size < self.bytes:
            raise InputError(f"{rows}: shorter than it was: damaged; begin again with --force")
        self._file = rows.open("r+b")
        self._file.truncate(self.bytes)
        self._file.seek(self.bytes)

    # --- writing ---------------------------------------------------------------------------------

    def write(self, scored: Scored) -> None:
        """Append what became of the next shard; it counts from the next `commit` on."""
        with self._explained():
            self._append(scored.data)
        self.rows += scored.rows
        self.tally.add(scored.tally)
        self.after = scored.after

    def _append(self, data: bytes) -> None:
        assert self._file is not None
        self._file.write(data)
        self.bytes += len(data)

    def commit(self) -> None:
        """Let all that was written count, whatever happens from now on."""
        state = {
            "version": VERSION,
            "plan": self.plan,
            "replace": self.replace,
            "after": self.after,
            "rows": self.rows,
            "bytes": self.bytes,
            "complete": self.complete,
            "tally": self.tally.to_dict(),
        }
        with self._explained():
            if self._file is not None:
                self._file.flush()
                os.fsync(self._file.fileno())
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
        rows, beside, whole = (self.folder / name for name in ("rows", "beside", "whole"))
        with self._explained():
            if self._file is not None:
                self._file.close()
                self._file = None
            if rows.exists():
                finish(self.plan["output"], rows, beside, blurred=self.plan["blur"] is not None).replace(whole)
                rows.unlink(missing_ok=True)
            if whole.exists():
                self._check(whole)
                whole.replace(self.output)
                _sync_folder(self.output.absolute().parent)
            shutil.rmtree(self.folder)

    def _check(self, whole: Path) -> None:
        found = count(self.plan["output"], whole)
        if found != self.rows:
            raise InputError(f"{whole}: {found:,} rows, {self.rows:,} were written: damaged; begin again with --force")
        if self.output.exists() and not self.replace:
            raise InputError(f"{self.output}: has come into being meanwhile; move it away and go on with --resume")
        with whole.open("rb") as file:
            os.fsync(file.fileno())

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(f"{self.folder}: cannot be written ({error.strerror or error})") from None


def part_of(output: Path) -> Path:
    """The folder of an unfinished output."""
    return output.with_name(f"{output.name}.part")


def _read_state(path: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads(path.read_bytes())
        if state["version"] != VERSION:
            raise InputError(f"{path}: of another version of spoilerguard; begin again with --force")
    except (OSError, ValueError, KeyError, TypeError) as error:
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
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Renames, too, are on the disk; where folders cannot be opened (Windows), that is left to the system."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
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
