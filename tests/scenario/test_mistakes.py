"""Every mistake is told in its place, with what is wrong and what to do, and all of a file at once."""

import pytest

HEAD = (
    "scenario: a\ndevices: {m: {count: 5}, u: {transport: udp}, old: {}, e: {count: 2, sim: {profiles: 3}}}\nsteps:\n"
)

STEPS = [
    # the verb
    ("atach: m", "4:5: no verb 'atach' (did you mean 'attach'?)"),
    ("attach: m\n    upload: m", "5:5: two verbs in a step: attach and upload (write two steps)"),
    ("{expect: [ciotConnect]}", "4:5: a step without a verb (write it as attach: meters)"),
    ("{}", "4:5: a step without a verb (write it as attach: meters)"),
    ("attach", "4:5: a step must be a mapping, not a word (write it as attach: meters)"),
    ("", "4:4: an empty step (write it as attach: meters)"),
    ("{report_firmware: old, x: y}", "4:6: verb 'report_firmware' is not in this version (tell the pl"),
    ("{power_onn: m}", "4:6: no verb 'power_onn' (did you mean 'power_on'?)"),
    # whom
    ("{attach: nobody}", "4:14: no group 'nobody' (known: m, u, old, e)"),
    ("{attach: olt}", "4:14: no group 'olt' (did you mean 'old'?)"),
    ("{attach: m.7}", "4:14: there is no m.7 (m has m.0 to m.4)"),
    ("{attach: old.1}", "4:14: there is no old.1 (old is one device)"),
    ("{attach: m.0-9}", "4:14: there is no m.9 (m has m.0 to m.4)"),
    ("{attach: m.3-1}", "4:14: 'm.3-1' ends before it begins (write m.1-3)"),
    ("{attach: 110 % of m}", "4:14: share: '110 %' is too much (at most 100 %)"),
    ("{attach: 0 % of m}", "4:14: 0 % is nobody (write it as 10 % of meters)"),
    ("{attach: 10 % off m}", "4:14: '10 % off m' is no share of a group (write it as 10 % of meters)"),
    ("{attach: 10 of m}", "4:14: '10 of m' names nobody (write meters, meters.3, meters.0-9 or 10 % of meters)"),
    ("{attach: [m, m.3]}", "4:18: 'm.3' is already in 'm' (remove one of them)"),
    ("{attach: }", "4:13: attach whom? (name a group or a member: attach: meters)"),
    ("{attach: []}", "4:14: attach: an empty list names nobody (write meters, meters.3, meters.0-9 or 10 % of meters)"),
    # arguments
    ("{upload: m, paylod: 24 B}", "4:17: unknown key 'paylod' beside upload (did you mean 'payload'?)"),
    ("{upload: m, to: x}", "4:17: 'to' does not fit upload (it fits move_sim, move)"),
    ("{upload: u, path: x}", "4:17: plain UDP has no path, and u speaks udp (use transport: coap)"),
    ("{upload: u, confirmable: no}", "4:17: plain UDP has no confirmable, and u speaks udp (use transport: coap)"),
    ("{upload: m, confirmable: maybe}", "4:30: confirmable is yes or no, not 'maybe'"),
    ("{upload: m, path: " + "x" * 256 + "}", "is too long (at most 255 bytes between slashes, 1024 in all)"),
    ("{poll: [m, u]}", "4:16: u speaks udp, which cannot poll (use transport: coap; over udp a waiting message comes"),
    ("{move: m}", "4:5: move without to (collection that the devices move to)"),
    ("{move: m, to: narnia}", "4:19: no collection 'narnia' (known: default)"),
    ("{update: m}", '4:6: update changes nothing (add imsi: "", imei: … or tags: {…})'),
    ("{update: m, imsi: }", "4:17: 'imsi' has no value (new IMSI; \"\" clears it, `held` is that of the SIM that"),
    ("{update: old, imsi: abc}", "4:25: 'abc' is no IMSI (write 1 to 15 digits, held, or \"\" to clear the IMSI)"),
    ("{update: m, imei: 999}", "4:17: one IMEI for 5 devices (name one device, such as meters.0)"),
    ("{link: m}", "4:6: link changes nothing (add preset: nb-iot-ce2, or a value such as loss: 5 %)"),
    ("{link: m, preset: nbiot-good}", "4:23: no link preset 'nbiot-good' (did you mean 'nb-iot-good'?)"),
    ("{link: m, loss: 5 %, loss_p: 1 %}", "4:26: loss and loss_p exclude each other (loss replaces the bursts)"),
    ("{link: m, wake: {up: 1 s}}", "4:21: wake is the same both ways (write one value)"),
    ("{link: m, loss: {}}", "4:21: loss has neither up nor down (write {up: 5 %} or one value for both)"),
    ("{link: m, sigma: 1 s}", "4:22: sigma is a number without a unit, not '1 s' (write it as 0.5)"),
    ("{upload: m, lasting: 9 s}", "4:17: 'lasting' does not fit upload (it fits link, blackout, freeze, misb"),
    ("{wait: 1 s, lasting: 9 s}", "4:17: 'lasting' does not fit wait (it fits link, blackout, freeze, misb"),
    ("{link: m, loss: 5 %, lasting: 9}", "4:35: lasting: '9' has no unit"),
    ("{freeze: m, lasting: 0 s}", "4:26: lasting must be more than 0"),
    ("{freeze: m, every: 1 min, times: 3}", "4:6: freeze is repeated, and nothing ends it in between (add lasting"),
    ("{blackout: m, times: 3}", "4:6: blackout is repeated, and nothing ends it in between (add lasting: 90 s)"),
    (
        "{freeze: m, every: 1 min, times: 3, lasting: 60 s}",
        "4:41: freeze lasts longer than every (it must be over before it begins again, every 1 min)",
    ),
    ("{blackout: m, times: 3, lasting: 60 s}", "4:29: lasting with times, and without every (say the period"),
    ("{power_off: m, abruptly: maybe}", "4:30: abruptly is yes or no, not 'maybe'"),
    (
        "{attach: m, abruptly: yes}",
        "4:17: 'abruptly' does not fit attach (it fits power_off, reboot, remove_sim, move_sim, ",
    ),
    ("{withdraw: m, which: newst}", "4:26: no which 'newst' (did you mean 'newest'?)"),
    ("{withdraw: m, which: 1}", "4:26: no which '1' (known: oldest, newest, all)"),
    ("{reboot: m, outcome: coap 4.04}", "4:26: reboot cannot come to 'coap 4.04' (it can come to ok, rejected, time"),
    ("{freeze: m, outcome: rejected}", "4:26: freeze cannot come to 'rejected' (it can come to ok, failed, any)"),
    ("{send: m, token: reader}", "4:22: no token 'reader' (declare it: tokens: {reader: })"),
    ("{upload: m, token: reader}", "4:17: 'token' does not fit upload (it fits create, update, remove, move, send, "),
    ("{wait: 30}", "4:12: wait: '30' has no unit (units of a duration: us, µs, ms, s, min, h, d; such as 10 min)"),
    ("{wait: 30 sec}", "4:12: wait: unknown unit 'sec' (did you mean 's'? units of a duration: us, µs, ms, s, min, h"),
    ("{wait: 0 s}", "4:12: wait must be more than 0"),
    ("{wait: }", "4:11: wait has no value (write it as wait: 30 s)"),
    ("{wait: 1 s, outcome: ok}", "4:17: 'outcome' does not fit wait (beside wait fit at, as, within, expect, never)"),
    ("{wait: 1 s, expect: [ciotConnect]}", "4:26: nobody is said to see ciotConnect (write {ciotConnect: {}, of:"),
    # SIMs, modems, networks
    ("{insert_sim: m, card: frsh}", "4:27: no card 'frsh' (did you mean 'fresh'?)"),
    (
        "{insert_sim: m, card: }",
        "4:21: 'card' has no value (own | fresh: the device's own card, or one that nobody has",
    ),
    ("{insert_sim: m, abruptly: no}", "4:21: 'abruptly' does not fit insert_sim (it fits power_off, reboot, remo"),
    ("{remove_sim: m, abruptly: maybe}", "4:31: abruptly is yes or no, not 'maybe'"),
    ("{move_sim: m}", "4:5: move_sim without to (device that the SIM moves to)"),
    ("{move_sim: old, to: nobody}", "4:25: no group 'nobody' (known: m, u, old, e)"),
    ("{move_sim: old, to: old}", "4:25: 'old' is on both sides of move_sim (each device stands on one side, and once)"),
    ("{move_sim: m.0-2, to: m.2-4}", "4:27: 'm.2-4' is on both sides of move_sim"),
    ("{move_sim: m, to: old}", "4:23: move_sim of 5 devices, and 1 on the other side ('old' is 1; name as many on bot"),
    ("{move_sim: [old, u], to: m.0-2}", "4:30: move_sim of 2 devices, and 3 on the other side"),
    ("{move_sim: 40 % of m, to: e}", "4:16: '40 % of m' is drawn by the seed (move_sim is between devices that the fi"),
    ("{move_sim: old, to: 50 % of e}", "4:25: '50 % of e' is drawn by the seed"),
    ("{move_sim: old, to: [m.0]}", "4:25: to takes one subject, not a list (write two steps, or a ran"),
    (
        "{swap_sims: old, to: u}",
        "4:22: 'to' does not fit swap_sims (it fits move_sim, move) && 4:5: swap_sims without with",
    ),
    ("{swap_sims: old, with: m}", "4:28: swap_sims of 1 device, and 5 on the other side ('m' is 5; name as many"),
    ("{swap_sims: old, with: old.0}", "4:28: 'old.0' is on both sides of swap_sims"),
    ("{switch_profile: e}", "4:5: switch_profile without profile (which profile of the eSIM, counted from 1)"),
    ("{switch_profile: m, profile: 2}", "4:22: m has no eSIM (write sim: {profiles: 2} in the group m)"),
    ("{switch_profile: e, profile: 4}", "4:34: e has no profile 4 (its eSIM has 1 to 3)"),
    ("{switch_profile: e, profile: 0}", "4:34: profile must be from 1 to 8, not '0'"),
    ("{switch_profile: e, profile: 2, rollback: 2}", "4:47: rollback: '2' has no unit"),
    ("{update_modem: m}", "4:5: update_modem without svn (software version of the modem, 0 to 98)"),
    ("{update_modem: m, svn: 99}", "4:28: svn must be from 0 to 98, not '99'"),
    ("{roam: m}", "4:6: roam changes nothing (add operator: abroad, rat: lte-m or cell: 4711)"),
    ("{roam: m, operator: hom}", "4:25: no operator 'hom' (did you mean 'home'?)"),
    ("{roam: m, rat: nbiot}", "4:20: no rat 'nbiot' (did you mean 'nb-iot'?)"),
    ("{roam: m, cell: 268435456}", "4:21: cell must be from 0 to 268435455, not '268435456'"),
    (
        "{roam: m, cell: 0x12}",
        "4:21: cell is a whole number, not '0x12' (write a whole number below 268435456, in deci",
    ),
    ("{attach: m, allow: [imeiMismatch]}", "4:17: unknown key 'allow' beside attach (it belongs at the top of the fi"),
    (
        "{cut_off: m, retry: 3}",
        "4:18: 'retry' does not fit cut_off (it fits attach, detach, connect, upload, upload_blob, poll)",
    ),
    ("{update: old, imsi: heldd}", "4:25: 'heldd' is no IMSI (write 1 to 15 digits, held, or \"\" to clear the IMSI)"),
    ("{wait: 1 s, expect: [{statistics: {accepted: 1}}]}", "4:27: statistics is about the whole run (put it into"),
    # payloads
    (
        "{upload: m, payload: 24}",
        "4:26: payload: '24' has no unit (units of a size: B, kB, KiB, MB, MiB; such as 24 B)",
    ),
    ("{upload: m, payload: 24 bytes}", "4:26: payload: unknown unit 'bytes' (did you mean 'B'? units of a size: B, kB"),
    ("{upload: m, payload: hello}", "4:26: payload 'hello' is no size (write 24 B, {text:"),
    ("{upload: m, payload: 1.5 B}", "4:26: payload '1.5 B' is not a whole number of bytes"),
    ("{upload: m, payload: 2 MiB}", "4:26: payload: '2 MiB' is too much (at most 1 MiB)"),
    ("{upload: m, payload: {}}", "4:26: payload is an empty mapping (write 24 B, {text:"),
    ("{upload: m, payload: {txt: a}}", "4:27: unknown key 'txt' in payload (did you mean 'text'?)"),
    ("{upload: m, payload: {text: a, hex: bb}}", "4:36: payload has both text and hex (keep one of them)"),
    (
        "{upload: m, payload: {text: ''}}",
        '4:33: text is empty (the platform makes no message of it; write {hex: ""} if that is meant)',
    ),
    ("{upload: m, payload: {hex: ' '}}", "4:32: hex is empty (the platform makes no message of it"),
    ("{upload: m, payload: 0 B}", "4:26: a payload of 0 B is empty (the platform makes no message of it; write {hex"),
    ("{send: m, payload: 0 KiB}", "4:24: a payload of 0 B is empty"),
    ("{upload: m, payload: {hex: abc}}", "4:32: 'abc' is not hex (write two digits a byte: 0a0b)"),
    (
        "{upload: m, payload: {template: '{{ devise }}'}}",
        "4:37: no field 'devise' in a template (did you mean 'device'?)",
    ),
    (
        "{upload: m, payload: {template: 'a {{ n'}}",
        "4:37: a {{ or }} without its partner (fields are written {{ device",
    ),
    ("{upload: m, payload: {sensor: temprature}}", "4:35: no sensor 'temprature' (did you mean 'temperature'?)"),
    ("{upload: m, payload: {sensor: [water]}}", "4:27: sensor must be text (write 24 B"),
    ("{upload: m, payload: {file: x}}", "4:33: a payload from a file needs a scenario in a folder"),
    (
        "{upload: u, payload: 70000 B}",
        "4:17: 70000 B do not fit into a datagram of 'u' (plain UDP carries at most 65507",
    ),
    # modifiers
    ("{upload: m, over: 10}", "4:23: over: '10' has no unit"),
    (
        "{upload: m, every: 10 min}",
        "4:17: every without for or times (say how long: for: 2 h, or how often: times: 12)",
    ),
    ("{upload: m, for: 10 min}", "4:17: for without every (say how often: every: 10 min)"),
    ("{upload: m, every: 10 min, for: 5 min}", "4:32: for is shorter than every (it would be done once; leave both"),
    ("{upload: m, every: 1 ms, for: 30 d}", "4:30: 2592000000 repetitions (at most 1000000)"),
    ("{upload: m, times: 3, for: 1 h}", "4:17: both for and times (keep one of them)"),
    ("{upload: m, times: three}", "4:24: times is a whole number, not 'three' (write it as 3)"),
    ("{upload: m, times: 0}", "4:24: times must be from 1 to 1000000, not '0'"),
    ("{upload: m, at: 400 d}", "4:21: at: '400 d' is too much (at most 366 d)"),
    ("{upload: m, outcome: okay}", "4:26: no outcome 'okay' (did you mean 'ok'?)"),
    ("{upload: m, outcome: coap 4.4}", "4:26: no outcome 'coap 4.4' (write it as coap 4.04)"),
    ("{upload: m, outcome: coap 4.99}", "4:26: no CoAP code 4.99 (the part after the dot is 00 to 31)"),
    ("{upload: u, outcome: coap 4.04}", "4:26: plain UDP is never answered, so u cannot come to 'coap 4.04' (leave"),
    (
        "{upload: u, outcome: timeout}",
        "4:26: plain UDP is never answered, so u cannot come to 'timeout' (leave outcome",
    ),
    (
        "{attach: m, outcome: coap 4.04}",
        "4:26: attach cannot come to 'coap 4.04' (it can come to ok, rejected, timeout",
    ),
    (
        "{send: m, retry: 3}",
        "4:15: 'retry' does not fit send (it fits attach, detach, connect, upload, upload_blob, poll)",
    ),
    ("{switch_profile: e, profile: 2, retry: 3}", "'retry' does not fit switch_profile (it fits attach, detach, con"),
    ("{attach: m, retry: {times: 3, pause: mobil}}", "4:42: pause: 'mobil' is no duration (write a number and a unit"),
    ("{upload: m, retry: {times: 3, pause: mobile}}", "4:42: pause: mobile is for attach (so does a modem that is not"),
    ("{attach: m, outcome: {rejeced: x}}", "4:27: no outcome 'rejeced' (did you mean 'rejected'?)"),
    ("{attach: m, outcome: {timeout: x}}", "4:27: timeout has no reason (rejected and failed have one; write outc"),
    ("{attach: m, outcome: {rejected: }}", "4:36: the reason of rejected has no value"),
    ("{attach: m, outcome: {rejected: [x]}}", "4:37: the reason of rejected must be a word, not a list"),
    ("{attach: m, outcome: {rejected: x, failed: y}}", "4:26: outcome takes one word with its reason, not 2 (write"),
    (
        "{attach: m, outcome: {}}",
        "4:26: outcome takes one word with its reason, not 0 (write {rejected: IMEI mismatch})",
    ),
    ("{freeze: m, outcome: {rejected: x}}", "4:27: freeze cannot come to 'rejected' (it can come to ok, failed, a"),
    ("{attach: m, outcome: {rejected: " + "x" * 201 + "}}", "(at most 200 characters that can be printed)"),
    ('{attach: m, outcome: {rejected: "\\e[1m"}}', "no reason '\\x1b[1m' (at most 200 characters that can be printed)"),
    ("{upload: m, retry: {pause: 3 s}}", "4:24: retry without times (write {times: 3, pause: 10 s})"),
    ("{upload: m, within: 3 s}", "4:17: within without expect or never (it says how long events may take)"),
    ("{upload: m, as: upload}", "4:21: 'upload' is a verb (choose another name)"),
    ("{upload: m, as: a b}", "4:21: 'a b' cannot name an act (use letters, digits, - and _)"),
    # its expectations
    ("{upload: m, expect: ciotConnect}", "4:25: expect must be a list (write it as [ciotConnect])"),
    ("{upload: m, expect: [upstreamMesage]}", "4:26: no event 'upstreamMesage' (did you mean 'upstreamMessage'?)"),
    ("{upload: m, expect: [disconnect]}", "4:26: event 'disconnect' is not in this version (an asset's connection"),
    (
        "{upload: m, expect: [{upstreamMessage: {bytes: 24, within: 5 s}}]}",
        "4:56: within is no data of an event (put it beside the verb: {upload: meters, within: …, expect: […]})",
    ),
    (
        "{upload: m, expect: [{upstreamMessage: , within: 5 s}]}",
        "(within belongs beside the verb: {upload: meters, within: …, expect: […]})",
    ),
    ("{upload: m, expect: [ciotConnect, within: 5 s]}", "no event 'within' (put it beside the verb)"),
    (
        "{upload: m, expect: [{upstreamMessage: , bytes: 24}]}",
        "(what upstreamMessage must contain stands below it: indent bytes, or write {upstreamMessage: {bytes: …}})",
    ),
    ("{upload: m, expect: [{ciotConnect: {}, upstreamMessage: {}}]}", "4:26: an entry of expect is one event with its"),
    (
        "{upload: m, expect: [{ciotConnect: {}, times: 3}]}",
        "with its data (write {each: meters, sees: upstreamMessage,",
    ),
    ("{upload: m, expect: [{ciotConnect: {}, by: slow}]}", "with by: OBSERVER if another listens)"),
    ("{upload: m, expect: [{ciotConnect: {}, of: nobody}]}", "4:48: no group 'nobody' (known: m, u, old, e)"),
    (
        "{upload: m, expect: [{rate: upload, at_least: 9 %}]}",
        "4:27: rate is about the whole run (put it into the top-level expect: {rate: upload, at_least: 99 %})",
    ),
    ("{upload: m, expect: [{latency: ciotConnect, max: below 1 s}]}", "4:27: latency is about the whole run"),
    ("{upload: m, as: x, expect: [{after: x, sees: ciotConnect}]}", "4:34: after is about the whole run"),
    ("{upload: m, expect: [{dropped: slow}]}", "4:27: dropped is about the whole run"),
    ("{upload: m, never: [{each: m, sees: ciotConnect}]}", "4:25: an event is one name with its data"),
    ("{upload: m, never: [{each: m}]}", "4:26: 'each' does not belong here (it is an entry of an expect)"),
    (
        "{upload: m, expect: [{eech: m, sees: ciotConnect}]}",
        "did you mean 'each'? or write {upstreamMessage: {…}, of: meters}",
    ),
    (
        "{upload: m, never: [{ciotConnect: {}, of: m}]}",
        "4:25: of does not belong here (write {never: [ciotConnect], of: meters} in an expect)",
    ),
]

