"""The modem of a device: which software it runs, and where in which network it is.

Most devices stay as they were planned, and nothing is kept for them: `modem_of` makes what is changed.
"""

from __future__ import annotations

import msgspec

from simulator.plan import Member

# Where devices begin, if their group does not say: a hundred in each cell, three cells to an eNodeB. The first eNodeB
# is that of the sheet's example (mobile-network §1.5).
FIRST_ENODEB = 0x12345
DEVICES_PER_CELL = 100
CELLS_PER_ENODEB = 3


class Modem(msgspec.Struct, eq=False):
    """What may change about it; its IMEI does not."""

    svn: int
    """Software version: the last two digits of the IMEISV."""
    operator: str
    rat: str
    """A name of `words.RATS`; "": as its operator says."""
    cell: int
    """ECI, 28 bits."""


def modem_of(member: Member) -> Modem:
    """The modem as it is when the run begins."""
    group = member.group
    cell = dealt_cell(member.index) if group.cell is None else group.cell
    return Modem(group.modem.svn, group.operator, group.rat, cell)


def dealt_cell(index: int) -> int:
    """The cell that a device is in at first: eNodeB in the upper 20 bits, cell in the lower 8.

    >>> f"{dealt_cell(0):x}", f"{dealt_cell(199):x}", f"{dealt_cell(300):x}"
    ('1234501', '1234502', '1234601')
    """
    cell = index // DEVICES_PER_CELL
    return FIRST_ENODEB + cell // CELLS_PER_ENODEB << 8 | 1 + cell % CELLS_PER_ENODEB
