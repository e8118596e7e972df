"""Long scans of comment archives: shards, resume, one process, several, or a cluster.

`run` has `scan` and is the file to read first. Importing this package loads no library.
"""