DATA = [
    ("{transprot: coap}", "4:45: unknown key 'transprot' in the event's data (did you mean 'transport'?)"),
    ("{bytes: }", '4:51: bytes has no value (write any if it only has to be there, or "")'),
    ("{bytes: [1, 2]}", "4:52: bytes must be a value, not a list (write {one_of: [a, b]})"),
    ("{bytes: {one_off: [a]}}", "4:53: no condition 'one_off' (did you mean 'one_of'?)"),
    ("{bytes: {one_of: []}}", "4:61: one_of is empty (write {one_of: [a, b]})"),
    ("{bytes: {one_of: [1, [b]]}}", "4:65: one_of has a list in it (it takes plain values)"),
    ("{bytes: {not: 1, below: 2}}", "4:52: bytes takes one condition, not 2 (write {one_of: [a, b]})"),
    (
        "{bytes: below five}",
        "4:52: 'below five' compares with no number (write it as below 5, or quote it if it is text)",
    ),
    ("{bytes: below}", "4:52: 'below' compares with no number (write it as below 5, or quote it if it is text)"),
    ("{bytes: {matches: '('}}", "4:62: '(' is no regular expression: missing ), unterminated subpattern"),
    ("{bytes: {matches: '(a+)+$'}}", "4:62: '(a+)+$' repeats what repeats, which can take for ever"),
    ("{bytes: {matches: '(a|a)*'}}", "4:62: '(a|a)*' repeats what repeats, which can take for ever"),
    ("{bytes: {matches: '((a{2,5})b){3}'}}", "4:62: '((a{2,5})b){3}' repeats what repeats, which can take for ever"),
    ("{bytes: {matches: " + "a" * 201 + "}}", "4:62: the pattern is too long (at most 200 characters)"),
    ("{bytes: below 64 KiB}", "4:52: 'below 64 KiB' compares with no number (write it as below 65536)"),
    # what can never be there
    ("{transport: upd}", "4:56: no transport 'upd' (did you mean 'udp'?)"),
    ("{transport: UDP}", "4:56: no transport 'UDP' (did you mean 'udp'?)"),
    ("{transport: {not: cap}}", "4:62: no transport 'cap' (did you mean 'coap'?)"),
    ("{transport: {one_of: [udp, caop]}}", "4:71: no transport 'caop' (did you mean 'coap'?)"),
    ("{transport: {matches: ^x}}", "4:66: no transport matches '^x' (known: udp, coap, dtls"),
    ("{transport: below 5}", "4:56: transport is a word, and no number is compared with it (known: udp, coap"),
    ("{bytes: 24 B}", "4:52: bytes is a number without a unit, not '24 B' (write bytes: \"24\")"),
    ("{bytes: '24 B'}", "4:52: bytes is a number without a unit, not '24 B' (write bytes: \"24\")"),
    ("{bytes: 64KiB}", "4:52: bytes is a number without a unit, not '64KiB' (write bytes: \"65536\")"),
    ("{bytes: 024}", "4:52: bytes is a number without a unit, not '024' (write bytes: \"24\")"),
    ("{bytes: 24.0}", "4:52: bytes is a number without a unit, not '24.0' (write bytes: \"24\")"),
    ("{bytes: many}", "4:52: bytes is a number without a unit, not 'many' (write bytes: \"24\")"),
    ("{bytes: blow 64}", "4:52: bytes is a number without a unit, not 'blow 64' (did you mean 'below 64'?)"),
    ("{bytes: {not: 1 B}}", "4:58: bytes is a number without a unit, not '1 B' (write \"1\")"),
    ("{bytes: {one_of: [1, 02]}}", "4:65: bytes is a number without a unit, not '02' (write \"2\")"),
    ("{bytes: below 0}", "4:52: bytes is never below 0 (it is at least 0)"),
    ("{bytes: at_most -1}", "4:52: bytes is never at_most -1 (it is at least 0)"),
    ("{collectionId: default}", "4:45: collectionId stands beside the event's data, not in it (name whom it is about"),
]

