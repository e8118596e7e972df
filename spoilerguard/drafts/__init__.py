"""Drafts on disk: found, read, checked, and compared with an earlier state.

Read `checking` first. `walking`, `patterns` and `gitignore` find the drafts, `io` reads and writes them, `changes`
and `baseline` leave out what is not new, `suppressions` finds unused ones, `edited` reads an edited report, `git`
runs git, and `outcomes` holds the result for one draft.
"""
