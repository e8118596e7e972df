"""How long tests wait for what should come; it decides when a test fails, never how long it takes."""

WAIT = 600  # seconds until a process counts as hanging: far more than a busy machine needs
