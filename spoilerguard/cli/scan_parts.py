"""The command `scan` where OUT is a folder that gets a file for each file of SOURCE: what is checked, and printed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from spoilerguard.cli.common import tell
from spoilerguard.errors import InputError
from spoilerguard.files.places import check_places

if TYPE_CHECKING:
    from spoilerguard.archives import Archive
    from spoilerguard.scan.plan import Plan
    from spoilerguard.scan.summary import Summary

__all__ = ["in_parts"]


def in_parts(
    source: str,
    output: str,
    opening: Callable[[str], Archive],
    planning: Callable[[Archive, Path], Plan],
    *,
    report: Path | None,
    reads: Sequence[str | Path | None],
    quiet: bool,
) -> tuple[Archive, Plan, Callable[..., Summary]]:
    """Find the parts of a source, and settle how they are read.

    Args:
        source: The source.
        output: The output folder.
        opening: Opens an archive.
        planning: Makes the plan of a scan.
        report: The report to write.
        reads: Other files that are read.
        quiet: Whether to print nothing.

    Returns:
        The archive of the first part, the plan, and `scan_parts` without the arguments that are settled.

    Raises:
        InputError: The source or an option cannot be used.
        ModelError: The model cannot be loaded.
        MissingExtra: A library is not installed.
        SpoilerguardError: There are no credentials.
    """
    from spoilerguard.files.storage import is_url
    from spoilerguard.scan import parts

    if "://" in source and not is_url(source):
        raise InputError("a database has no parts; write its records into a file: -o FILE.jsonl")
    files = parts.files_of(source)
    archive = opening(files[0].path)
    kind = parts.kind_of_parts(output, archive)
    found = parts.parts_of(files, source, output, kind)
    local = [file.path for file in files if not is_url(file.path)]
    check_places([*local, *reads], {"--report": report}, {} if is_url(output) else {"--output": output})
    size = sum(file.size for file in files)
    tell(f"{source}: {len(files):,} parts, {size:,} bytes, read like the first: {archive.described}", quiet)
    plan = planning(archive, Path(f"part{kind}"))
    if plan.partition is not None:
        raise InputError("--partition: a folder of parts has a file for each file of the source; leave it out")

    def beginning(done: int) -> None:
        if done:
            tell(f"{output}: {done:,} of {len(found):,} parts are done from before", quiet)

    quotes = report is not None
    return archive, plan, partial(parts.scan_parts, archive, found, output, plan, quotes=quotes, beginning=beginning)
