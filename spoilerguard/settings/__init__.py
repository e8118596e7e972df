"""A project's settings: `keys` is the table of them, `layers` finds, checks and combines their values."""
