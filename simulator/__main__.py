"""`python -m simulator` is the same as `simulator`."""

from simulator.cli import main

main()
