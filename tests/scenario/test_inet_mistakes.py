"""Every mistake about Internet devices is told in its place, with what is wrong and what to do."""

import pytest

HEAD = (
    "scenario: a\ndevices: {c: {network: inet, count: 3}, d: {network: inet, transport: dtls}, m: {}, u: {transport:"
    " udp}}\nsteps:\n"
)

MOBILE = " is of the mobile network, and c is on the Internet"
INET = " is of Internet devices, and m is in the mobile network"

STEPS = [
    # verbs of the other network
    ("{attach: c}", f"4:14: attach{MOBILE} (use connect)"),
    ("{attach: [m, c.1]}", f"4:18: attach{MOBILE} (use connect)"),
    ("{detach: c}", f"4:14: detach{MOBILE} (use disconnect)"),
    ("{insert_sim: c}", f"4:18: insert_sim{MOBILE} (Internet devices have no SIM)"),
    ("{remove_sim: c}", f"4:18: remove_sim{MOBILE} (Internet devices have no SIM)"),
    ("{move_sim: m, to: c.0}", f"4:23: move_sim{MOBILE} (Internet devices have no SIM)"),
    ("{move_sim: c.0, to: m}", f"4:16: move_sim{MOBILE}"),
    ("{swap_sims: m, with: c.0}", f"4:26: swap_sims{MOBILE}"),
    ("{switch_profile: c, profile: 2}", f"4:22: switch_profile{MOBILE} && 4:22: c has no eSIM"),
    ("{update_modem: c, svn: 2}", f"4:20: update_modem{MOBILE} (what Internet devices run on is nobody's affair)"),
    ("{roam: c, cell: 1}", f"4:12: roam{MOBILE} (use rebind_nat: it appears from another address)"),
    ("{cut_off: c}", f"4:15: cut_off{MOBILE} (use remove, which ends its session too; or disconnect)"),
    ("{update: c.0, imsi: 1}", "4:19: c is on the Internet, and has no IMSI (what it shows is its certificate)"),
    ("{update: [m, c], imei: held}", "4:22: c is on the Internet, and has no IMEI"),
    ("{connect: m}", f"4:15: connect{INET} (use attach)"),
    ("{connect: [c, m]}", f"4:19: connect{INET} (use attach)"),
    ("{disconnect: m}", f"4:18: disconnect{INET} (use detach)"),
    ("{rebind_nat: m}", f"4:18: rebind_nat{INET} (its network gives it an address of its own; use detach and attach)"),
    ("{renew_certificate: m}", f"4:25: renew_certificate{INET} (its SIM is what it shows of itself)"),
    ("{set_clock: m}", f"4:17: set_clock{INET} (it checks no certificate by its clock)"),
    # arguments
    ("{connect: c, resume: maybe}", "4:26: resume is yes or no, not 'maybe'"),
    ("{disconnect: c, resume: no}", "4:21: 'resume' does not fit disconnect (it fits connect)"),
    ("{set_clock: c, fast: 1 d, slow: 1 d}", "4:31: set_clock is both fast and slow (keep one of them)"),
    ("{set_clock: c, fast: 20}", "4:26: fast: '20' has no unit"),
    ("{set_clock: c, fast: 0 s}", "4:26: fast must be more than 0"),
    ("{set_clock: c, slow: 18251 d}", "4:26: slow: '18251 d' is too much (at most 18250 d)"),
    ("{set_clock: c, clock: reset}", "4:20: unknown key 'clock' beside set_clock (known: fast, slow, "),
    ("{upload_blob: c, payload: 40 MB}", "4:31: payload: '40 MB' is too much (at most 32 MiB)"),
    ("{upload_blob: c, payload: 0 B}", "4:31: a payload of 0 B is empty"),
    ("{upload_blob: c, content_type: jpeg}", "4:36: 'jpeg' is no content_type (write it as image/jpeg, at most 100"),
    ('{upload_blob: c, content_type: "a/b\\r\\nx: y"}', "4:36: 'a/b\\r\\nx: y' is no content_type"),
    ("{upload_blob: c, content_type: a/" + "b" * 99 + "}", "is no content_type"),
    ('{upload_blob: c, path: "a\\nb"}', "4:22: path 'a\\nb' has a control character in it (it becomes part of an ad"),
    ("{upload_blob: c, path: [a]}", "4:28: path must be a word (write it as data/on/server)"),
    ("{upload: c, content_type: a/b}", "4:17: 'content_type' does not fit upload (it fits upload_blob)"),
    ("{upload: d, path: x}", "4:17: raw DTLS has no path, and d speaks dtls (use transport: coaps)"),
    ("{upload: [c, d], confirmable: no}", "4:22: raw DTLS has no confirmable, and d speaks dtls (use transport: co"),
    (
        "{upload: d, payload: 1244 B}",
        "4:17: 1244 B do not fit into a datagram of 'd' (raw DTLS carries at most 1243 B; use transport: coaps)",
    ),
    (
        "{poll: [c, d]}",
        "4:16: d speaks dtls, which cannot poll (use transport: coaps; over dtls a waiting message comes with the next",
    ),
    ("{renew_certificate: c, token: t}", "4:35: no token 't' (declare it: tokens: {t: })"),
    ("{rebind_nat: c, retry: 1}", "4:21: 'retry' does not fit rebind_nat (it fits attach, detach, connect, upload, "),
    ("{connect: c, retry: {times: 3, pause: mobile}}", "4:43: pause: mobile is for attach"),
    ("{vanish: c, lasting: 5 s}", "4:17: 'lasting' does not fit vanish"),
    # outcomes
    ("{connect: c, outcome: coap 4.04}", "4:27: connect cannot come to 'coap 4.04' (it can come to ok, rejected, ti"),
    ("{disconnect: c, outcome: rejected}", "4:30: disconnect cannot come to 'rejected' (it can come to ok, failed, "),
    ("{vanish: m, outcome: timeout}", "4:26: vanish cannot come to 'timeout' (it can come to ok, failed, any)"),
    ("{set_clock: c, outcome: rejected}", "4:29: set_clock cannot come to 'rejected'"),
    ("{upload: d, outcome: coap 4.04}", "4:26: raw DTLS is never answered, so d cannot come to 'coap 4.04' (leave o"),
    ("{upload: [d, u], outcome: timeout}", "4:31: plain UDP is never answered, so u cannot come to 'timeout' (leave"),
    (
        "{connect: c, outcome: {rejected: certificate expird}}",
        "4:38: no handshake is rejected with 'certificate expird' (did you mean 'certificate expired'?)",
    ),
    (
        "{connect: c, outcome: {rejected: no certificate}}",
        "(its alert is another: write {rejected: handshake failure})",
    ),
    ("{connect: c, outcome: {rejected: certificate is not yet valid}}", "another: write {rejected: bad certificate})"),
    ("{connect: c, outcome: {rejected: certificate of a gateway}}", "another: write {rejected: certificate unknown})"),
    (
        "{connect: c, outcome: {rejected: unknown issuer}}",
        "4:38: no handshake is rejected with 'unknown issuer' (its al",
    ),
    ("{connect: c, outcome: {rejected: certificate is revoked}}", "another: write {rejected: certificate revoked})"),
    ("{reboot: c, outcome: {rejected: certificate has expired}}", "another: write {rejected: certificate expired})"),
    ("{connect: c, outcome: {rejected: unknown certificate}}", "another: write {rejected: certificate unknown})"),
    ("{connect: c, outcome: {rejected: IMEI mismatch}}", "4:38: no handshake is rejected with 'IMEI mismatch' (known"),
    ("{power_on: c, outcome: {rejected: IMEI mismatch}}", "4:39: no handshake is rejected with 'IMEI mismatch'"),
    ("{power_on: m, outcome: {rejected: unknown ca}}", "4:39: no login is rejected with 'unknown ca' (the reference"),
    ("{power_on: [c, m], outcome: {rejected: nope}}", "4:44: no login is rejected with 'nope'"),
]