OTHER_DATA = [
    ("deviceMoved: {to: nowhere}", "no collection 'nowhere' (known: default, north)"),
    ("deviceMoved: {from: {one_of: [default, norht]}}", "no collection 'norht' (did you mean 'north'?)"),
    ("deviceMoved: {from: {not: ''}}", "no collection '' (known: default, north)"),
    ("firmwareStateChange: {state: Curent}", "no state 'Curent' (did you mean 'Current'?)"),
    ("clientConnected: {id: cert}", "no id 'cert' (known: ip, certificate)"),
    ("imeiMismatch: {imsi: blank}", "imsi is never 'blank' (it has up to 16 digits; write any if"),
]

POSSIBLE_DATA = [
    "upstreamMessage: {transport: {one_of: [udp, dtls, unspecified]}, bytes: {one_of: [0, 24]}}",
    "upstreamMessage: {transport: {matches: ^coap}, bytes: {matches: '^2'}}",
    "upstreamMessage: {transport: any, bytes: at_least 0}",
    "deviceMoved: {from: default, to: north}",
    "deviceMoved: {from: {not: north}, to: {matches: ^n}}",
    "firmwareStateChange: {state: {not: Current}}",
    "imsiMismatch: {imsi: 001010000000001, expectedImsi: ''}",
]

