"""Files on disk.

`streams` unpacks and decodes. `source` has the lines of a data file from any place on; `delimited`, `jsonlines` and
`parquet` read its records, and `columns` guesses which column is which. `atomic` replaces files, `pages` makes HTML.
"""