ON_INET = " is of the mobile network, and m is on the Internet (leave it out, or use network: ciot)"
IN_CIOT = " is of Internet devices, and m is in the mobile network (add network: inet, or leave it out)"

GROUPS = [
    # what goes with what
    (
        "{network: inet, transport: udp}",
        "m is on the Internet, where nobody speaks plain udp (use transport: coaps or dtls, or network: ciot)",
    ),
    ("{network: inet, transport: coap}", "2:41: m is on the Internet, where nobody speaks plain coap"),
    (
        "{network: ciot, transport: dtls}",
        "2:41: m is in the mobile network, where nobody speaks dtls (use transport: coap or udp, or network: inet)",
    ),
    ("{transport: coaps}", "2:26: coaps is spoken on the Internet (add network: inet to m)"),
    ("{network: internet, certificate: own}", "2:24: no network 'internet' (did you mean 'inet'?)"),
    ("{transport: coaps, network: internet}", "no network 'internet' (did you mean 'inet'?)"),
    ("{network: inet, transport: gateway}", "2:41: transport 'gateway' is not in this version"),
    (
        "{network: inet, transport: dtls, stack: aiocoap}",
        "2:47: stack: aiocoap speaks CoAP, and the transport is dtls (use transport: coaps)",
    ),
    ("{network: inet, sim: none}", f"2:30: sim{ON_INET}"),
    ("{network: inet, modem: {svn: 2}}", f"2:30: modem{ON_INET}"),
    ("{network: inet, operator: home}", f"2:30: operator{ON_INET}"),
    ("{network: inet, rat: lte-m}", f"2:30: rat{ON_INET}"),
    ("{network: inet, cell: 1}", f"2:30: cell{ON_INET}"),
    ("{network: inet, identity: {imsi: blank}}", f"2:30: identity{ON_INET}"),
    ("{certificate: own}", f"2:15: certificate{IN_CIOT}"),
    ("{connection: {resume: no}}", f"2:15: connection{IN_CIOT}"),
    ("{network: ciot, clock: right}", f"2:30: clock{IN_CIOT}"),
    (
        "{network: inet, transport: dtls, payload: 2 KiB}",
        "2:47: 2048 B do not fit into a datagram of 'm' (raw DTLS carries at most 1243 B; use transport: coaps)",
    ),
    ("{registered: no, sim: {clone_of: i}}", "2:47: i is on the Internet, and has no sim (name a device that has one"),
    ("{registered: no, modem: {clone_of: i}}", "2:49: i is on the Internet, and has no modem"),
    # certificates
    ("{network: inet, certificate: expird}", "2:43: no certificate 'expird' (did you mean 'expired'?)"),
    ("{network: inet, certificate: mine}", "2:43: no certificate 'mine' (known: own, none, foreign, self-signed, exp"),
    ("{network: inet, certificate: copy}", "2:43: copy of whose certificate? (write certificate: {of: meter})"),
    ("{network: inet, certificate: }", "2:30: 'certificate' has no value (own | none | foreign"),
    ("{network: inet, certificate: [own]}", "2:43: certificate must be a word or a mapping, not a list (write own, n"),
    ("{network: inet, certificate: {}}", "2:43: certificate is an empty mapping (write own, none, foreign, self-sig"),
    ("{network: inet, certificate: {off: i}}", "2:44: unknown key 'off' in certificate (did you mean 'of'?)"),
    ("{network: inet, certificate: {of: }}", "2:44: 'of' has no value (the device whose certificate and key these "),
    ("{network: inet, certificate: {of: [i]}}", "2:48: of must be a word, not a list"),
    ("{network: inet, certificate: {of: x}}", "2:48: no group 'x' (known: m, i, two, bare, copied, mobile)"),
    ("{network: inet, certificate: {of: m}}", "2:48: m has a copy of its own certificate (name another group, or w"),
    ("{network: inet, certificate: {of: mobile}}", "2:48: mobile has no certificate (it is of the mobile network; n"),
    ("{network: inet, certificate: {of: copied}}", "2:48: the certificate of copied is a copy itself (name the dev"),
    ("{network: inet, certificate: {of: bare}}", "2:48: bare has no certificate that could be copied (it has certif"),
    ("{network: inet, certificate: {of: two.2}}", "2:48: there is no two.2 (two has two.0 to two.1)"),
    ("{network: inet, certificate: {of: 50 % of two}}", "2:48: of: '50 % of two' is drawn by the seed (name a devic"),
    (
        "{network: inet, count: 3, certificate: {of: two}}",
        "3 copies of the certificates of 2 devices (m needs count: 2, or 1)",
    ),
    (
        "{network: inet, count: 3, certificate: {of: i}}",
        "3 copies of the certificates of one device (m must be one device)",
    ),
    # connections
    ("{network: inet, connection: yes}", "2:42: connection must be a mapping, not a word (write it as {resume: no, "),
    ("{network: inet, connection: {resum: no}}", "2:43: unknown key 'resum' in connection (did you mean 'resume'?)"),
    ("{network: inet, connection: {resume: 1}}", "2:51: resume is yes or no, not '1'"),
    ("{network: inet, connection: {on_demand: never}}", "2:54: on_demand is yes or no, not 'never'"),
    ("{network: inet, connection: {close_after: 5}}", "2:56: close_after: '5' has no unit"),
    ("{network: inet, connection: {close_after: 0 s}}", "2:56: close_after must be more than 0"),
    ("{network: inet, connection: {renew_after: 0 s}}", "2:56: renew_after must be more than 0"),
    ("{network: inet, connection: {timeout: 0 s}}", "2:52: timeout must be more than 0"),
    ("{network: inet, connection: {timeout: 61 s}}", "2:52: timeout: '61 s' is too much (at most 1 min)"),
    ("{network: inet, connection: {cipher: ccm}}", "2:51: no cipher 'ccm' (did you mean 'ccm8'?)"),
    ("{network: inet, connection: {cipher: aes}}", "2:51: no cipher 'aes' (known: any, gcm, ccm8)"),
    # clocks
    ("{network: inet, clock: wrong}", "2:37: no clock 'wrong' (write right, reset, {slow: 20 d} or {fast: 900 d})"),
    ("{network: inet, clock: rigth}", "2:37: no clock 'rigth' (did you mean 'right'?)"),
    ("{network: inet, clock: [reset]}", "2:37: clock must be a word or a mapping, not a list (write right, reset, "),
    ("{network: inet, clock: {}}", "2:37: clock is an empty mapping (write right, reset, {slow: 20 d} or {fast: 900 d"),
    ("{network: inet, clock: {fast: }}", "2:38: 'fast' has no value (the clock is ahead by so much; after"),
    ("{network: inet, clock: {fast: 1 d, slow: 1 d}}", "2:49: clock is both fast and slow (keep one of them)"),
    ("{network: inet, clock: {late: 1 d}}", "2:38: unknown key 'late' in clock (known: fast, slow)"),
    ("{network: inet, clock: {slow: 0 s}}", "2:44: slow must be more than 0"),
]