WHOLE_RUN = [
    ("{each: m, sees: ciotConnect, times: 1, at_least: 3}", "6:34: times excludes at_least and at_most (keep one of"),
    ("{each: m, sees: ciotConnect, at_least: 5, at_most: 2}", "6:34: at_least 5 is more than at_most 2"),
    ("{each: m, sees: ciotConnect, time: 1}", "6:34: unknown key 'time' in each (did you mean 'times'?)"),
    ("{each: m, sees: ciotConect}", "6:21: no event 'ciotConect' (did you mean 'ciotConnect'?)"),
    ("{each: m}", "6:5: each without sees (write {each: meters, sees: upstreamMessage, times: 3})"),
    ("{none: m.9, sees: ciotConnect}", "6:12: there is no m.9 (m has m.0 to m.4)"),
    ("{each: m, rate: upload}", "6:15: both each and rate (write two expectations)"),
    ("{rate: upload}", "6:5: rate without a bound (write {rate: upload, at_least: 99 %})"),
    ("{rate: upload, at_least: 99}", "6:30: at_least: '99' has no unit (units of a share: %; such as 5 %)"),
    ("{rate: upload, at_least: 9 %, at_most: 5 %}", "6:20: at_least is more than at_most"),
    ("{rate: poll, at_least: 9 %}", "6:12: no step does 'poll' (its rate would be a share of nothing)"),
    ("{rate: uplod, at_least: 9 %}", "6:12: no verb or step 'uplod' (did you mean 'upload'?)"),
    ("{rate: reboot, at_least: 9 %}", "6:12: no step does 'reboot' (its rate would be a share of nothing)"),
    ("{rate: partition, at_least: 9 %}", "6:12: verb 'partition' is not in this version"),
    # what the server counts
    ("{statistics: 5}", '6:18: statistics must be a mapping, not a word (write it as {accepted: 2, "rejected.IMEI mis'),
    ("{statistics: {}}", '6:18: statistics is empty (name what is counted: {accepted: 2, "rejected.IMEI mismatch":'),
    ("{statistics: {acepted: 2}}", "6:19: nothing called 'acepted' is counted (did you mean 'accepted'?)"),
    ("{statistics: {zebra: 2}}", "6:19: nothing called 'zebra' is counted (known: accepted, rejected, takeovers, "),
    ("{statistics: {accounting.strat: 2}}", "'accounting.strat' is counted (did you mean 'accounting.start'?)"),
    ("{statistics: {rejcted.IMEI mismatch: 2}}", "is counted (did you mean 'rejected.IMEI mismatch'?)"),
    ("{statistics: {stopped.Lost-Carrier: 2}}", "is counted (did you mean 'stops.Lost-Carrier'?)"),
    ("{statistics: {rejected.*: 2}}", 'counted (write what is counted: "rejected.IMEI mismatch")'),
    ("{statistics: {stops: 2}}", "nothing called 'stops' is counted (write what is counted: \"stops.Lost-Carrier\")"),
    ("{statistics: {'rejected. ': 2}}", "6:19: nothing called 'rejected. ' is counted (write what is counted: "),
    ("{statistics: {accepted: -1}}", "6:29: accepted is a whole number from 0, not '-1'"),
    (
        "{state: m, where: {metadata.ciot.rat: any}}",
        "no field 'metadata.ciot.rat' of a device (metadata.ciot.* has: gatewayId, allocatedIp,",
    ),
    ("{statistics: {'stops.x ': 2}}", "nothing called 'stops.x ' is counted (known: User-Request, Lost-Carrier"),
    ("{statistics: {accepted: 2.0}}", "6:29: accepted is a number without a unit, not '2.0' (write accepted: \"2\")"),
    (
        "{statistics: {accepted: any}}",
        "6:29: accepted is a number, which any says nothing of (a number, at_least 1, or",
    ),
    ("{statistics: {accepted: {matches: 2}}}", "6:29: accepted is a number, which matches says nothing of"),
    ("{statistics: {accepted: below 0}}", "6:29: accepted is never below 0 (it is at least 0)"),
    ("{statistics: {accepted: [2]}}", "6:29: accepted must be a value, not a list (write {one_of: [a, b]})"),
    (
        "{statistics: {accepted: }}",
        "6:28: accepted has no value (a number, at_least 1, or {one_of: [1, 2]}; what was not counted is 0)",
    ),
    ("{statistics: {accepted: 2}, of: m}", "6:33: unknown key 'of' in statistics (known: statistics)"),
    ("{latency: upstreamMessage}", "6:5: latency without a bound (write {latency: upstreamMessage, p99: below 2 s})"),
    ("{latency: upstreamMessage, p99: 2 s}", "6:37: p99: '2 s' is no bound (write it as below 2 s)"),
    ("{latency: upstreamMessage, p99: below 2}", "6:37: p99: '2' has no unit"),
    ("{latency: upstreamMessage, p100: below 2 s}", "6:32: no percentile 'p100' (write p50, p99, p99.9 or max)"),
    ("{never: upstreamMessage}", "6:13: never must be a list (write it as [ciotConnect])"),
    ("{never: [ciotConnect], of: x}", "6:32: no group 'x' (known: m, u, old, e)"),
    (
        "upstreamMessage",
        "6:5: upstreamMessage alone says not who sees it (write {each: meters, sees: upstreamMessage})",
    ),
    (
        "{upstreamMessage: {}}",
        "6:5: nobody is said to see this (write {each: meters, sees: upstreamMessage, times: 3})",
    ),
    ("{eech: m, sees: ciotConnect}", "6:6: no expectation 'eech' (did you mean 'each'?)"),
    ("{}", "6:5: an empty expectation (write {each: meters, sees: upstreamMessage, times: 3})"),
]

