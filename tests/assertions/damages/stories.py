"""Small scenarios whose histories are damaged: what they have in common is that they pass.

The bare ones promise nothing, so that only invariants can find a damage; the told ones say in every step what must be
seen, so that expectations must find it too. No list of a step names an event twice: it is clear which entry an event
satisfies.
"""

from __future__ import annotations

REPORTS = """
scenario: Three kinds of devices report, leave and come back
collections: {north: {}, south: {}}
devices:
  meters: {count: 3, transport: coap, collection: north, link: {delay: 100 ms}}
  clocks: {count: 2, transport: coap, collection: south}
  sensors: {count: 2, transport: udp, collection: south}
steps:
  - {attach: [meters, clocks, sensors], over: 3 s}
  - {upload: [meters, clocks, sensors], payload: 24 B, over: 2 s}
  - {upload: [meters, clocks], payload: 24 B, times: 3, every: 5 s, over: 2 s}
  - {upload: [meters, clocks, sensors], payload: {template: "{{ device }} says {{ n }}"}}
  - {upload: meters, payload: 3 KiB}
  - {upload: clocks, payload: 7 B, confirmable: no}
  - {detach: [meters, sensors]}
  - {attach: [meters, sensors], over: 1 s}
  - {upload: [meters, sensors], payload: 30 B, over: 1 s}
"""

LIFE = """
scenario: Devices are created, changed, moved and removed in three collections
collections: {north: {}, south: {}}
devices:
  old: {count: 2, transport: coap, collection: north}
  new: {count: 2, transport: coap, registered: no}
  others: {count: 2, transport: udp, collection: south}
steps:
  - {create: new, over: 1 s}
  - {attach: [old, new, others], over: 2 s}
  - {upload: [old, new, others], payload: 20 B, over: 2 s}
  - {update: [old, new], tags: {site: cellar}, over: 1 s}
  - {wait: 2 s}
  - {move: old, to: south, over: 1 s}
  - {upload: [old, others], payload: 21 B, over: 1 s}
  - {move: old.0, to: default}
  - {upload: [old, new], payload: 22 B, over: 1 s}
  - {remove: new, over: 1 s}
  - {wait: 2 s}
  - {upload: old, payload: 23 B, over: 1 s}
"""

MESSAGES = """
scenario: Waiting messages go with the reply, and with the answer to a poll
devices:
  valves: {count: 2, transport: coap, link: {delay: 50 ms}}
  displays: {count: 2, transport: coap}
  sensors: {count: 2, transport: udp}
steps:
  - {attach: [valves, displays, sensors], over: 1 s}
  - {upload: [valves, sensors], payload: 9 B, over: 1 s}
  - {poll: displays, over: 1 s}
  - {send: [valves, displays, sensors], payload: 4 B, over: 1 s}
  - {send: [valves, displays, sensors], payload: {text: then close}}
  - {wait: 5 s}
  - {upload: [valves, sensors], payload: 10 B, over: 1 s}
  - {poll: displays, over: 1 s}
  - {upload: [valves, sensors], payload: 11 B, over: 1 s}
  - {poll: displays, over: 1 s}
  - {upload: [valves, sensors], payload: 12 B, over: 1 s}
"""

RADIO = """
scenario: Some datagrams are lost, doubled and late
devices:
  meters: {count: 3, transport: coap, link: {preset: lte-m, loss: 10 %, duplicate: 10 %}}
  sensors: {count: 2, transport: udp, link: {preset: wifi, duplicate: 20 %}}
steps:
  - {attach: [meters, sensors], over: 3 s}
  - {upload: [meters, sensors], payload: 24 B, times: 4, every: 20 s, over: 3 s, outcome: any}
  - {detach: meters}
  - {attach: meters, over: 3 s}
  - {upload: meters, payload: 33 B, times: 2, every: 20 s, over: 3 s, outcome: any}
"""

