"""The language server: `editor` has what an editor shows, `actions` its code actions, `server` speaks the protocol.

`decisions` keeps what the author decides. `positions` converts offsets. Importing this package loads no library.
"""
