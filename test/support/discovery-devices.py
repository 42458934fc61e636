"""Devices that answer WS-Discovery on loopback, and share no code with Beffroi: sockets and ElementTree.

Settings as JSON in the first argument: a list of devices, each with
  address  from which it answers, on loopback
  answer   text with RELATES_TO in it, and what else it is to say, in Latin-1
  relates  how it names the question: "same" (default), "bare" (without urn:uuid:), "other"
  times    how often it answers each question (default 1)
  direct   true: it answers questions to its own address alone
Writes one JSON line: {"ready": true}, then one for each question it heard and answered:
  {"id": …, "types": …, "to": "group" or an address, "problems": […]}
"""
import json
import re
import select
import socket
import struct
import sys
import uuid
import xml.etree.ElementTree as tree

GROUP = "239.255.255.250"
PORT = 3702
SOAP = "{http://www.w3.org/2003/05/soap-envelope}"
ADDRESSING = "{http://schemas.xmlsoap.org/ws/2004/08/addressing}"
DISCOVERY = "{http://schemas.xmlsoap.org/ws/2005/04/discovery}"
TYPES = {
    "http://www.onvif.org/ver10/network/wsdl": "NetworkVideoTransmitter",
    "http://www.onvif.org/ver10/device/wsdl": "Device",
}


def say(**words):
    print(json.dumps(words), flush=True)


def opened(address):
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind((address, PORT))
    return one


def question(datagram):
    """The id, the types, and what is wrong with the question by the specification."""
    root = tree.fromstring(datagram)
    header, body = root.find(SOAP + "Header"), root.find(SOAP + "Body")
    probe = body.find(DISCOVERY + "Probe")
    if probe is None:
        return None
    problems = []
    if header.findtext(ADDRESSING + "Action") != DISCOVERY[1:-1] + "/Probe":
        problems.append("Action")
    if header.findtext(ADDRESSING + "To") != "urn:schemas-xmlsoap-org:ws:2005:04:discovery":
        problems.append("To")
    ident = header.findtext(ADDRESSING + "MessageID") or ""
    if not re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", ident):
        problems.append("MessageID")
    types = probe.findtext(DISCOVERY + "Types") or ""
    declared = dict(re.findall(rb'xmlns:(\w+)="([^"]+)"', datagram))
    prefix, _, name = types.partition(":")
    if TYPES.get(declared.get(prefix.encode(), b"").decode()) != name:
        problems.append("Types")
    return ident, name, problems


def main():
    devices = json.loads(sys.argv[1])
    group = opened(GROUP)
    group.setsockopt(
        socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack("4s4s", socket.inet_aton(GROUP), socket.inet_aton("127.0.0.1"))
    )
    own = {address: opened(address) for address in {device["address"] for device in devices}}
    say(ready=True)
    while True:
        ready, _, _ = select.select([group, *own.values()], [], [])
        for one in ready:
            datagram, asker = one.recvfrom(65535)
            asked = question(datagram)
            if asked is None:
                continue
            ident, types, problems = asked
            to = next((address for address, other in own.items() if other is one), "group")
            for device in devices:
                if device["address"] != to and (to != "group" or device.get("direct")):
                    continue
                named = {
                    "same": ident,
                    "bare": ident.removeprefix("urn:uuid:"),
                    "other": f"urn:uuid:{uuid.uuid4()}",
                }[device.get("relates", "same")]
                text = device["answer"].replace("RELATES_TO", named).encode("latin-1")
                for _ in range(device.get("times", 1)):
                    own[device["address"]].sendto(text, asker)
            say(id=ident, types=types, to=to, problems=problems)


main()
