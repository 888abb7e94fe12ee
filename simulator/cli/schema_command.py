"""`simulator schema`: what an editor needs to complete and check scenario files."""

from __future__ import annotations

import json

from simulator.errors import ExitCode


def print_schema() -> int:
    """Print the JSON Schema."""
    from simulator.scenario.schema import schema

    print(json.dumps(schema(), indent=2, ensure_ascii=False))
    return ExitCode.PASSED
