"""The partial output of a scan: a folder beside the output that survives any interruption.

    OUT.part/rows-00000   the rows so far, appended shard by shard; a partitioned output has several files
    OUT.part/state.json   how many of their bytes count, the cursor and the plan; replaced atomically
    OUT.part/lock         held by the process that writes
    OUT.part/whole        at the end: the files of the output
    .OUT.done             after the end: the plan and what was found, so that `--resume` knows the output

Rows are on disk before the state that counts them. Bytes beyond those counted were left by a crash, and are
truncated on resume. At the end, the rows become the output by a rename.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
import json
import os
from pathlib import Path
import re
import shutil
from typing import Any, BinaryIO

from spoilerguard.archives import START, Cursor
from spoilerguard.errors import InputError
from spoilerguard.files.atomic import atomic_write, contains_only, make_like, refuse_special, synced
from spoilerguard.scan.outputs import columns, count, finish, head
from spoilerguard.scan.plan import differences
from spoilerguard.scan.shards import ShardResult
from spoilerguard.scan.summary import Summary

__all__ = ["PartialOutput", "done_of", "finished", "may_replace", "part_of"]

VERSION = 1  # of state.json
_OURS = re.compile(r"rows-\d{5,}|state\.json|\.state\.json\.\w+\.tmp|lock|whole|beside|old")
_OF_OUTPUT = re.compile(r"part-\d{5,}\.\w+(?:\.\w+)?")
_RECORD = {"version", "plan", "tally", "files"}  # the keys of .OUT.done
_OF_STATE = ("replace", "complete", "rows", "file", "rows_of_file", "bytes_of_file")
_TYPES: dict[str, type] = {
    "after": list,
    "plan": dict,
    "tally": dict,
    **dict.fromkeys(_OF_STATE[:2], bool),
    **dict.fromkeys(_OF_STATE[2:], int),
}


class PartialOutput:
    """The partial output of a scan, open for writing by this process only.

    Attributes:
        output: The output of the scan.
        folder: The folder of the partial output.
        plan: The plan of the scan.
        replace: Whether an existing output may be replaced.
        after: Where the next shard starts.
        complete: Whether all rows are written.
        rows: The rows written, in all files.
        summary: What was found.
    """

    def __init__(self, output: Path, plan: Mapping[str, Any]) -> None:
        self.output, self.folder, self.plan = output, part_of(output), dict(plan)
        self.replace = False
        self.after, self.complete = START, False
        self.rows = 0
        self.file, self.rows_of_file, self.bytes_of_file = 0, 0, 0  # of the newest file
        self.summary = Summary()
        self._lock: BinaryIO | None = None
        self._file: BinaryIO | None = None
        self._between = True  # the results of shards: the rows and what is known of them agree

    # --- starting and resuming -------------------------------------------------------------------

    def exists(self) -> bool:
        """Whether there is a partial output to resume."""
        return (self.folder / "state.json").is_file()

    def start(self, *, replace: bool) -> None:
        """Start a new partial output, in place of any other.

        Args:
            replace: Whether an existing output may be replaced at the end.

        Raises:
            InputError: The folder cannot be written, or another scan is writing it.
        """
        self.replace = replace
        with self._explained():
            self._check_ours()
            self.folder.mkdir(mode=0o700, exist_ok=True)
            self._lock_folder()
            for left in self.folder.glob("rows-*"):
                left.unlink()
            for left in (self.folder / "whole", self.folder / "old"):
                shutil.rmtree(left, ignore_errors=True)
            self._open_file()
            self.commit()

    def resume(self) -> None:
        """Resume the partial output that an interruption left.

        Raises:
            InputError: It is damaged, has another plan, or another scan is writing it.
        """
        with self._explained():
            self._check_ours()
        state = _read_state(self.folder / "state.json")
        if different := differences(state["plan"], self.plan):
            raise InputError(
                f"{self.folder}: started with another source or other options ({'; '.join(different)}); "
                "use the same ones, or start again with --force"
            )
        for name in _OF_STATE:
            setattr(self, name, state[name])
        self.after, self.summary = state["after"], state["tally"]
        with self._explained():
            self._lock_folder()
            if not self.complete:
                self._truncate()

    def _check_ours(self) -> None:
        """Raise InputError if the folder, or anything in it, is not what a scan creates."""
        record = done_of(self.output)
        if os.path.lexists(record) and not _is_record(record):
            raise InputError(
                f"{record}: not written by a scan, which notes there what {self.output.name} is of; move it away, "
                "or choose another output"
            )
        if not os.path.lexists(self.folder):
            return
        if self.folder.is_symlink() or any(path.is_symlink() for path in self.folder.iterdir()):
            raise InputError(f"{self.folder}: contains symbolic links, which no scan creates; remove it")
        names = sorted(path.name for path in self.folder.iterdir())
        foreign = [name for name in names if not _OURS.fullmatch(name)]
        if foreign or (names and "lock" not in names):
            raise InputError(
                f"{self.folder}: not the folder of a scan: it contains {(foreign or names)[0]!r}; "
                "move it away, or choose another output"
            )

    def _lock_folder(self) -> None:
        self._lock = (self.folder / "lock").open("wb")
        if not _locked(self._lock):
            raise InputError(f"{self.folder}: another scan is writing it; wait until it ends, or choose another output")

    def _truncate(self) -> None:
        """Remove what was written after the last commit."""
        path = self._rows(self.file)
        if not path.is_file() or path.stat().st_size < self.bytes_of_file:
            raise InputError(f"{path}: damaged: it is shorter than before; start again with --force")
        self._file = path.open("r+b")
        self._file.truncate(self.bytes_of_file)
        self._file.seek(self.bytes_of_file)

    def _rows(self, number: int) -> Path:
        return self.folder / f"rows-{number:05}"

    # --- writing ---------------------------------------------------------------------------------

    def write(self, result: ShardResult) -> None:
        """Append the result of the next shard; it counts from the next `commit` on."""
        self._between = False
        with self._explained():
            most = self.plan["partition"]
            if most is not None and self.rows_of_file >= most:
                self._sync_file()
                self.file, self.rows_of_file, self.bytes_of_file = self.file + 1, 0, 0
                self._open_file()
            self._append(result.data)
        self.rows += result.rows
        self.rows_of_file += result.rows
        self.summary.add(result.summary)
        self.after = result.after
        self._between = True

    def _open_file(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = self._rows(self.file).open("wb")
        self._append(head(self.plan["output"], self._columns, formulas=self.plan["csv_formulas"]))

    def _append(self, data: bytes) -> None:
        assert self._file is not None
        self._file.write(data)
        self.bytes_of_file += len(data)

    def _sync_file(self) -> None:
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())

    @property
    def _columns(self) -> tuple[str, ...]:
        return columns(blurred=self.plan["blur"] is not None, kept=self.plan["keep"])

    def commit(self) -> None:
        """Make everything written so far permanent, unless `write` was cut short: then the last commit counts."""
        if not self._between:
            return
        state = {"version": VERSION, "plan": self.plan, "after": self.after, "tally": self.summary.to_dict()}
        state |= {name: getattr(self, name) for name in _OF_STATE}
        with self._explained():
            self._sync_file()
            with atomic_write(self.folder / "state.json") as file:
                file.write(json.dumps(state).encode())
            synced(self.folder)

    def close(self) -> None:
        """Close the files; what was committed stays. Closing twice is harmless."""
        for file in (self._file, self._lock):
            if file is not None:
                with suppress(OSError):  # what was not committed does not count
                    file.close()
        self._file = self._lock = None

    # --- the end ---------------------------------------------------------------------------------

    def seal(self) -> None:
        """Record that all rows are written."""
        self.complete = True
        self.commit()

    def finish(self) -> None:
        """Turn the rows into the output, and remove the folder.

        After an interruption at any point it can be called again; finished steps are not repeated.

        Raises:
            InputError: Rows are missing, or the output cannot be written.
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
                    made = finish(self.plan["output"], rows, self.folder / "beside", self._columns)
                    synced(made)
                    made.replace(path)
                    synced(whole)
                    rows.unlink(missing_ok=True)
            ready = files[0] if self.plan["partition"] is None else whole
            if ready.exists():
                self._check(files)
                make_like(ready, self.output)
                self._clear_output()
                ready.replace(self.output)
                synced(self.output.absolute().parent)
            if self.output.exists():
                self._remember()
            self._remove()

    def _remember(self) -> None:
        """Write down of which scan the output is."""
        done = {"version": VERSION, "plan": self.plan, "tally": self.summary.to_dict(), "files": _files_of(self.output)}
        with atomic_write(done_of(self.output)) as file:
            file.write(json.dumps(done).encode())

    def clear(self) -> None:
        """Remove what a kill has left while `finish` removed the folder, unless another scan is writing it."""
        if self.folder.is_dir():
            try:
                self._check_ours()
                self._lock_folder()
                self._remove()
            except (InputError, OSError):
                pass
            finally:
                self.close()

    def _remove(self) -> None:
        """Remove the folder; what somebody else has put into it stays."""
        last = ("state.json", "lock")  # while there is a state, it can be resumed; the lock shows that it is ours
        for path in sorted(self.folder.iterdir(), key=lambda path: path.name in last and 1 + last.index(path.name)):
            if _OURS.fullmatch(path.name):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        with suppress(OSError):
            self.folder.rmdir()

    def _check(self, files: Sequence[Path]) -> None:
        found = sum(count(self.plan["output"], path) for path in files)
        if found != self.rows:
            raise InputError(
                f"{self.folder}: damaged: {found:,} of {self.rows:,} rows are left; start again with --force"
            )

    def _clear_output(self) -> None:
        """Move a folder out of the way: a rename cannot replace it."""
        refuse_special(self.output)
        if not self.output.exists():
            return
        if not self.replace or (self.output.is_dir() and not may_replace(self.output)):
            raise InputError(f"{self.output}: was created while the scan ran; move it away and continue with --resume")
        if self.output.is_dir() or self.plan["partition"] is not None:
            self.output.replace(self.folder / "old")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(f"{self.folder}: cannot be written ({error.strerror or error})") from None


