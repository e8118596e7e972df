"""One HTML page with a draft as readers will see it beside the findings: `page` makes it, `rendering` the draft."""
