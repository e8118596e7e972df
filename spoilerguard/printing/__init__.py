"""The output formats of `check`, in one table. Read `table` first."""

from __future__ import annotations

from spoilerguard.drafts.outcomes import Look, Outcome, harmless, plain
from spoilerguard.printing.records import results
from spoilerguard.printing.table import PRINTERS
from spoilerguard.printing.text import colour_wanted

__all__ = ["PRINTERS", "Look", "Outcome", "colour_wanted", "harmless", "plain", "results"]
