"""A built site: text that one page hides must not stand in the clear in another place.

`checking` makes two passes over the files: it collects the hidden sentences of all pages, then looks for them in
everything that is in the clear. `clear` is the table of the kinds of files and what is in the clear in each,
`printing` that of the output formats.
"""

from __future__ import annotations

from spoilerguard.site.checking import Leak, SiteReport, check_site, files_in
from spoilerguard.site.printing import SITE_PRINTERS

__all__ = ["SITE_PRINTERS", "Leak", "SiteReport", "check_site", "files_in"]
