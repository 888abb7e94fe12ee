"""Every shipped locustfile runs, headless, alone and with workers, and comes to its verdict.

Each is a program of its own, as its user starts it; they go on beside all other tests (tests/beside_plugin.py).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

FILES = sorted((Path(__file__).parents[2] / "locustfiles").glob("*.py"))
PATIENCE_S = 110.0

SIZES = {
    "coap_upload": ("-u", "2", "--devices-per-user", "150"),
    "udp_upload": ("-u", "2", "--devices-per-user", "25"),
    "dtls_upload": ("-u", "8", "-r", "8"),
    "reconnect_storm": ("-u", "2", "--devices-per-user", "10"),
    "mixed_fleet": ("-u", "10", "--devices-per-user", "10"),
    "from_scenario": ("--devices-per-user", "150"),
}
SECONDS = {"reconnect_storm": 7, "from_scenario": 10}
"""What others take: six."""
WORKERS = ("coap_upload", "dtls_upload", "mixed_fleet")
"""Those that are run with two workers, too; the others differ from them in nothing that a worker would notice."""


def command_of(name, workers):
    distributed = ("--processes", str(workers), "--master-bind-port", "{port}", "--master-port", "{port}")
    return (
        "-m",
        "locust",
        "-f",
        f"locustfiles/{name}.py",
        "--headless",
        "--only-summary",
        *SIZES[name],
        *("-t", f"{SECONDS.get(name, 6) + (2 if workers else 0)}s"),
        *("--report", "{out}/report.json", "--html", "{out}/locust.html"),
        # With workers, Locust's own writer of CSV sometimes ends with a traceback: its file is closed before it.
        *(distributed if workers else ("--csv", "{out}/locust")),
    )


RUNS = [
    *(pytest.param(path.stem, 0, id=path.stem) for path in FILES),
    *(pytest.param(name, 2, id=f"{name} with two workers") for name in WORKERS),
]


@pytest.mark.real
@pytest.mark.beside(command=command_of)
@pytest.mark.timeout(PATIENCE_S + 10)
@pytest.mark.parametrize(("name", "workers"), RUNS)
def test_it_runs_to_its_verdict(name, workers, ended_beside):
    ended = ended_beside(PATIENCE_S)
    # On a machine as busy as that of a test suite the generator may be the limit; what it has seen must hold anyway.
    assert ended.code in (0, 5), ended.said
    assert "Traceback" not in ended.said, ended.said
    report = json.loads((ended.out / "report.json").read_text(encoding="utf-8"))
    uploads = report["uploads"]
    assert uploads["sent"] > 0, ended.said
    assert uploads["delivered"] == uploads["sent"] - uploads["missing"], ended.said
    assert [uploads[key] for key in ("lost", "duplicated", "disordered", "resized", "open")] == [0] * 5, ended.said
    assert report["devices"]["joined"] == report["devices"]["planned"] > 0, ended.said
    if workers:
        assert len(report["workers"]) == workers, ended.said
        assert all(worker["sent"] > 0 for worker in report["workers"]), ended.said
    assert "upload " in (ended.out / "locust.html").read_text(encoding="utf-8"), ended.said
    if not workers:
        assert ",upload " in (ended.out / "locust_stats.csv").read_text(encoding="utf-8"), ended.said


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_is_a_page_to_copy_from(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") < 40
    assert f"locust -f locustfiles/{path.name} " in text  # how it is started


def test_all_of_them_have_a_run():
    assert sorted(SIZES) == [path.stem for path in FILES]
