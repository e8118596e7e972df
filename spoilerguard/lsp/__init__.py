"""The language server: `editor` has what an editor shows, `actions` its code actions, `server` speaks the protocol.

`positions` converts offsets. Importing this package loads no library.
"""
