"""The language server: `editor` decides what is shown, `server` speaks the protocol, `positions` converts offsets.

Importing this package loads no library.
"""
