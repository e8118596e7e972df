"""Write one value into the settings file that holds; its comments and its layout stay."""

from __future__ import annotations

from collections.abc import MutableMapping
import os
from typing import Any, NamedTuple

from spoilerguard.drafts.io import decode, read_bytes, write_draft
from spoilerguard.errors import InputError
from spoilerguard.settings.layers import FILES, find, table_of

__all__ = ["Written", "write_setting"]


class Written(NamedTuple):
    """What was written.

    Attributes:
        origin: The file and the line of the value.
        before: The value that it had there, if any.
        over: The places in the file that win over it, for a command or some drafts: `file:line`.
    """

    origin: str
    before: Any
    over: list[str]


def write_setting(name: str, value: Any, folder: str = os.curdir) -> Written:
    """Set a key in the nearest settings file, from a folder upward; without one, make `.spoilerguard.toml` there.

    Args:
        name: The key, as in `settings.keys.KEYS`.
        value: Its value.
        folder: The folder.

    Raises:
        InputError: The settings are invalid, or the file cannot be written.
    """
    import tomlkit  # only where something is written

    held = find(folder)
    file = held.file or os.path.join(os.path.abspath(folder), FILES[0])
    data = read_bytes(file) if held.file else b""
    document = tomlkit.parse(decode(data, file).removeprefix("\ufeff"))
    table: MutableMapping[str, Any] = document
    for part in table_of(file, document):
        table = table[part]
    before = table.get(name)
    table[name] = value
    text = tomlkit.dumps(document)
    mark = b"\xef\xbb\xbf" if data.startswith(b"\xef\xbb\xbf") else b""
    write_draft(file, mark + text.encode(), instead_of=data if held.file else None)
    now = find(folder)
    if name not in now.values:
        raise InputError(f"{file}: {name} could not be written; add it by hand: {name} = {value}")
    kept = {name} | ({"sensitivity"} if name == "threshold" else set())
    others = [*now.sections.values(), *(override.values for override in now.overrides)]
    over = [values[key].origin for values in others for key in sorted(kept & values.keys())]
    return Written(now.values[name].origin, before, over)
