"""The numbers of RADIUS as a mobile network uses it: codes, attributes, values (mobile-network §1.2–§1.6).

An attribute's key is its type, or (vendor, vendor type). The names of constants are those of the dictionary file beside
this module, which pyrad reads; a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

Key = int | tuple[int, int]
"""An attribute type; or vendor and vendor type of what is inside a Vendor-Specific attribute."""


class Code(IntEnum):
    """Packet codes (RFC 2865 §3, RFC 2866 §3, RFC 5176 §2.3, RFC 5997). A peer may send others."""

    ACCESS_REQUEST = 1
    ACCESS_ACCEPT = 2
    ACCESS_REJECT = 3
    ACCOUNTING_REQUEST = 4
    ACCOUNTING_RESPONSE = 5
    ACCESS_CHALLENGE = 11
    STATUS_SERVER = 12
    DISCONNECT_REQUEST = 40
    DISCONNECT_ACK = 41
    DISCONNECT_NAK = 42
    COA_REQUEST = 43
    COA_ACK = 44
    COA_NAK = 45


class Status(IntEnum):
    """Acct-Status-Type (RFC 2866 §5.1)."""

    START = 1
    STOP = 2
    INTERIM = 3
    ON = 7
    OFF = 8


class Terminate(IntEnum):
    """Acct-Terminate-Cause (RFC 2866 §5.10)."""

    USER_REQUEST = 1
    LOST_CARRIER = 2
    LOST_SERVICE = 3
    IDLE_TIMEOUT = 4
    SESSION_TIMEOUT = 5
    ADMIN_RESET = 6
    ADMIN_REBOOT = 7
    PORT_ERROR = 8
    NAS_ERROR = 9
    NAS_REQUEST = 10
    NAS_REBOOT = 11
    PORT_UNNEEDED = 12
    PORT_PREEMPTED = 13
    PORT_SUSPENDED = 14
    SERVICE_UNAVAILABLE = 15
    CALLBACK = 16
    USER_ERROR = 17
    HOST_REQUEST = 18


TERMINATE_NAMES: Mapping[int, str] = {
    cause: cause.name.replace("_", "-").title().replace("Nas-", "NAS-") for cause in Terminate
}
"""As the standard writes them: "User-Request", "Lost-Carrier", "Admin-Reset"."""


class ErrorCause(IntEnum):
    """Error-Cause of a Disconnect-NAK (RFC 5176 §3.5), as far as a gateway has reason to."""

    RESIDUAL_CONTEXT_REMOVED = 201
    UNSUPPORTED_ATTRIBUTE = 401
    MISSING_ATTRIBUTE = 402
    NAS_IDENTIFICATION_MISMATCH = 403
    INVALID_REQUEST = 404
    UNSUPPORTED_SERVICE = 405
    ADMINISTRATIVELY_PROHIBITED = 501
    SESSION_CONTEXT_NOT_FOUND = 503
    SESSION_CONTEXT_NOT_REMOVABLE = 504
    RESOURCES_UNAVAILABLE = 506


RAT_NAMES: Mapping[int, str] = {
    1: "UTRAN",
    2: "GERAN",
    3: "WLAN",
    4: "GAN",
    5: "HSPA Evolution",
    6: "EUTRAN",
    7: "Virtual",
    8: "EUTRAN-NB-IoT",
    9: "LTE-M",
    10: "NR",
    11: "WB-E-UTRAN(LEO)",
    12: "WB-E-UTRAN(MEO)",
    13: "WB-E-UTRAN(GEO)",
    14: "WB-E-UTRAN(OTHERSAT)",
    15: "EUTRAN-NB-IoT(LEO)",
    16: "EUTRAN-NB-IoT(MEO)",
    17: "EUTRAN-NB-IoT(GEO)",
    18: "EUTRAN-NB-IoT(OTHERSAT)",
    19: "LTE-M(LEO)",
    20: "LTE-M(MEO)",
    21: "LTE-M(GEO)",
    22: "LTE-M(OTHERSAT)",
    101: "IEEE 802.16e",
    102: "3GPP2 eHRPD",
    103: "3GPP2 HRPD",
    104: "3GPP2 1xRTT",
}
"""3GPP-RAT-Type (mobile-network §1.4). An older gateway says 6 for NB-IoT and LTE-M too: some LTE."""

USER_NAME = 1
USER_PASSWORD = 2
CHAP_PASSWORD = 3
NAS_IP_ADDRESS = 4
NAS_PORT = 5
SERVICE_TYPE = 6
FRAMED_PROTOCOL = 7
FRAMED_IP_ADDRESS = 8
FRAMED_IP_NETMASK = 9
REPLY_MESSAGE = 18
STATE = 24
CLASS = 25
VENDOR_SPECIFIC = 26
SESSION_TIMEOUT = 27
IDLE_TIMEOUT = 28
CALLED_STATION_ID = 30
CALLING_STATION_ID = 31
NAS_IDENTIFIER = 32
PROXY_STATE = 33
ACCT_STATUS_TYPE = 40
ACCT_DELAY_TIME = 41
ACCT_INPUT_OCTETS = 42
ACCT_OUTPUT_OCTETS = 43
ACCT_SESSION_ID = 44
ACCT_AUTHENTIC = 45
ACCT_SESSION_TIME = 46
ACCT_INPUT_PACKETS = 47
ACCT_OUTPUT_PACKETS = 48
ACCT_TERMINATE_CAUSE = 49
ACCT_INPUT_GIGAWORDS = 52
ACCT_OUTPUT_GIGAWORDS = 53
EVENT_TIMESTAMP = 55
NAS_PORT_TYPE = 61
TUNNEL_CLIENT_ENDPOINT = 66
MESSAGE_AUTHENTICATOR = 80
ACCT_INTERIM_INTERVAL = 85
ERROR_CAUSE = 101

VENDOR_3GPP = 10415
VENDOR_MICROSOFT = 311

IMSI = (VENDOR_3GPP, 1)
CHARGING_ID = (VENDOR_3GPP, 2)
PDP_TYPE = (VENDOR_3GPP, 3)
QOS_PROFILE = (VENDOR_3GPP, 5)
SGSN_ADDRESS = (VENDOR_3GPP, 6)
GGSN_ADDRESS = (VENDOR_3GPP, 7)
IMSI_MCC_MNC = (VENDOR_3GPP, 8)
GGSN_MCC_MNC = (VENDOR_3GPP, 9)
NSAPI = (VENDOR_3GPP, 10)
SESSION_STOP_INDICATOR = (VENDOR_3GPP, 11)
SELECTION_MODE = (VENDOR_3GPP, 12)
CHARGING_CHARACTERISTICS = (VENDOR_3GPP, 13)
SGSN_MCC_MNC = (VENDOR_3GPP, 18)
TEARDOWN_INDICATOR = (VENDOR_3GPP, 19)
IMEISV = (VENDOR_3GPP, 20)
RAT_TYPE = (VENDOR_3GPP, 21)
USER_LOCATION_INFO = (VENDOR_3GPP, 22)
MS_TIME_ZONE = (VENDOR_3GPP, 23)
NEGOTIATED_DSCP = (VENDOR_3GPP, 26)
ALLOCATE_IP_TYPE = (VENDOR_3GPP, 27)

PRIMARY_DNS = (VENDOR_MICROSOFT, 28)
SECONDARY_DNS = (VENDOR_MICROSOFT, 29)

SERVICE_FRAMED = 2
PROTOCOL_GPRS_PDP_CONTEXT = 7
PORT_WIRELESS_OTHER = 18
PDP_IPV4 = 0
AUTHENTIC_RADIUS = 1
