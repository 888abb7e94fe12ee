"""What verbs do to sessions, in the mobile network and over the Internet, and to cards."""

from __future__ import annotations

from typing import Final

LOGINS: Final = ("attach", "power_on", "reboot", "switch_profile")
"""Verbs by which a device logs in to the mobile network; their outcome is the login's."""

OUTAGES: Final = ("restart", "stop", "start")
"""Verbs that cut the platform's streams and make it forget CoAP exchanges; what it has accepted survives."""

GOES_DOWN: Final = ("restart", "stop")
"""Those of them that end what is open."""

LEAVES: Final = ("detach", "power_off")
"""Verbs by which a device ends its session, if it can say so."""

SILENCES: Final = ("freeze", "blackout", "vanish")
"""Verbs after which nobody knows whether a device can say that it leaves."""

SENDS: Final = ("upload", "poll")
"""Verbs by which a device sends something to the platform, and is handed what waits for it (span §4.4)."""

PULLS: Final = ("remove_sim", "move_sim", "swap_sims")
"""Verbs after which a device certainly has no session of its own: the card that it held is gone."""

SIM_VERBS: Final = frozenset({*PULLS, "insert_sim"})
"""Verbs by which cards change their places. With these, a login may be another device's than the one that asked."""

REACHES: Final = ("cut_off", "remove", "update")
"""Verbs of the operator that may end the session of whoever is taken for their subject."""

RESTARTS: Final = ("update_modem", "roam")
"""Verbs after which a device may have to attach anew."""

MANY_ATTEMPTS: Final = 64
"""How often a device of which nothing is known may try in one act."""

UNTOUCHING: Final = frozenset(
    {"upload", "poll", "send", "withdraw", "link", "blackout", "freeze", "wait", "create", "move"}
    | {"misbehave", "revoke", "subscribe", "unsubscribe", *OUTAGES}
    | {"connect", "disconnect", "vanish", "rebind_nat", "upload_blob", "renew_certificate", "set_clock"}
)
"""Verbs that leave the mobile network session of every device as it is; it outlives the platform's restart too."""

CONNECTS: Final = ("connect", "power_on", "reboot")
"""Verbs by which an Internet device makes a DTLS handshake; their outcome is the handshake's."""

HANDSHAKES: Final = (*CONNECTS, *SENDS)
"""Verbs by which it may make one: who has something to send connects first, if it has no session."""

CLOSES: Final = ("disconnect", "power_off", "remove", *CONNECTS)
"""Verbs that may end a session of their subject over the Internet: it is closed in order, given up for a new one from
the same address, or ended by the platform with its device."""

OWN_SESSION: Final = frozenset({*LOGINS, *LEAVES, *SIM_VERBS, *REACHES, *RESTARTS})
"""Verbs that change the session of their subject, and of its kin; of nobody else."""