TOP = [
    ("sede: 7", "3:1: unknown key 'sede' in a scenario (did you mean 'seed'?)"),
    ("seed: -1", "3:7: seed must be from 0 to 9223372036854775807, not '-1'"),
    ("seed: 0.5", "3:7: seed is a whole number, not '0.5' (write it as 3)"),
    ("seed:", "3:1: 'seed' has no value (number; the same seed gives the same run)"),
    ("gateways: {}", "3:1: 'gateways' in a scenario is not in this version (groups of gateways)"),
    ("assets: {}", "3:1: 'assets' in a scenario is not in this version (groups of CloudConnect assets)"),
    ("firmware: {}", "3:1: 'firmware' in a scenario is not in this version (images: name → version and image)"),
    ("tokens: [a]", "3:9: tokens must be a mapping, not a list (write it as {reader: {write: no}})"),
    ("observers: slow", "3:12: observers must be a mapping, not a word (write it as {slow: {reads: 10/s}})"),
    ("include: x.yaml", "3:1: an include needs a scenario in a folder"),
    ("tags: smoke", "3:7: tags must be a list (write it as [one, two])"),
    ("tags: [a, a]", "3:11: 'a' is twice in tags (remove one of them)"),
    ("tags: [a b]", "3:8: 'a b' in tags is no word (use letters, digits, - and _)"),
    ("mutants: a", "3:10: mutants must be a mapping, not a word (write it as {upstreamMessage-missing: upload-once"),
    ("order: some", "3:8: no order 'some' (the only one is all; leave it out otherwise)"),
    ("allow: [imeimismatch]", "3:9: no trouble or invariant 'imeimismatch' (did you mean 'imeiMismatch'?)"),
    ("collections: {default: {}}", "3:15: collection 'default' is always there (choose another name)"),
    ("collections: [a]", "3:14: collections must be a mapping, not a list (write it as {north: {region: north}})"),
    ("devices: []", "3:10: devices must be a mapping, not a list (write it as {meters: {count: 10}})"),
    (
        "devices: {a.b: {}}",
        "3:11: 'a.b' cannot name a group (a name begins with a letter and has letters, digits, - and _",
    ),
    ("devices: {m: 5}", "3:14: group m must be a mapping, not a word (write it as m: {count: 10, transport: coap})"),
    ("devices: {m: {cout: 3}}", "3:15: unknown key 'cout' in group m (did you mean 'count'?)"),
    ("devices: {m: {count: 0}}", "3:22: count must be from 1 to 1000000, not '0'"),
    ("devices: {m: {count: 24 B}}", "3:22: count is a whole number, not '24 B' (write it as 3)"),
    (
        "devices: {m: {count: 600000}, n: {count: 600000}}",
        "3:31: 1200000 devices in all (a scenario has at most 1000000)",
    ),
    ("devices: {m: {network: internet}}", "3:24: no network 'internet' (did you mean 'inet'?)"),
    ("devices: {m: {network: gateway g}}", "3:24: network 'gateway g' is not in this version (it has: ciot, inet)"),
    ("devices: {m: {transport: gateway}}", "3:26: transport 'gateway' is not in this version (it has: udp, coap, dt"),
    ("devices: {m: {transport: udp, stack: aiocoap}}", "3:31: stack: aiocoap speaks CoAP, and the transport is udp"),
    ("devices: {m: {link: perfct}}", "3:21: no link preset 'perfct' (did you mean 'perfect'?)"),
    ("devices: {m: {link: {preset: wifi, los: 1 %}}}", "3:36: unknown key 'los' in link (did you mean 'loss'?)"),
    ("devices: {m: {battery: 3 V}}", "3:15: 'battery' in group m is not in this version (what the devices live on)"),
    ("devices: {m: {identity: {imsi: 1a}}}", "3:32: '1a' is no IMSI (write blank, or 1 to 15 digits)"),
    ("devices: {m: {identity: {imei: 1234567890123456}}}", "3:32: '1234567890123456' is no IMEI (write blank, or 1"),
    (
        "devices: {m: {count: 2, identity: {imsi: 1}}}",
        "3:42: one IMSI for 2 devices (make a group of one device for it",
    ),
    (
        "devices: {m: {identity: {imsi: 1}}, n: {identity: {imei: 1, imsi: 1}}}",
        "3:67: IMSI '1' is that of m (the platform takes each once)",
    ),
    ("devices: {platform: }", "3:11: 'platform' cannot name a group (it is how steps name the platform)"),
    ("devices: {m: {collection: x}}", "3:27: no collection 'x' (known: default)"),
    ("devices: {m: {registered: 0}}", "3:27: registered is yes or no, not '0'"),
    ("devices: {m: {tags: {a: [b]}}}", "3:25: 'a' in tags must be text, not a list"),
    ("devices: {m: {payload: 1 MiB, transport: udp}}", "3:15: 1048576 B do not fit into a datagram of 'm'"),
    # SIMs, modems, networks
    ("devices: {m: {sim: nothing}}", "3:20: no sim 'nothing' (write none, {profiles: 2}, {imsis: 3} or {clone_of: met"),
    ("devices: {m: {sim: [none]}}", "3:20: sim must be a word or a mapping, not a list (write none, {profiles: 2}, "),
    ("devices: {m: {sim: {profile: 2}}}", "3:21: unknown key 'profile' in sim (did you mean 'profiles'?)"),
    ("devices: {m: {sim: {profiles: 1}}}", "3:31: profiles must be from 2 to 8, not '1'"),
    ("devices: {m: {sim: {imsis: 9}}}", "3:28: imsis must be from 2 to 8, not '9'"),
    ("devices: {m: {sim: {imsis: 2, profiles: 2}}}", "3:21: sim has both profiles and imsis (keep one of them)"),
    ("devices: {m: {sim: {clone_of: n}}}", "3:31: no group 'n' (known: m)"),
    ("devices: {m: {sim: {clone_of: m}}}", "3:31: m is a clone of itself (name another group)"),
    ("devices: {m: {sim: {clone_of: [m]}}}", "3:31: clone_of must be a word, not a list"),
    ("devices: {m: {sim: {clone_of: 5 % of n}}, n: {count: 9}}", "3:31: clone_of: '5 % of n' is drawn by the seed ("),
    (
        "devices: {m: {count: 3, registered: no, sim: {clone_of: n}}, n: {count: 2}}",
        "3:57: 3 clones of 2 devices (m needs count: 2, or 1)",
    ),
    (
        "devices: {m: {count: 3, registered: no, sim: {clone_of: n}}, n: }",
        "3:57: 3 clones of one device (m must be one device)",
    ),
    ("devices: {m: {registered: no, sim: {clone_of: n.2}}, n: {count: 2}}", "3:47: there is no n.2 (n has n.0 to n.1"),
    ("devices: {m: {registered: no, sim: {clone_of: n}}, n: {sim: none}}", "3:47: n has no SIM that could be copied"),
    (
        "devices: {m: {registered: no, sim: {clone_of: n}}, n: {registered: no, sim: {clone_of: o}}, o: }",
        "3:47: n is a clone itself (name the device that it is a clone of)",
    ),
    (
        "devices: {m: {sim: {clone_of: n}}, n: }",
        "3:31: m would be registered with the IMSI of n, which the platform takes once (write registered: no, or ident",
    ),
    (
        "devices: {m: {modem: {clone_of: n.0}}, n: }",
        "3:33: m would be registered with the IMEI of n.0, which the platform takes once (write registered: no, or ide",
    ),
    ("devices: {m: {modem: 2}}", "3:22: modem must be a mapping, not a word (write it as {svn: 2})"),
    ("devices: {m: {modem: {svn: 99}}}", "3:28: svn must be from 0 to 98, not '99'"),
    ("devices: {m: {modem: {snv: 9}}}", "3:23: unknown key 'snv' in modem (did you mean 'svn'?)"),
    ("devices: {m: {operator: abroad}}", "3:25: no operator 'abroad' (known: home)"),
    ("devices: {m: {rat: LTEM}}", "3:20: no rat 'LTEM' (did you mean 'lte-m'?)"),
    ("devices: {m: {cell: -1}}", "3:21: cell must be from 0 to 268435455, not '-1'"),
    ("operators: [a]", "3:12: operators must be a mapping, not a list (write it as {abroad: {plmn: 24201}})"),
    ("operators: {a b: }", "3:13: 'a b' cannot name an operator (a name begins with a letter and has letters, digits,"),
    ("operators: {platform: }", "3:13: 'platform' cannot name an operator (it is how steps name the platform)"),
    ("operators: {a: 24201}", "3:16: operator a must be a mapping, not a word (write it as a: {plmn: 24201})"),
    ("operators: {a: {plnm: 24201}}", "3:17: unknown key 'plnm' in operator a (did you mean 'plmn'?)"),
    ("operators: {a: {plmn: 2420}}", "3:23: '2420' is no plmn (write 5 or 6 digits, MCC and MNC: 24201)"),
    ("operators: {a: {plmn: 242-01}}", "3:23: '242-01' is no plmn (write 5 or 6 digits"),
    ("operators: {a: {gateways: 51}}", "3:27: gateways must be from 1 to 50, not '51'"),
    (
        "operators: {a: {apn: a b}}",
        "3:22: 'a b' is no apn (letters, digits and -, with dots in between, at most 100 ch",
    ),
    ("operators: {a: {rat: 4g}}", "3:22: no rat '4g' (known: utran, geran, wlan, lte, nb-iot,"),
    ("operators: {a: {omits: imei}}", "3:24: omits must be a list (write it as [imei])"),
    ("operators: {a: {omits: [imie]}}", "3:25: no attribute 'imie' (did you mean 'imei'?)"),
    ("operators: {a: {omits: [rat, rat]}}", "3:30: 'rat' is twice in omits (remove one of them)"),
    ("operators: {a: {retransmit: rfc5081}}", "3:29: no retransmit 'rfc5081' (did you mean 'rfc5080'?)"),
    ("operators: {a: {link: wifii}}", "3:23: no link preset 'wifii' (did you mean 'wifi'?)"),
    ("operators: {a: {lost_after: 58}}", "3:29: lost_after: '58' has no unit"),
    ("operators: {a: {lost_after: 0 s}}", "3:29: lost_after must be more than 0"),
    ("operators: {" + ", ".join(f"o{n}: " for n in range(101)) + "}", "101 operators (a scenario has at most 100)"),
    ("platform: yes", "3:11: platform must be a mapping, not a word (write it as {disconnect_on_update: yes})"),
    ("platform: {mismatch_polcy: both}", "3:12: unknown key 'mismatch_polcy' in platform (did you mean 'mismatch_poli"),
    ("platform: {mismatch_policy: second}", "3:29: no mismatch_policy 'second' (known: both, first)"),
    ("platform: {disconnect_on_update: 1}", "3:34: disconnect_on_update is yes or no, not '1'"),
    ("platform: {interim: 10}", "3:21: interim: '10' has no unit"),
    ("platform: {interim: 10 s}", "3:21: interim is whole seconds, at least 1 min (write it as 10 min)"),
    ("about: []", "3:8: about must be a word, not a list"),
]


