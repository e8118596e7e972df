"""The command line: arguments, printing, exit status. It decides nothing; `app` puts the commands together."""

from __future__ import annotations

from spoilerguard.cli.app import app, run

__all__ = ["app", "run"]
