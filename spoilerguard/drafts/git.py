"""Runs git so that a repository can be asked, but not run programs of its own.

A repository from a stranger may name programs in its configuration: a file system monitor, hooks, filters,
an external diff, a transport. None of them is run here,
and nothing is written, not even a refreshed index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import os
from pathlib import Path

from spoilerguard.errors import InputError

__all__ = ["GitError", "names", "run", "without_filters", "work_tree_above"]

_SAFE = (
    "--no-pager",
    "--no-optional-locks",
    "-c", "core.fsmonitor=",
    "-c", "diff.autoRefreshIndex=false",  # it would write the index, optional locks or not
    "-c", f"core.hooksPath={os.devnull}",
)  # fmt: skip
# The user's own configuration, as where a CI job declares the checkout safe. All other GIT_ variables go: in a
# hook they describe another repository than the one of the file at hand.
_KEPT = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")


class GitError(InputError):
    """git is not installed, or failed; the message has its first line on standard error."""


def run(folder: str, *arguments: str, statuses: Sequence[int] = (0,), config: Mapping[str, str] | None = None) -> bytes:
    """The standard output of a git command.

    Args:
        folder: The folder in which git runs.
        arguments: The command and its arguments. File names must follow `--`.
        statuses: The exit statuses that are no failure.
        config: Settings that override those of the repository and of the user.

    Raises:
        GitError: git is not installed, or ended with another status.
    """
    import subprocess  # only where git is run: most checks do without

    command = ["git", "-C", folder, *_SAFE, *arguments]
    try:
        ran = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, env=_environment(config or {}), check=False
        )
    except FileNotFoundError:
        raise GitError("this needs git, which is not installed; install it") from None
    if ran.returncode not in statuses:
        lines = ran.stderr.decode("utf-8", "replace").strip().splitlines()
        raise GitError(f"git {arguments[0]}: {lines[0] if lines else f'exit status {ran.returncode}'}")
    return ran.stdout


def _environment(config: Mapping[str, str]) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in _KEPT}
    environment |= {"LC_ALL": "C", "GIT_ALLOW_PROTOCOL": "none", "GIT_TERMINAL_PROMPT": "0"}
    # Not `-c`, which ends the key at the first `=`: the name of a filter may hold one.
    environment["GIT_CONFIG_COUNT"] = str(len(config))
    for number, (key, value) in enumerate(config.items()):
        environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return environment


def without_filters(folder: str) -> dict[str, str]:
    """The settings for `run` that turn off every filter, which git would otherwise run to compare files."""
    defined = names(run(folder, "config", "-z", "--name-only", "--get-regexp", r"^filter\.", statuses=(0, 1)))
    filters = {key.rpartition(".")[0] for key in defined}
    return {
        f"{name}.{key}": value
        for name in sorted(filters)
        for key, value in (("clean", ""), ("process", ""), ("required", "false"))
    }


def names(output: bytes) -> list[str]:
    """The NUL-terminated names in the output of a git command."""
    return [os.fsdecode(name) for name in output.split(b"\0")[:-1]]


def work_tree_above(folder: str) -> str | None:
    """The nearest folder, from this one up, that holds a `.git`; None outside of a repository.

    This looks at the disk: asking git about each of many folders would take too long.
    """
    start = Path(folder)
    return next((str(place) for place in (start, *start.parents) if (place / ".git").exists()), None)
