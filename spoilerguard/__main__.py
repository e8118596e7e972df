"""`python -m spoilerguard` is the command line."""

from spoilerguard.cli import run

if __name__ == "__main__":
    run()
