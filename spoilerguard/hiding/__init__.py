"""Hide ranges of a document, or mark them as no spoilers. Read `blurring` first.

`visible` is the text that readers see, `events` lists the markup around it, `segments` cuts ranges at it, `styles`
has the table of blur styles and `block_edits` writes spoilers that are blocks. `accessible_html` is our own style,
`ignoring` writes comments that suppress a sentence.
"""
