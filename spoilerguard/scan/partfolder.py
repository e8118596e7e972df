"""The output folder of a scan in parts, on shared storage: whose it is, what is done in it, and whether it is whole.

    OUT/NAME.jsonl                            the output of a part, named as the part is
    OUT/_spoilerguard/scan.json               the plan, and the number of the scan
    OUT/_spoilerguard/works.json              the works, if there are any, for the workers
    OUT/_spoilerguard/parts/NAME.jsonl.json   the record of the part: what was read and found

Workers write the output of a part and then its record. What has no record does not count. The folder keeps all this
when the scan is done, so that a later scan reads only the parts that are new or have changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
import json
import secrets
from typing import Any

from spoilerguard.errors import InputError
from spoilerguard.files.storage import Stored, joined, listed, put, read_many, remove
from spoilerguard.scan.part import OURS, SCAN, WORKS, Done, Part
from spoilerguard.scan.plan import differences
from spoilerguard.spans import Work

__all__ = ["PartsFolder"]

VERSION = 1  # of scan.json


class PartsFolder:
    """The output folder of a scan in parts.

    Attributes:
        folder: Its path or URL.
        scan: The number of the scan.
    """

    def __init__(self, folder: str, plan: Mapping[str, Any], parts: Sequence[Part]) -> None:
        self.folder, self.plan, self.parts = folder, dict(plan), {part.output: part for part in parts}
        self.scan = secrets.token_hex(8)

    def start(self, *, resume: bool, force: bool, works: Mapping[str, Work] | None) -> list[Done]:
        """Take the folder for this scan.

        Args:
            resume: Whether to continue the scan that the folder has, if there is one.
            force: Whether to remove it and start again.
            works: The works, for the workers.

        Returns:
            The parts that are done.

        Raises:
            InputError: The folder holds something else, or a scan that is not to be touched, or cannot be used.
        """
        with self._explained("read"):
            files = {file.name: file for file in listed(self.folder)}
        records = [name for name in files if name.startswith(f"{OURS}/parts/")]
        written = {name.removeprefix(f"{OURS}/parts/").removesuffix(".json") for name in records}
        self._check_ours(files, written)
        done: list[Done] = []
        if SCAN in files:
            if not resume and not force:
                raise InputError(f"{self.folder}: holds a scan; continue it with --resume, or replace it with --force")
            if resume:
                self._continue()
                self._check_gone(written)
                done = [done for done in self._records(records) if self._counts(done, files)]
        with self._explained("written"):
            if force:
                self._remove([*records, *(name for name in files if not name.startswith(f"{OURS}/"))])
            if works is not None:
                self._put(WORKS, {name: asdict(work) for name, work in works.items()})
            self._put(SCAN, {"version": VERSION, "scan": self.scan, "plan": self.plan})
        return done

    def check(self, written: Mapping[str, int]) -> None:
        """Check that the output of every part is there, as it was written, and nothing else.

        Args:
            written: The size of the output of each part that is done, in bytes, by its name.

        Raises:
            InputError: It is not.
        """
        with self._explained("read"):
            files = {file.name: file for file in listed(self.folder)}
        self._check_ours(files, ())
        for name in self.parts:
            if (file := files.get(name)) is None or file.size != written.get(name):
                state = "has changed" if file else "is missing"
                raise InputError(f"{joined(self.folder, name)}: {state}; write it again with --resume")

    # --- what is there ----------------------------------------------------------------------------

    def _check_ours(self, files: Mapping[str, Stored], written: Collection[str]) -> None:
        """Raise InputError if there is a file that is not of a scan."""
        other = [name for name in files if not name.startswith(f"{OURS}/")]
        foreign = [name for name in other if SCAN not in files or (name not in self.parts and name not in written)]
        if foreign:
            raise InputError(
                f"{self.folder}: not a folder of this scan: it contains {foreign[0]!r}; choose another, or move it away"
            )

    def _check_gone(self, written: Collection[str]) -> None:
        if gone := sorted(set(written) - self.parts.keys()):
            raise InputError(
                f"{self.folder}: contains {gone[0]!r}, but the part it was made from is no longer in the source; "
                "start again with --force"
            )

    def _continue(self) -> None:
        """Continue the scan that is there. Raises InputError if it has another plan."""
        path = joined(self.folder, SCAN)
        try:
            with self._explained("read"):
                (data,) = read_many([path])
            state: dict[str, Any] = json.loads(data)
            if state["version"] != VERSION:
                raise InputError(f"{path}: from another version of spoilerguard; start again with --force")
            plan: dict[str, Any] = dict(state["plan"])
            self.scan = str(state["scan"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(f"{path}: cannot be read ({error}); start again with --force") from None
        if different := differences(plan, self.plan):
            raise InputError(
                f"{self.folder}: started with other options, or read in another way ({'; '.join(different)}); "
                "use the same ones, or start again with --force"
            )

    def _records(self, names: Sequence[str]) -> Iterator[Done]:
        with self._explained("read"):
            for name, data in zip(names, read_many([joined(self.folder, name) for name in names]), strict=True):
                try:
                    yield Done.from_json(data)
                except (ValueError, KeyError, TypeError, RecursionError) as error:
                    path = joined(self.folder, name)
                    raise InputError(f"{path}: cannot be read ({error}); remove it, or use --force") from None

    def _counts(self, done: Done, files: Mapping[str, Stored]) -> bool:
        """Whether a part need not be read again: it was read as it is now, and its output is there."""
        part, file = self.parts.get(done.output), files.get(done.output)
        if part is None or file is None:
            return False
        same = done.version == part.source.version and done.name == part.source.name
        return same and done.unreadable is None and done.size == file.size

    # --- changing it ------------------------------------------------------------------------------

    def _remove(self, names: Sequence[str]) -> None:
        remove([joined(self.folder, name) for name in names])

    def _put(self, name: str, value: Any) -> None:
        put(json.dumps(value).encode(), joined(self.folder, name))

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(f"{self.folder}: cannot be {what} ({error.strerror or error}); check the name") from None
