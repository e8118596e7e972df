"""Bytes on disk: `streams` unpacks and decodes, `atomic` writes all of a file or nothing, `pages` writes HTML."""
