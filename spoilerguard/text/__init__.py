"""Source text to prose and sentences, with exact offsets.

Read `reading` first: it has the table of draft formats and makes a `Document`. `htmlscan` and `markdown` find the
visible text and return a `Scan` (see `scans`), `markup` finds text that is already hidden, and `boilerplate` finds
text that belongs to the page rather than the post. `sentences` splits prose by rules, `runons` splits text without
punctuation. `ranges` is arithmetic of ranges.
"""
