"""How `check` prints what it found: one table of output formats. Read `table` first."""

from __future__ import annotations

from spoilerguard.drafts.outcomes import Look, Outcome, harmless, plain
from spoilerguard.printing.records import results
from spoilerguard.printing.table import OUTPUTS
from spoilerguard.printing.text import colour_wanted

__all__ = ["OUTPUTS", "Look", "Outcome", "colour_wanted", "harmless", "plain", "results"]
