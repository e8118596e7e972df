"""Source text to prose and sentences, with exact offsets.

`reading` has the table of draft formats and is the file to read first: it makes a `Document`. `htmlscan` and
`markdown` find what is prose, `markup` what is already hidden, `boilerplate` what belongs to the page rather than
the post. `sentences` splits prose by rules, `runons` splits text without punctuation. `ranges` is range arithmetic.
"""
