"""The command `config`: every setting, its value and where it comes from. Printing; it decides nothing.

Exit status: 0, or 2 for a usage error or a settings file that cannot be used.
"""

from __future__ import annotations

from collections.abc import Iterator
import json
from typing import Annotated, Any, NamedTuple

import typer

from spoilerguard.cli.common import completing, errors_explained, one_of, output, say
from spoilerguard.cli.configured import Configured
from spoilerguard.settings.keys import KEYS, Key
from spoilerguard.settings.layers import FILES, Settings, Value, find

__all__ = ["register"]

_SHOW = """\b
Examples:
  spoilerguard config show
  spoilerguard config show posts/review.md
  spoilerguard config show --format json
The command line wins over the settings; the settings are those of .spoilerguard.toml, or
of [tool.spoilerguard] in pyproject.toml, in the nearest folder above."""

_FORMATS = ("text", "json")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    config = typer.Typer(name="config", no_args_is_help=True, rich_markup_mode=None)
    config.command(epilog=_SHOW)(show)
    config.callback(epilog="Example:  spoilerguard config show")(_config)
    app.add_typer(config)


def _config() -> None:
    """See the settings that hold."""


class _Row(NamedTuple):
    key: str
    value: Any  # None where nothing is set
    origin: str
    help: str


def show(
    ctx: typer.Context,
    path: Annotated[
        str | None, typer.Argument(metavar="[PATH]", help="The draft that is asked about; else the current folder.")
    ] = None,
    format: Annotated[
        str, typer.Option("--format", autocompletion=completing(*_FORMATS), help="Output: text or json.")
    ] = "text",
) -> None:
    """Show every setting, its value and where it comes from."""
    one_of("--format", format, _FORMATS)
    with errors_explained(), output():
        settings = find(path)
        rows = list(_rows(settings, path, ctx))
        for line in _as_json(settings, rows) if format == "json" else _as_text(settings, rows):
            say(line)


def _rows(settings: Settings, path: str | None, ctx: typer.Context) -> Iterator[_Row]:
    """Every key as commands have it, then where a command's own table makes that otherwise: `blur.style`."""
    general = settings.values_for(None, path)
    for name, key in KEYS.items():
        yield _row(name, general.get(name), key, ctx)
    for command in settings.sections:
        special = settings.values_for(command, path)
        for name, key in KEYS.items():
            if command in key.commands and special.get(name) != general.get(name):
                yield _row(f"{command}.{name}", special.get(name), key, ctx)


def _row(shown: str, value: Value | None, key: Key, ctx: typer.Context) -> _Row:
    return _Row(shown, *(value or (_default(key, ctx), "default")), key.help)


def _default(key: Key, ctx: typer.Context) -> Any:
    """Of the option: the same in every command that has it."""
    root = ctx.find_root()
    for name in key.commands:
        command = root.command.get_command(root, name) if isinstance(root.command, Configured) else None
        for param in command.params if command is not None else ():
            if param.name == key.option:
                return param.default
    return None


def _as_text(settings: Settings, rows: list[_Row]) -> Iterator[str]:
    from spoilerguard.printing import plain

    yield plain(settings.file or f"No settings file: neither {' nor '.join(FILES)}, here or above")
    shown = [
        (key, "not set" if value in (None, "", []) else json.dumps(value, ensure_ascii=False), origin)
        for key, value, origin, _ in rows
    ]
    wide, wider = (max(len(row[at]) for row in shown) for at in (0, 1))
    for key, value, origin in shown:
        yield f"  {key:<{wide}}  {plain(value):<{min(wider, 40)}}  {plain(origin)}"


def _as_json(settings: Settings, rows: list[_Row]) -> Iterator[str]:
    version = {"version": 1, "file": settings.file, "settings": [row._asdict() for row in rows]}
    yield json.dumps(version, indent=2)
