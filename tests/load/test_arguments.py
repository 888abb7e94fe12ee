"""What the command line of a load test comes to, and what is refused before anything is sent."""

from __future__ import annotations

import configargparse
import pytest

from simulator.errors import UsageError
from simulator.load import arguments
from simulator.wire.address import address


@pytest.fixture
def read(monkeypatch):
    monkeypatch.delenv("SIMULATOR_TOKEN", raising=False)

    def run(*words):
        parser = configargparse.ArgumentParser()
        arguments.add(parser)
        return arguments.read(parser.parse_args(list(words)))

    return run


def test_without_options_a_reference_server_is_started_and_everything_stays_here(read):
    found = read()
    assert (found.target, found.bare, found.loopback, found.foreign) == (None, False, True, False)
    assert (found.devices_per_user, found.stop_at_errors, found.wait_at_end_s) == (1000, 1.0, 100.0)


def test_a_platform_that_runs_already(read, monkeypatch):
    monkeypatch.setenv("SIMULATOR_TOKEN", "secret")
    found = read("--target", "127.0.0.1:10080", "--dtls", "127.0.0.1:11235")
    assert (found.target, found.token, found.dtls) == ("http://127.0.0.1:10080", "secret", address("127.0.0.1", 11235))
    assert found.loopback
    assert "secret" not in repr(found)


def test_another_machine_is_named_twice(read):
    found = read("--target", "https://10.0.0.5", "--token", "t", "--yes-really", "10.0.0.5")
    assert (found.foreign, found.loopback) == (True, False)


def test_any_coap_server(read):
    found = read("--coap", "127.0.0.1:5683")
    assert (found.bare, found.coap, found.loopback) == (True, address("127.0.0.1", 5683), True)


def test_what_else_may_be_said(read):
    found = read(
        *("--expect", "upload  p99 <  500 ms", "--expect", "lost = 0", "--stop-at-errors", "20 %"),
        *("--wait-at-end", "5 s", "--most-per-s", "100", "--seed", "7", "--keep", "--devices-per-user", "50"),
        *("--mutant", "upstreamMessage-missing"),
    )
    assert found.expects == ("upload p99 < 500 ms", "lost = 0")
    assert (found.stop_at_errors, found.wait_at_end_s, found.most_per_s, found.seed) == (0.2, 5.0, 100.0, 7)
    assert (found.keep, found.devices_per_user, found.mutant) == (True, 50, "upstreamMessage-missing")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--target", "http://127.0.0.1:1"], "needs --token"),
        (["--target", "http://10.0.0.5", "--token", "t"], "add --yes-really 10.0.0.5"),
        (["--target", "http://127.example.com", "--token", "t"], "127.example.com is not this machine"),
        (["--coap", "10.0.0.5:5683"], "add --yes-really 10.0.0.5"),
        (["--coap", "127.0.0.1"], "HOST:PORT"),
        (["--dtls", "127.0.0.1:1"], "name it with --target URL"),
        (["--expect", "uplod p99 < 1 s"], "did you mean 'upload'"),
        (["--mutant", "upstreamMessage-mising"], "did you mean upstreamMessage-missing"),
        (["--mutant", "x"], "simulator list mutants"),
        (["--mutant", "upstreamMessage-missing", "--coap", "127.0.0.1:1"], "starts itself"),
        (["--devices-per-user", "0"], "from 1 to 1,000,000"),
        (["--seed", "-1"], "from 0 to"),
        (["--most-per-s", "-1"], "from 0"),
        (["--stop-at-errors", "often"], "often"),
        (["--wait-at-end", "100 %"], "100 %"),
    ],
)
def test_what_makes_no_sense_is_refused(read, words, told):
    with pytest.raises(UsageError) as refused:
        read(*words)
    assert told in str(refused.value)


def test_pages_and_masters_listen_here_unless_somebody_says_otherwise():
    parser = configargparse.ArgumentParser()
    parser.add_argument("--web-host", default="")
    parser.add_argument("--master-bind-host", default="*")
    arguments.add(parser)
    given = parser.parse_args([])
    assert (given.web_host, given.master_bind_host) == ("127.0.0.1", "127.0.0.1")
