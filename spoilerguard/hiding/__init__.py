"""Hide ranges of a document, or mark them as no spoilers. Read `blurring` first.

`events` lists the markup of a source, `segments` cuts ranges at it, `styles` has the table of blur styles and
`block_edits` writes spoilers that are blocks. `accessible_html` is our own style, `ignoring` writes comments.
"""
