"""Arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

Paths = Annotated[
    Optional[list[Path]],  # noqa: UP045  typer reads the annotation at run time
    typer.Argument(metavar="[FILE|FOLDER]...", help="Scenario files, or folders of them. Default: scenarios/"),
]
Target = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--target", metavar="URL", help="API of a platform that runs already, http://127.0.0.1:10080"),
]
Token = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--token", metavar="TOKEN", envvar="SIMULATOR_TOKEN", show_envvar=True, help="Its API token."),
]
Confirm = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--yes-really", metavar="HOST", help="Name the host once more if it is not this machine."),
]

Case = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--case", metavar="NAME", help="Only this case of a file with cases; once more for another."),
]
Without = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(metavar="INVARIANT", help="Do not hold this invariant; see `simulator list invariants`."),
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]

Coaps = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(metavar="HOST:PORT", help="Where the target takes CoAP over DTLS. Default: where it says."),
]
Dtls = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(metavar="HOST:PORT", help="Where the target takes raw payloads over DTLS. Default: where it says."),
]
Https = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(metavar="HOST:PORT", help="Where the target takes blobs by HTTPS. Default: where it says."),
]
Blobs = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(metavar="HOST:PORT", help="Where the target takes blobs by plain HTTP. Default: where it says."),
]
