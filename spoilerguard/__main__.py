"""`python -m spoilerguard` is the command line."""

from spoilerguard.cli import app

if __name__ == "__main__":
    app(prog_name="spoilerguard")
