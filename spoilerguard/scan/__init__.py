"""Scans of comment archives of any size, in one process, several processes or a cluster; they can be resumed.

`run` has `scan`: read it first. Importing this package loads no library.
"""
