"""The HTTP service, for programs not written in Python; `spoilerguard serve` runs it.

Read `service` first: it has `app`. Importing this package loads no library.
"""