TOLD = """
scenario: Three kinds of devices do what they are told to, and all of it is seen
collections: {north: {region: north}, south: {region: south}}
devices:
  meters: {count: 2, transport: coap, collection: north}
  clocks: {count: 2, transport: coap, registered: no, link: {delay: 100 ms}}
  sensors: {count: 2, transport: udp, collection: south}
steps:
  - {create: clocks, over: 1 s, expect: [deviceCreated]}
  - attach: [meters, clocks, sensors]
    over: 2 s
    expect: [{ciotConnect: {imsi: {matches: "^99999"}, imei: {matches: "^989999"}, ip: {matches: '^10\\.64\\.'}}}]
    never: [clientConnected]
  - upload: [meters, clocks]
    payload: 24 B
    over: 2 s
    expect: [{clientConnected: {id: ip}}, {upstreamMessage: {transport: coap, bytes: 24}}]
  - upload: sensors
    payload: 12 B
    over: 2 s
    expect: [{clientConnected: {id: ip}}, {upstreamMessage: {transport: udp, bytes: 12}}]
  - upload: clocks
    payload: 30 B
    times: 3
    every: 20 s
    over: 1 s
    expect: [{upstreamMessage: {transport: coap, bytes: 30}}]
  - {update: meters, tags: {site: cellar}, expect: [deviceUpdated]}
  - {move: meters, to: south, expect: [{deviceMoved: {from: north, to: south}}]}
  - {send: [meters, sensors], payload: 5 B, within: 3 s, never: [downstreamMessage]}
  - upload: meters
    payload: 25 B
    over: 2 s
    expect: [{upstreamMessage: {bytes: 25}}, {downstreamMessage: {transport: coap, bytes: 5, messageId: any}}]
  - upload: sensors
    payload: 13 B
    over: 2 s
    expect: [{upstreamMessage: {bytes: 13}}, {downstreamMessage: {transport: udp, bytes: 5, messageId: any}}]
  - {remove: clocks, over: 1 s, expect: [deviceRemoved], never: [upstreamMessage]}
"""

REFUSED = """
scenario: Devices that are registered with other numbers are refused until that is repaired
devices:
  swapped: {transport: coap}
  stranger: {transport: coap, registered: no}
  others: {count: 2, transport: udp}
steps:
  - {attach: others, over: 1 s, expect: [ciotConnect]}
  - {update: swapped, imsi: "999990000000042", expect: [deviceUpdated]}
  - {attach: stranger, outcome: rejected, never: [ciotConnect], within: 8 s}
  - attach: swapped
    outcome: rejected
    expect: [{imsiMismatch: {expectedImsi: "999990000000042", imsi: any, imei: any}}]
    never: [ciotConnect]
    within: 8 s
  - {upload: others, payload: 8 B, over: 1 s, expect: [clientConnected, upstreamMessage]}
  - {update: swapped, imsi: "", imei: "356938035643809", expect: [deviceUpdated]}
  - {update: swapped, imei: "", expect: [deviceUpdated]}
  - {create: stranger, expect: [deviceCreated]}
  - {attach: stranger, expect: [ciotConnect]}
  - {upload: stranger, payload: 17 B, expect: [clientConnected, upstreamMessage]}
"""

MOVED = """
scenario: A SIM is moved, refused, and let in when the operator has repaired it
devices:
  old: {transport: coap}
  new: {transport: coap, sim: none, registered: no}
  others: {count: 2, transport: udp}
steps:
  - {attach: [old, others], over: 1 s}
  - {upload: [old, others], payload: 18 B, over: 1 s}
  - {move_sim: old, to: new}
  - {attach: new, outcome: {rejected: IMEI mismatch}, expect: [{imeiMismatch: {expectedImei: any}, of: old}]}
  - {upload: [old, new], payload: 19 B, outcome: failed, never: [upstreamMessage], within: 8 s}
  - {update: old, imsi: ""}
  - {create: new}
  - {attach: new}
  - {upload: new, payload: 20 B, times: 2, every: 5 s}
  - {wait: 12 s}
  - {upload: others, payload: 21 B, over: 1 s}
expect:
  - {statistics: {accepted: 4, "rejected.IMEI mismatch": 1}}
"""

