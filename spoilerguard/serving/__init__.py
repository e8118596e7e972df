"""The service over HTTP, for what is not written in Python; `spoilerguard serve` runs it.

`service` has `app` and is the file to read first. Importing this package loads no library.
"""