def part_of(output: Path) -> Path:
    """The folder of the partial output of a scan. Raises InputError if the output has no name of its own."""
    if not output.name:
        raise InputError(f"{output}: is a folder; name a file")
    return output.with_name(f"{output.name}.part")


def done_of(output: Path) -> Path:
    """The file that notes, when a scan has ended, of which scan the output is."""
    return output.with_name(f".{output.name}.done")


def _is_record(path: Path) -> bool:
    try:
        return set(json.loads(path.read_bytes())) >= _RECORD
    except (OSError, ValueError, TypeError, RecursionError):
        return False


def _files_of(output: Path) -> list[list[Any]]:
    """The files of an output: name, size and modification time in nanoseconds of each."""
    files = sorted(output.iterdir()) if output.is_dir() else [output]
    return [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in files]


def finished(output: Path, plan: Mapping[str, Any]) -> Summary | None:
    """What a scan that has ended has found.

    Args:
        output: The output.
        plan: The plan of the scan.

    Returns:
        The summary; None where there is no output of a scan, it has changed since, or a partial output goes before it.
        What is left of its folder is removed.

    Raises:
        InputError: The output is that of another plan.
    """
    try:
        done = json.loads(done_of(output).read_bytes())
        if done["version"] != VERSION or done["files"] != _files_of(output):
            return None
        then, summary = dict(done["plan"]), Summary.from_dict(done["tally"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if (part_of(output) / "state.json").is_file():
        return None
    if different := differences(then, plan):
        raise InputError(
            f"{output}: complete, but of another source or other options ({'; '.join(different)}); --force replaces it"
        )
    PartialOutput(output, plan).clear()
    return summary


def may_replace(folder: Path) -> bool:
    """Whether a folder contains nothing but a partitioned output."""
    return contains_only(folder, lambda name: _OF_OUTPUT.fullmatch(name) is not None)


def _read_state(path: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads(path.read_bytes())
        if state["version"] != VERSION:
            raise InputError(f"{path}: from another version of spoilerguard; start again with --force")
        for name, kind in _TYPES.items():
            if not isinstance(state.get(name), kind):
                raise ValueError(f"no {name!r}")
        state["after"], state["tally"] = Cursor(*state["after"]), Summary.from_dict(state["tally"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read ({error}); start again with --force") from None
    return state


def _locked(file: BinaryIO) -> bool:
    """Lock a file until it is closed or the process ends. Returns whether it could be locked."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