EXCHANGED = """
scenario: Two pairs exchange their SIMs; one is refused, the other is taken for each other
devices:
  left: {transport: coap}
  right: {transport: coap}
  here: {transport: coap, identity: {imei: blank}}
  there: {transport: coap, identity: {imei: blank}}
steps:
  - {attach: [left, right, here, there]}
  - {upload: [left, right, here, there], payload: 18 B}
  - {swap_sims: left, with: right}
  - {swap_sims: here, with: there, abruptly: no}
  - {attach: right, outcome: {rejected: IMEI mismatch}, expect: [{imeiMismatch: {}, of: left}, imsiMismatch]}
  - {attach: left, outcome: {rejected: IMEI mismatch}, expect: [{imeiMismatch: {}, of: right}, imsiMismatch]}
  - {attach: [here, there], over: 1 s}
  - {upload: here, payload: 21 B, times: 2, every: 5 s}
  - {upload: there, payload: 22 B}
  - {upload: left, payload: 23 B, outcome: failed, never: [upstreamMessage], within: 8 s}
  - {update: right, imsi: ""}
  - {update: left, imsi: held}
  - {attach: left}
  - {upload: [left, here, there], payload: 24 B}
"""

TAKEN = """
scenario: Copies of a card and of a modem take sessions over
devices:
  careless: {transport: coap, identity: {imei: blank}}
  copy: {transport: coap, registered: no, sim: {clone_of: careless}}
  naked: {transport: coap, identity: {imsi: blank}}
  thief: {transport: coap, registered: no, modem: {clone_of: naked}}
  others: {count: 2, transport: coap}
steps:
  - {attach: [careless, naked, others], over: 1 s}
  - {upload: [careless, naked, others], payload: 18 B, over: 1 s}
  - {attach: copy}
  - {upload: copy, payload: 19 B, times: 2, every: 5 s}
  - {upload: careless, payload: 20 B, outcome: failed}
  - {attach: thief}
  - {upload: thief, payload: 21 B}
  - {detach: thief}
  - {attach: naked}
  - {upload: [naked, copy, others], payload: 22 B, over: 1 s}
"""

INTERNET = """
scenario: Internet devices come, send, receive, close, come back, store a blob and fall silent
collections: {north: {}, south: {}}
devices:
  meters: {count: 2, network: inet, transport: dtls, collection: north}
  clocks: {count: 2, network: inet, transport: coaps, collection: south}
  others: {count: 2, transport: coap, collection: south}
steps:
  - {connect: [meters, clocks], over: 1 s}
  - {attach: others, over: 1 s}
  - {upload: [meters, clocks, others], payload: 24 B, over: 2 s}
  - {send: [meters, clocks], payload: 4 B}
  - {upload: [meters, clocks], payload: 25 B, times: 2, every: 5 s}
  - {disconnect: [meters, clocks]}
  - {upload_blob: [clocks, others], payload: 300 B, times: 2, every: 2 s}
  - {upload: clocks, payload: 26 B}
  - {reboot: meters.0}
  - {connect: clocks.1}
  - {wait: 11 min}
  - {upload: [meters, others], payload: 27 B, over: 1 s}
"""
"""Beside the others, for what is done to those is worded for the mobile network; see `test_internet`."""

SWAPS = ("moved", "exchanged", "taken")
"""Those in which devices hold or show what is another's."""

STORIES = {
    "reports": REPORTS,
    "life": LIFE,
    "messages": MESSAGES,
    "radio": RADIO,
    "told": TOLD,
    "refused": REFUSED,
    "moved": MOVED,
    "exchanged": EXCHANGED,
    "taken": TAKEN,
}