def _is_told(found: list[str], told: str) -> None:
    """`told` is part of the one mistake; where two follow from one, their parts stand one after the other, with &&."""
    parts = told.split(" && ")
    assert len(found) == len(parts), found
    assert all(any(part in line for line in found) for part in parts), found
    assert ": " in found[0]


@pytest.mark.parametrize(("step", "told"), STEPS)
def test_mistakes_of_a_step(mistakes, step, told):
    _is_told(mistakes(f"{HEAD}  - {step}\n"), told)


@pytest.mark.parametrize(("data", "told"), DATA)
def test_mistakes_of_a_data_matcher(mistakes, data, told):
    _is_told(mistakes(f"{HEAD}  - {{upload: m, expect: [{{upstreamMessage: {data}}}]}}\n"), told)


NORTH = "scenario: a\ncollections: {north: }\ndevices: {m: {}}\nsteps:\n"


@pytest.mark.parametrize(("data", "told"), OTHER_DATA)
def test_values_that_no_event_can_have(mistakes, data, told):
    _is_told(mistakes(f"{NORTH}  - {{upload: m, never: [{{{data}}}]}}\n"), told)


@pytest.mark.parametrize("data", POSSIBLE_DATA)
def test_values_that_an_event_can_have(mistakes, data):
    assert mistakes(f"{NORTH}  - {{upload: m, expect: [{{{data}}}]}}\nexpect: [{{none: m, sees: {{{data}}}}}]\n") == []


