"""Finds the drafts: the files that are named and those in folders, always in the same order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import os
from pathlib import PurePath

from spoilerguard.drafts import gitignore
from spoilerguard.drafts.patterns import Patterns
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
    """Every draft in the paths, once each, in order.

    Folders are walked without what is hidden, installed, excluded or ignored by git, and links to folders are
    not followed.

    Args:
        paths: Files, folders, or `-` for standard input.
        exclude: What to leave out of folders.
        force_exclude: Leave out excluded files and folders even where `paths` names them.
        respect_gitignore: Leave what git ignores out of folders.

    Yields:
        The path of a draft and None, or a path that holds no draft and the error that says why.
    """
    seen: set[str] = set()
    for path in paths:
        try:
            forced = exclude if force_exclude and path != "-" else None
            if forced is not None and forced.matches(path, folder=os.path.isdir(path)):
                continue
            errors: list[OSError] = []
            for draft in _drafts(path, exclude, respect_gitignore, errors):
                if draft not in seen:
                    seen.add(draft)
                    yield draft, None
            for error in errors:
                yield error.filename, InputError(f"{error.filename}: cannot be read ({error.strerror})")
        except InputError as error:
            yield path, error


def _drafts(path: str, exclude: Patterns | None, respect_gitignore: bool, errors: list[OSError]) -> list[str]:
    """The drafts in a file or folder, sorted; folders that cannot be read are added to `errors`.

    Rules that leave out the folder itself do not apply in it, because it was named.

    Raises:
        InputError: The folder holds no draft.
    """
    if path == "-" or not os.path.isdir(path):
        return [path]
    if exclude is not None and exclude.matches(path, folder=True):
        exclude = None
    ignored = {path: gitignore.rules_for(path)} if respect_gitignore else {}
    found, left_out = list[str](), False
    for folder, folders, files in os.walk(path, onerror=errors.append):
        rules = ignored.pop(folder, None)
        drafts = [f for f in files if PurePath(f).suffix.lower() in SUFFIXES and not f.startswith(".")]
        walked = sorted(f for f in folders if not f.startswith(".") and f not in _SKIPPED_FOLDERS)
        chosen = [f for f in drafts if not _out(os.path.join(folder, f), False, exclude, rules)]
        folders[:] = [f for f in walked if not _out(os.path.join(folder, f), True, exclude, rules)]
        if rules is not None:
            ignored |= {below: rules.within(below) for below in (os.path.join(folder, name) for name in folders)}
        left_out |= len(chosen) < len(drafts) or len(folders) < len(walked)
        found += [os.path.join(folder, name) for name in chosen]
    if not found and not errors:
        why = "; some are left out by exclude or .gitignore" * left_out
        raise InputError(f"{path}: no drafts in this folder; they end in {', '.join(sorted(SUFFIXES))}{why}")
    return sorted(found)


def _out(path: str, folder: bool, exclude: Patterns | None, rules: gitignore.Rules | None) -> bool:
    """Whether a file, or a folder with all that lies in it, is left out."""
    if exclude is not None and exclude.matches(path, folder=folder) and not (folder and exclude.has_exceptions):
        return True
    return rules is not None and rules.ignore(path, folder=folder)
