"""`python -m simulator`, and the `simulator` command: nothing but a door, so that it opens at once."""

from __future__ import annotations


def main() -> None:
    """Run the command line. Ctrl-C while the program is still being read from disk ends it quietly too."""
    try:
        from simulator.cli import main as command_line

        command_line()
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
