"""Which files are drafts: those that are named, and those of folders, in an order that is always the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import os
from pathlib import PurePath

from spoilerguard.drafts.patterns import Patterns, gitignore
from spoilerguard.errors import InputError
from spoilerguard.text.reading import SUFFIXES

__all__ = ["iter_drafts"]

_SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__", "venv", "site-packages"})


def iter_drafts(
    paths: Sequence[str],
    *,
    exclude: Patterns | None = None,
    force_exclude: bool = False,
    respect_gitignore: bool = True,
) -> Iterator[tuple[str, InputError | None]]:
    """Every draft of the paths in order, once; a path that holds none comes with its error.

    Folders are walked without what is hidden, installed, excluded or ignored by git, and without links
    to folders. What is named is checked all the same, unless it is excluded and that is forced.
    """
    seen: set[str] = set()
    for path in paths:
        try:
            if (
                force_exclude
                and path != "-"
                and exclude is not None
                and exclude.decide(path, folder=os.path.isdir(path))
            ):
                continue
            troubles: list[OSError] = []
            for draft in _drafts(path, exclude, respect_gitignore, troubles):
                if draft not in seen:
                    seen.add(draft)
                    yield draft, None
            for trouble in troubles:
                yield trouble.filename, InputError(f"{trouble.filename}: cannot be read ({trouble.strerror})")
        except InputError as error:
            yield path, error


def _drafts(path: str, exclude: Patterns | None, respect_gitignore: bool, troubles: list[OSError]) -> list[str]:
    """The drafts of a file or folder, sorted; folders that cannot be read are added to `troubles`.

    What leaves out the folder itself, which was named, holds for nothing in it. Raises InputError for a
    folder without drafts.
    """
    if path == "-" or not os.path.isdir(path):
        return [path]
    rules = [] if exclude is None or exclude.decide(path, folder=True) else [exclude]
    above = _gitignores_above(path) if respect_gitignore else []
    ignored = {path: [] if any(rule.decide(path, folder=True) for rule in above) else above}
    found, left_out = list[str](), False
    for folder, folders, files in os.walk(path, onerror=troubles.append):
        ignores = ignored.pop(folder)
        if respect_gitignore and (lines := gitignore(folder)):
            ignores = [*ignores, Patterns(folder, lines)]
        drafts = [f for f in files if PurePath(f).suffix.lower() in SUFFIXES and not f.startswith(".")]
        walked = sorted(f for f in folders if not f.startswith(".") and f not in _SKIPPED_FOLDERS)
        chosen = _kept(folder, drafts, False, rules, ignores)
        folders[:] = _kept(folder, walked, True, rules, ignores)
        ignored |= {os.path.join(folder, name): ignores for name in folders}
        left_out |= len(chosen) < len(drafts) or len(folders) < len(walked)
        found += [os.path.join(folder, name) for name in chosen]
    if not found and not troubles:
        why = "; what exclude and .gitignore name is left out" * left_out
        raise InputError(f"{path}: no drafts in this folder; they end in {', '.join(sorted(SUFFIXES))}{why}")
    return sorted(found)


def _kept(folder: str, names: Sequence[str], folders: bool, *rules: Sequence[Patterns]) -> list[str]:
    """Of the files, or folders, of a folder those that no rules leave out."""
    return [name for name in names if not any(_out(os.path.join(folder, name), folders, r) for r in rules)]


def _out(path: str, folder: bool, rules: Sequence[Patterns]) -> bool:
    """Of rules from above to below, the last that says anything decides."""
    said = (rule.decide_alone(path, folder=folder) for rule in reversed(rules))
    return next((out for out in said if out is not None), False)


def _gitignores_above(path: str) -> list[Patterns]:
    """Of the folders from the root of the git repository down to above this one; none outside of a repository."""
    folders = [os.path.abspath(path)]
    while not os.path.exists(os.path.join(folders[-1], ".git")):
        above = os.path.dirname(folders[-1])
        if above == folders[-1]:
            return []
        folders.append(above)
    return [Patterns(folder, lines) for folder in reversed(folders[1:]) if (lines := gitignore(folder))]
