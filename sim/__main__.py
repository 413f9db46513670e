"""`python -m sim world|ups|minimum`."""

from sim.cli import main

main()
