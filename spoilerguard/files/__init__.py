"""Files on disk.

`streams` unpacks and decodes. `source` has the lines of a data file from any place on; `delimited`, `jsonlines`,
`jsonvalues` and `parquet` read its records. `dialects` guesses how a delimited file is written, `columns` which column
is which. `atomic` replaces files, `pages` makes HTML.
"""