def test_collections_that_could_not_be_read_are_not_called_unknown_too(mistakes):
    step = "{move: m, to: x, expect: [{deviceMoved: {to: x}}]}"
    assert mistakes(f"scenario: a\ncollections: 5\ndevices: {{m: }}\nsteps: [{step}]\n") == [
        "2:14: collections must be a mapping, not a word (write it as {north: {region: north}})"
    ]


@pytest.mark.parametrize(("entry", "told"), WHOLE_RUN)
def test_mistakes_of_an_expectation_of_the_whole_run(mistakes, entry, told):
    _is_told(mistakes(f"{HEAD}  - upload: m\nexpect:\n  - {entry}\n"), told)


@pytest.mark.parametrize(("line", "told"), TOP)
def test_mistakes_of_a_file(mistakes, line, told):
    _is_told(mistakes(f"scenario: a\nsteps: [{{wait: 1 s}}]\n{line}\n"), told)


def test_what_a_file_must_have(mistakes):
    assert mistakes("about: x") == [
        "no scenario (every scenario has scenario: one sentence that states a promise)",
        "no steps (every scenario has steps: what happens, in order)",
    ]
    assert mistakes("scenario: a\nstep: [{wait: 1 s}]") == [
        "2:1: unknown key 'step' in a scenario (did you mean 'steps'?)"
    ]
    assert mistakes("Scenario: a\nsteps: [{wait: 1 s}]") == [
        "1:1: unknown key 'Scenario' in a scenario (did you mean 'scenario'?)"
    ]
    assert mistakes("scenario: a\nsteps: []") == ["2:8: no steps (a scenario in which nothing happens proves nothing)"]


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(mistakes):
    found = mistakes(
        """\
scenario: a
scenario: b
devices:
  meters: {count: 5, transprot: udp}
  &x other: {count: many}
steps:
  - {atach: meters}
  - {attach: meter, over: 10}
  - {upload: meters, as: first}
  - {upload: other, as: first}
expect:
  - {rate: poll, at_least: 5}
"""
    )
    assert [line.partition(": ")[0] for line in found] == [
        "2:1", "4:22", "5:3", "5:21", "7:6", "8:14", "8:27", "10:25", "12:12", "12:28",
    ]  # fmt: skip


def test_a_group_that_is_at_fault_is_not_called_unknown_too(mistakes):
    found = mistakes("scenario: a\ndevices: {meters: 5, others: {count: x}}\nsteps: [{attach: [meters, others]}]\n")
    assert [line.partition(": ")[0] for line in found] == ["2:19", "2:38"]
    assert mistakes("scenario: a\ndevices: 5\nsteps: [{attach: [meters, others]}]\n") == [
        "2:10: devices must be a mapping, not a word (write it as {meters: {count: 10}})"
    ]


def test_words_of_a_file_cannot_steer_a_terminal(mistakes):
    (found,) = mistakes('scenario: a\nsteps: [{wait: "\\e[31m1 s"}]')
    assert "\x1b" not in found
    assert r"'\x1b[31m1 s'" in found
