"""Drafts on disk: found, read, checked, compared with what was there before.

`checking` is the file to read first. `walking` and `patterns` find the drafts, `io` reads and writes them,
`changes` and `baseline` leave out what is not new, `suppressions` finds unused ones, `edited` reads an edited
report, `outcomes` is what a check of one draft gives.
"""
