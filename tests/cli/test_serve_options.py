"""Options of `simulator serve`: who may talk RADIUS to it, and what Internet devices find."""

from __future__ import annotations

import pytest

from simulator.cli.serve_command import clients, seconds
from simulator.errors import UsageError
from simulator.server.fronts.radius_clients import RadiusClient


@pytest.mark.parametrize(
    ("secret", "others", "expected"),
    [
        (None, (), [("127.0.0.0/8", "")]),
        ("s", (), [("127.0.0.0/8", "s")]),
        ("s", ("10.1.0.0/16=t=u",), [("10.1.0.0/16", "t=u"), ("127.0.0.0/8", "s")]),
        (None, ("127.0.0.0/8=t",), [("127.0.0.0/8", "t")]),
        ("s", ("127.0.0.1=t",), [("127.0.0.1", "t"), ("127.0.0.0/8", "s")]),
    ],
)
def test_gateways_that_are_answered(secret, others, expected):
    assert clients(secret, others) == tuple(RadiusClient(network=network, secret=its) for network, its in expected)


@pytest.mark.parametrize(
    ("secret", "others", "words"),
    [
        ("", (), "empty"),
        (None, ("::1/128=hush",), "IPv4 networks only"),
        (None, ("hush",), "NETWORK=SECRET"),
        (None, ("10.0.0.0/8=",), "NETWORK=SECRET"),
        (None, ("hush=10.0.0.0/8",), "no network"),
        (None, ("10.0.0.1/8=hush",), "host bits"),
        (None, ("10.0.0.0/8=hush", "10.0.0.0/8=hush"), "before"),
        ("hush", ("127.0.0.0/8=hush",), "another"),
    ],
)
def test_what_is_no_gateway_is_refused_and_no_secret_shown(secret, others, words):
    with pytest.raises(UsageError, match=words) as refused:
        clients(secret, others)
    assert "hush" not in str(refused.value)


MISFITS = [
    (["--radius-port", "70000"], "--radius-port 70000"),
    (["--accounting-port", "-1"], "--accounting-port -1"),
    (["--disconnect-port", "65536"], "--disconnect-port 65536"),
    (["--interim", "59"], "too little; from 60 to 4294967295 s"),
    (["--interim", "99999999999"], "too much; from 60 to 4294967295 s"),
    (
        ["--radius-port", "12000", "--accounting-port", "12000"],
        "--radius-port and --accounting-port are both 12000",
    ),
    (["--udp-port", "11812"], "--udp-port and --radius-port are both 11812"),
    (["--coaps-port", "11235"], "--dtls-port and --coaps-port are both 11235"),
    (["--inet-idle", "-1"], "--inet-idle -1"),
    (["--inet-idle", "10 parsecs"], "--inet-idle 10 parsecs: unknown unit"),
    (["--inet-idle", "1.5 s"], "--inet-idle 1.5 s: whole seconds only"),
    (["--inet-idle", "31 d"], "--inet-idle 31 d: from 0"),
    (["--interim", "30 s"], "--interim 30 s: too little"),
    (["--name", "no host"], "--name no host: give a host name or an address"),
    (["--name", "300.1.2.3"], "--name 300.1.2.3: give a host name or an address"),
    (["--name", "*.example.com"], "--name *.example.com: name the hosts one by one"),
    (["--data", ""], "--data: it is empty"),
    (["--no-inet", "--data", "ca"], "leave out --no-inet"),
    (["--radius-secret", ""], "--radius-secret: it is empty"),
    (["--radius-client", "moon"], "NETWORK=SECRET"),
    (["--mismatch-policy", "none"], "'--mismatch-policy': 'none' is not one of 'both', 'first'"),
    (["--transport-compat", "no"], "'--transport-compat': 'no' is not one of 'unspecified'"),
    (["--require-message-authenticator", "sometimes"], "message"),
    (["--mutant", "block-lots"], "--mutant: no mutant 'block-lots' (did you mean 'block-lost'?)"),
    (["--mutant", ""], "--mutant: no mutant '' (`simulator list mutants` shows them)"),
]


@pytest.fixture(scope="module")
def refused(each_in_a_fork, tmp_path_factory):
    """Arguments → exit code, and what was said on both outputs."""
    return each_in_a_fork(tmp_path_factory.mktemp("misfits"), [["serve", *options] for options, _ in MISFITS])


@pytest.mark.parametrize(("options", "words"), MISFITS)
def test_options_that_do_not_fit(refused, options, words):
    code, said, complaint = refused[str(["serve", *options])]
    assert (code, said) == (2, "")
    assert words in complaint
    assert "Traceback" not in complaint


@pytest.mark.parametrize(
    ("text", "found"), [("600", 600), ("10 min", 600), ("10min", 600), ("600 s", 600), ("0", 0), (" 1 h ", 3600)]
)
def test_durations(text, found):
    assert seconds("--inet-idle", text) == found


def test_a_folder_that_cannot_be_used_is_one_clear_line(simulator, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "ca").mkdir(mode=0o700)
    (tmp_path / "ca" / "root.pem").write_text("hush")
    for folder in ("file", "ca"):
        done = simulator("serve", "--data", str(tmp_path / folder))
        assert (done.returncode, done.stdout) == (4, "")
        assert folder in done.stderr
        assert done.stderr.count("\n") == 1
        assert not {"Traceback", "hush"} & set(done.stderr.split())
