"""One HTML page that shows a draft as its readers will see it: `page` makes it, `rendering` writes the draft."""
