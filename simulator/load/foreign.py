"""What cannot be done with a platform on another machine, said before anything is created there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from simulator.errors import UsageError
from simulator.load.options import LoadOptions
from simulator.scenario.model import Group
from simulator.wire.address import host_text

_LOOPBACK_BYTE: Final = 127


def refuse_mobile(groups: Iterable[Group], options: LoadOptions) -> None:
    """Devices of the mobile network are known to a platform by the addresses that it has given them. On the way to
    another machine these are lost: they only exist here.

    Without a platform (`options.bare`) nobody is to be known, and answers come to whoever asked.
    Raises: UsageError: some of the groups have such devices, and are to speak to another machine.
    """
    if options.bare:
        return
    for group in groups:
        if group.network != "ciot":
            continue
        said = options.coap if group.transport == "coap" else options.udp
        if options.foreign:
            where = options.target or "another machine"
        elif said is not None and said >> 24 & 0xFF != _LOOPBACK_BYTE:
            where = host_text(said)
        else:
            continue
        secure = "coaps" if group.transport == "coap" else "dtls"
        raise UsageError(
            f"group {group.name} speaks {group.transport}: {where} is not this machine, and a platform knows devices "
            "of the mobile network by their addresses, which other machines do not get to see; have them speak "
            f"{secure}, or take a platform on this machine"
        )
