"""The settings file as the defaults of options: commands do not see it, and the command line wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import os
import shlex
from typing import Any

import typer
from typer.core import TyperGroup

from spoilerguard.cli.common import errors_explained, fail
from spoilerguard.drafts.explaining import place_of
from spoilerguard.drafts.io import is_address
from spoilerguard.drafts.patterns import Patterns
from spoilerguard.errors import InputError
from spoilerguard.settings.keys import COMMANDS
from spoilerguard.settings.layers import Settings, as_options, check_consent, find, over

__all__ = ["Configured", "exclusion", "options_for", "typed"]


class Configured(TyperGroup):
    """Commands whose options default to the nearest settings file; `ctx.obj` holds the settings."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if not ctx.resilient_parsing:
            with errors_explained():
                _refuse_files_as_options(args)
            _refuse_draft_as_command(self, ctx, args)
        name, command, rest = super().resolve_command(ctx, args)
        if command is None or name not in COMMANDS or ctx.resilient_parsing:  # the latter during shell completion
            return name, command, rest
        look = typer.Context(command, parent=ctx, info_name=name, resilient_parsing=True)
        given, _, _ = command.make_parser(look).parse_args(args=list(rest))
        wanted = command.get_help_option(look)
        if wanted is None or not given.get(wanted.name):  # help does not depend on the settings
            with errors_explained():
                ctx.obj = find(_first_path(given))
                path = _first_path(given) if "path" in given else None  # `check` asks for each of its paths
                values = ctx.obj.values_for(name, path)
                check_consent(values, given)
                options = as_options(values)
                ctx.default_map = {name: {key: v for key, v in over(options, given).items() if key in options}}
        return name, command, rest


def _refuse_files_as_options(args: Sequence[str]) -> None:
    """Raise InputError for an option that is also the path of a file: `*`, or a hook, may have meant the file."""
    options = args[: args.index("--")] if "--" in args else args
    for option in options:
        if option.startswith("-") and option != "-" and os.path.lexists(option):
            raise InputError(f"{option}: an option, and also a file; give the file as ./{option}, or after --")


def _refuse_draft_as_command(group: TyperGroup, ctx: Any, args: Sequence[str]) -> None:
    """End with an error if a draft stands where a command must."""
    word = args[0] if args else ""
    if word.startswith("-") or group.get_command(ctx, word) is not None:
        return
    if os.path.exists(word) or is_address(word) or (os.sep in word or "." in word):
        fail(f"{word} is no command; to check a draft: spoilerguard check {shlex.quote(word)}")


def _first_path(given: Mapping[str, Any]) -> str | None:
    """The file that a command is for, or the first of them; for standard input, the name it is given."""
    path = given.get("path") or given.get("paths")
    if isinstance(path, list | tuple):
        path = path[0] if path else None
    if path == "-":
        path = given.get("stdin_filename")
    if path is None and (place := place_of(str(given.get("what", "")))):  # of `explain`
        path = place[0]
    return path if isinstance(path, str) and path != "-" else None


def options_for(ctx: typer.Context, path: str) -> dict[str, Any]:
    """The options of a command for one of its files: the command line wins over the overrides for the file."""
    given = {name: ctx.params[name] for name in typed(ctx)}
    return {"threshold": None} | over(over(ctx.params, as_options(_settings(ctx).overridden(path))), given)


def typed(ctx: typer.Context) -> set[str]:
    """The names of the parameters that the command line gives."""
    return {name for name in ctx.params if _typed(ctx, name)}


def exclusion(ctx: typer.Context) -> Patterns:
    """The patterns of `exclude`: relative to the current folder, or, from the settings, to the folder of the file."""
    typed = _typed(ctx, "exclude")
    folder, origin = (os.curdir, "--exclude") if typed else (_settings(ctx).folder, _settings(ctx).file or "")
    return Patterns(folder, ctx.params["exclude"] or (), origin)


def _settings(ctx: typer.Context) -> Settings:
    return ctx.obj if isinstance(ctx.obj, Settings) else Settings()


def _typed(ctx: typer.Context, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
