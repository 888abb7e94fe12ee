"""What is counted about the mobile network: logins, reports of gateways, what was wrong with packets."""

from __future__ import annotations

import copy

import msgspec

Counted = dict[str, int]


class NetworkCounts(msgspec.Struct, kw_only=True):
    """Since the server was started; a restart does not set it back. Names: `words.STATISTICS`."""

    accepted: int = 0
    takeovers: int = 0
    """See `Network._accept`."""
    duplicates: int = 0
    """Requests and reports that came again: answered alike, and nothing else came of them."""
    rejects: Counted = {}
    """Refused logins by reason."""
    discarded: Counted = {}
    """Packets that got no answer, by what was wrong with them."""
    accounting: Counted = {}
    """Reports of gateways: start, interim, stop, on, off; stale: about a session that was over already."""
    stops: Counted = {}
    """Sessions that were reported to have ended, by Acct-Terminate-Cause."""
    disconnects: Counted = {}
    """Disconnect-Requests: sent (without retransmissions), acknowledged, refused, unanswered."""

    def reject(self, reason: str) -> None:
        """One login was refused."""
        self.rejects[reason] = self.rejects.get(reason, 0) + 1

    def discard(self, kind: str) -> None:
        """One packet got no answer."""
        self.discarded[kind] = self.discarded.get(kind, 0) + 1

    def report(self, kind: str) -> None:
        """One report of a gateway."""
        self.accounting[kind] = self.accounting.get(kind, 0) + 1

    def stop(self, cause: str) -> None:
        """One session has ended for this cause."""
        self.stops[cause] = self.stops.get(cause, 0) + 1

    def disconnect(self, what: str) -> None:
        """One Disconnect-Request was sent, or came to an end."""
        self.disconnects[what] = self.disconnects.get(what, 0) + 1

    def copy(self) -> NetworkCounts:
        """One that goes its own way."""
        return copy.deepcopy(self)

    def statistics(self, sessions: int) -> Counted:
        """All of it by its dotted name; `sessions`: how many are open now."""
        found = {
            "accepted": self.accepted,
            "rejected": sum(self.rejects.values()),
            "takeovers": self.takeovers,
            "sessions": sessions,
            "duplicates": self.duplicates,
            "discarded": sum(self.discarded.values()),
        }
        for name, counted in (
            ("rejected", self.rejects),
            ("discarded", self.discarded),
            ("accounting", self.accounting),
            ("stops", self.stops),
            ("disconnects", self.disconnects),
        ):
            found |= {f"{name}.{key}": counted[key] for key in sorted(counted)}
        return found
