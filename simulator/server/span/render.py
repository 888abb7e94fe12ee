"""Objects as clients see them (span §1.2–§1.4): field names, order, and which numbers are strings.

64-bit integers are strings, bytes standard base64, absent is left out. Times are in the unit of their own field.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from simulator.protocol.ids import encode_int
from simulator.server.span.countries import country_of
from simulator.server.span.gateways import APN, PUBLISHED_CIOT, PUBLISHED_INET, CiotEndpoints, InetEndpoints
from simulator.server.span.model import Blob, Collection, Device, Gateway, UpstreamRow
from simulator.server.span.outbox import Downstream
from simulator.server.span.settings import CIOT_GATEWAY, INET_GATEWAY, NS_PER_MS
from simulator.wire.address import text

if TYPE_CHECKING:
    from simulator.server.span.core import SpanCore

Json = dict[str, Any]
NO_FIRMWARE = "0"
"""An id that is not set (span §1.1)."""


def base64_text(content: bytes) -> str:
    """Standard alphabet with padding."""
    return base64.b64encode(content).decode()


def collection(it: Collection, upstream_ms: list[int] | None = None, downstream_ms: list[int] | None = None) -> Json:
    """Collection; timestamps only when they were asked for (None: not)."""
    return {
        "collectionId": it.id,
        "teamId": it.team_id,
        "firmware": {
            "currentFirmwareId": NO_FIRMWARE,
            "targetFirmwareId": NO_FIRMWARE,
            "management": it.management,
        },
        "tags": it.tags,
        "upstreamTimestamps": [str(ms) for ms in upstream_ms or ()],
        "downstreamTimestamps": [str(ms) for ms in downstream_ms or ()],
        "enabled": it.enabled,
    }


def device(it: Device, core: SpanCore) -> Json:
    """Device. `metadata` is always there, and `params` in every gateway block: clients crash without (span §2.6)."""
    firmware = it.firmware
    document: Json = {
        "deviceId": it.id,
        "collectionId": it.collection.id,
        "tags": it.tags,
        "firmware": {
            "currentFirmwareId": NO_FIRMWARE,
            "targetFirmwareId": NO_FIRMWARE,
            "firmwareVersion": firmware.version,
            "serialNumber": firmware.serial,
            "modelNumber": firmware.model,
            "manufacturer": firmware.manufacturer,
            "state": firmware.state,
            "stateMessage": firmware.message,
        },
        "config": device_config(it),
        "metadata": metadata(it),
    }
    last = it.history[-1] if it.history else None
    if last is None:
        document |= {"lastGatewayId": "", "lastTransport": "unspecified", "lastReceived": "0", "lastPayload": ""}
    else:
        payload = core.histories.payload(last)
        document |= {
            "lastGatewayId": gateway_of(last[5]),
            "lastTransport": last[5],
            "lastReceived": str(last[1]),  # nanoseconds, unlike most others (span §1.3)
            "lastPayload": base64_text(payload or b""),
        }
    document["enabled"] = it.enabled
    return document


def device_config(it: Device) -> Json:
    """Config as it was submitted; blank identities are left out. Without any block it is an Internet device."""
    config: Json = {}
    if it.imsi or it.imei:
        config["ciot"] = {key: value for key, value in (("imsi", it.imsi), ("imei", it.imei)) if value}
    if it.inet or not (config or it.gateways):
        config["inet"] = {}
    if it.gateways:
        config["gateway"] = {key: {"gatewayId": key, "params": params} for key, params in it.gateways.items()}
    return config


def metadata(it: Device) -> Json:
    """What the platform learned of the device, by the network that it came by."""
    document: Json = {}
    if it.ciot is not None:
        document["ciot"] = ciot_metadata(it)
    if it.inet_seen is not None:
        document["inet"] = {
            "gatewayId": INET_GATEWAY,
            "lastUpdate": str(it.inet_seen.last_update_ms),
            "remoteAddress": it.inet_seen.remote_address,
            "certificateSerial": str(it.inet_seen.certificate_serial),
        }
    return document


def gateway_of(transport: str) -> str:
    """The built-in gateway that carries a transport."""
    return INET_GATEWAY if transport in ("dtls", "coaps") else CIOT_GATEWAY


def ciot_metadata(it: Device) -> Json:
    """What the last accepted login left behind, and its gateway told since; what nobody told is left out.

    No gateway tells the name of the network, so `network` is never there.
    """
    ciot = it.ciot
    if ciot is None:
        return {}
    document: Json = {
        "gatewayId": ciot.gateway or CIOT_GATEWAY,
        "allocatedIp": ciot.allocated_ip,
        "allocatedAt": str(ciot.allocated_at_ms),
    }
    if ciot.cell is not None:
        document["cellId"] = str(ciot.cell)
    if ciot.plmn:
        mcc = int(ciot.plmn[:3])
        code, name = country_of(mcc)
        document |= {"mcc": mcc, "mnc": int(ciot.plmn[3:])}
        if code:
            document |= {"country": name, "countryCode": code}
    document |= {"lastUpdate": str(ciot.last_update_ms), "lastImsi": ciot.last_imsi}
    if ciot.last_imei:
        document["lastImei"] = ciot.last_imei
    return document


def data_message(it: Device, row: UpstreamRow, payload: bytes, core: SpanCore) -> Json:
    """OutputDataMessage: one form for streams and listings (span §3.5)."""
    number, received_ns, _, _, _, transport, local_port, remote_port, code, path = row
    document: Json = {
        "type": "data",
        "device": device(it, core),
        "payload": base64_text(payload),
        "received": str(received_ns // NS_PER_MS),
        "transport": transport,
    }
    if transport in ("udp", "dtls"):
        document["udpMetaData"] = {"localPort": local_port, "remotePort": remote_port}
    elif transport in ("coap", "coaps"):
        document["coapMetaData"] = {"code": code, "path": path}
    document["messageId"] = encode_int(number)
    document["gatewayId"] = gateway_of(transport)
    return document


def upstream(row: UpstreamRow, payload: bytes) -> Json:
    """MessageUpstream."""
    return {
        "messageId": encode_int(row[0]),
        "collectionId": encode_int(row[3]),
        "deviceId": encode_int(row[2]),
        "gatewayId": gateway_of(row[5]),
        "transport": row[5],
        "received": str(row[1] // NS_PER_MS),
        "payload": base64_text(payload),
    }


def downstream(it: Device, message: Downstream) -> Json:
    """MessageDownstream; while it waits `sentTime` is "0" and `gatewayId` left out."""
    document: Json = {"messageId": message.id, "collectionId": it.collection.id, "deviceId": it.id}
    if message.gateway_id:
        document["gatewayId"] = message.gateway_id
    document["createdTime"] = str(message.created_ns // NS_PER_MS)
    document["sentTime"] = str(message.sent_ns // NS_PER_MS)
    document["transport"] = message.transport
    document["state"] = message.state
    document["payload"] = base64_text(message.payload)
    return document


def device_stats(devices: list[Device]) -> Json:
    """DeviceStats, summed up."""
    return {
        "bytesUpstream": str(sum(each.bytes_up for each in devices)),
        "bytesDownstream": str(sum(each.bytes_down for each in devices)),
        "messagesUpstream": str(sum(each.messages_up for each in devices)),
        "messagesDownstream": str(sum(each.messages_down for each in devices)),
        "sessionCount": sum((each.session is not None) + len(each.inet_sessions) for each in devices),
    }


def gateway_stats(devices: list[Device]) -> Json:
    """GatewayStats of a gateway that carries these devices."""
    summed = device_stats(devices)
    return {key: summed[key] for key in ("messagesUpstream", "messagesDownstream", "bytesUpstream", "bytesDownstream")}


def collection_stats(it: Collection) -> Json:
    """CollectionStats; outputs and firmware are not part of this server yet, so there are none.

    Gateways are the collection's own ones ([C]: the built-in ones are in every collection), which carry nothing yet.
    """
    return {
        "deviceCount": len(it.devices),
        "outputCount": 0,
        "firmwareCount": 0,
        "blobCount": len(it.blobs),
        "gatewayCount": len(it.gateways),
        "devices": device_stats(list(it.devices.values())),
        "outputs": {"forwardErrors": 0, "messagesForwarded": "0", "bytesForwarded": "0"},
        "firmware": {"firmwareImageSize": 0},
        "blobs": {"blobBytes": str(sum(len(each.content) for each in it.blobs.values()))},
        "gateways": gateway_stats([]),
    }


def blob(where: Collection, it: Blob) -> Json:
    """Blob. Its time is in nanoseconds (span §1.3); `properties` as in the published example (span §4.6)."""
    return {
        "blobId": it.id,
        "blobPath": f"/span/collections/{where.id}/blobs/{it.id}",
        "contentType": it.content_type,
        "size": str(len(it.content)),
        "created": str(it.created_ns),
        "collectionId": where.id,
        "deviceId": it.device_id,
        "gatewayId": it.gateway_id,
        "properties": {"address": it.address, "method": "POST", "path": it.path},
    }


def gateway(it: Gateway) -> Json:
    """Gateway of a customer. None of them can connect yet, so it is offline."""
    return {
        "gatewayId": it.id,
        "collectionId": it.collection.id,
        "name": it.name,
        "builtIn": False,
        "type": it.type,
        "config": {"user": {"params": it.params}},
        "tags": it.tags,
        "status": "offline",
        "enabled": it.enabled,
    }


def built_in_gateway(gateway_id: str, where: Collection, core: SpanCore) -> Json:
    """Gateway of the platform, with the endpoints that devices use (span §1.4, notes)."""
    ciot = gateway_id == CIOT_GATEWAY
    return {
        "gatewayId": gateway_id,
        "collectionId": where.id,
        "name": "CIoT" if ciot else "Internet",
        "builtIn": True,
        "type": "ciot" if ciot else "inet",
        "config": {"ciot": _ciot_endpoints(core)} if ciot else {"inet": _inet_endpoints(core)},
        "tags": {},
        "status": "online",
        "enabled": True,
    }


def _ciot_endpoints(core: SpanCore) -> Json:
    ports = core.ports
    known = PUBLISHED_CIOT if ports is None else CiotEndpoints(text(ports.udp), text(ports.coap))
    return {"apn": APN, "udpEndpoint": known.udp, "coapEndpoint": known.coap}


def _inet_endpoints(core: SpanCore) -> Json:
    ports = core.ports
    known = PUBLISHED_INET
    if ports is not None and ports.dtls and ports.coaps:
        known = InetEndpoints(text(ports.dtls), text(ports.coaps))
    return {"dtlsEndpoint": known.dtls, "coapEndpoint": known.coaps}
