"""The command `config`: every setting, its value and where it comes from; or what a settings file may say.

Exit status: 0, or 2 for a usage error or an invalid settings file.
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
The command line wins over the settings. The settings are read from .spoilerguard.toml, or from
[tool.spoilerguard] in pyproject.toml, in the nearest folder above."""

_SCHEMA = """\b
Example:
  spoilerguard config schema > spoilerguard.schema.json
Editors check and complete .spoilerguard.toml by it if its first line is
  #:schema ./spoilerguard.schema.json"""

_FORMATS = ("text", "json")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    config = typer.Typer(name="config", no_args_is_help=True, rich_markup_mode=None)
    config.command(epilog=_SHOW)(show)
    config.command(epilog=_SCHEMA)(schema)
    config.callback(epilog="Example:  spoilerguard config show")(_config)
    app.add_typer(config)


def _config() -> None:
    """Show the settings in effect, or what a settings file may say."""


class _Setting(NamedTuple):
    key: str
    value: Any  # None where nothing is set
    origin: str
    help: str


def show(
    ctx: typer.Context,
    path: Annotated[
        str | None,
        typer.Argument(metavar="[PATH]", help="The draft whose settings to show; by default, the folder's."),
    ] = None,
    format: Annotated[
        str, typer.Option("--format", autocompletion=completing(*_FORMATS), help="text or json.")
    ] = "text",
) -> None:
    """Show every setting, its value and where it comes from."""
    one_of("--format", format, _FORMATS)
    with errors_explained(), output():
        settings = find(path)
        shown = list(_settings(settings, path, ctx))
        for line in _as_json(settings, shown) if format == "json" else _as_text(settings, shown):
            say(line)


def _settings(settings: Settings, path: str | None, ctx: typer.Context) -> Iterator[_Setting]:
    """Every key as most commands have it, then as `blur.style` where the table of a command differs."""
    general = settings.values_for(None, path)
    for name, key in KEYS.items():
        yield _setting(name, general.get(name), key, ctx)
    for command in settings.sections:
        special = settings.values_for(command, path)
        for name, key in KEYS.items():
            if command in key.commands and special.get(name) != general.get(name):
                yield _setting(f"{command}.{name}", special.get(name), key, ctx)


def _setting(name: str, value: Value | None, key: Key, ctx: typer.Context) -> _Setting:
    return _Setting(name, *(value or (_default(key, ctx), "default")), key.help)


def _default(key: Key, ctx: typer.Context) -> Any:
    """The default of the option, which is the same in every command that has it."""
    root = ctx.find_root()
    for name in key.commands:
        command = root.command.get_command(root, name) if isinstance(root.command, Configured) else None
        for param in command.params if command is not None else ():
            if param.name == key.option:
                return param.default
    return None


def _as_text(settings: Settings, found: list[_Setting]) -> Iterator[str]:
    from spoilerguard.printing import plain

    yield plain(settings.file or f"No settings file: neither {' nor '.join(FILES)}, here or above")
    shown = [
        (key, "not set" if value in (None, "", []) else json.dumps(value, ensure_ascii=False), origin)
        for key, value, origin, _ in found
    ]
    wide, wider = (max(len(cells[at]) for cells in shown) for at in (0, 1))
    for key, value, origin in shown:
        yield f"  {key:<{wide}}  {plain(value):<{min(wider, 40)}}  {plain(origin)}"


def _as_json(settings: Settings, found: list[_Setting]) -> Iterator[str]:
    version = {"version": 1, "file": settings.file, "settings": [setting._asdict() for setting in found]}
    yield json.dumps(version, indent=2)


def schema() -> None:
    """Print the JSON Schema of a settings file, for editors."""
    from spoilerguard.settings import schema as made

    with errors_explained(), output():
        say(json.dumps(made.schema(), indent=2))
