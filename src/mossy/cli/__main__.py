"""`python -m mossy.cli` is the `mossy` command."""

from mossy.cli import main

main()
