"""Scans of comment archives of any size, in one process, several processes or a cluster; they can be resumed.

`run` has `scan`, for archives that one process reads: read it first. `parts` has `scan_parts`, for those whose parts
the workers read. Importing this package loads no library.
"""