OTHERS = (
    "i: {network: inet}, two: {network: inet, count: 2}, bare: {network: inet, certificate: none},"
    " copied: {network: inet, certificate: {of: i}}, mobile: "
)

OPTIONS = [
    ("{inet_idle: 0 s}", "2:23: inet_idle must be more than 0"),
    ("{inet_idle: 600}", "2:23: inet_idle: '600' has no unit"),
    ("{inet_idl: 1 s}", "2:12: unknown key 'inet_idl' in platform (did you mean 'inet_idle'?)"),
    ("{transport_compat: dtls}", "2:30: no transport_compat 'dtls' (known: unspecified)"),
    ("{transport_compat: unspecifed}", "2:30: no transport_compat 'unspecifed' (did you mean 'unspecified'?)"),
]


def _is_told(found: list[str], told: str) -> None:
    """As in test_mistakes: nothing but what is told; `&&` between two that follow from one."""
    parts = told.split(" && ")
    assert len(found) == len(parts), found
    assert all(any(part in line for line in found) for part in parts), found


@pytest.mark.parametrize(("step", "told"), STEPS)
def test_mistakes_of_a_step(mistakes, step, told):
    _is_told(mistakes(f"{HEAD}  - {step}\n"), told)


@pytest.mark.parametrize(("group", "told"), GROUPS)
def test_mistakes_of_a_group(mistakes, group, told):
    _is_told(mistakes(f"scenario: a\ndevices: {{m: {group}, {OTHERS}}}\nsteps: [{{wait: 1 s}}]\n"), told)


@pytest.mark.parametrize(("options", "told"), OPTIONS)
def test_mistakes_of_the_options(mistakes, options, told):
    _is_told(mistakes(f"scenario: a\nplatform: {options}\nsteps: [{{wait: 1 s}}]\n"), told)


def test_a_group_whose_network_could_not_be_read_is_not_in_the_wrong_one(mistakes):
    found = mistakes("scenario: a\ndevices: {m: {network: internet, transport: dtls}}\nsteps: [{connect: m}]\n")
    assert [line.partition(" (")[0] for line in found] == ["2:24: no network 'internet'"]
