"""A dialler of SIA DC-09, written from the description of the protocol and not from the code under test.

Reads one JSON object per line and answers with one: what to send, and what came back. AES by the openssl command.
"""

import datetime
import json
import os
import socket
import subprocess
import sys
import time

# How long an answer that ought to come is waited for: no time is tested with it.
PATIENCE_S = 240


def crc16(data):
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return value


def aes(data, key, decrypt):
    command = ["openssl", "enc", "-d" if decrypt else "-e", f"-aes-{len(key) * 8}-cbc", "-nopad"]
    command += ["-K", key.hex(), "-iv", "00" * 16]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def stamp(offset):
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=offset)
    return now.strftime("_%H:%M:%S,%m-%d-%Y")


def frame(order):
    key = bytes.fromhex(order["key"]) if order.get("key") else None
    content = order.get("data", "") + "]" + "".join(f"[{more}]" for more in order.get("more", []))
    if key or order.get("stamp"):
        content += order.get("time") or stamp(order.get("offset", 0))
    if key:
        content = "|" + content
        content = os.urandom(16).hex()[: 16 - len(content) % 16] + content
        content = aes(content.encode("latin-1"), key, False).hex().upper()
    star = "*" if key else ""
    head = f'"{star}{order["token"]}"{order.get("sequence", "0001")}{order.get("path", "R0L0")}#{order["account"]}['
    body = (head + content).encode("latin-1")
    crc = crc16(body) ^ (1 if order.get("damage") else 0)
    crc = crc.to_bytes(2, "big") if order.get("binary") else b"%04X" % crc
    return b"\n" + crc + b"%04X" % len(body) + body + b"\r"


def exchange(order, sent):
    """A port that is not open yet is tried again: whoever opens it may be slower than this program."""
    end = time.monotonic() + order.get("wait", PATIENCE_S)
    while True:
        try:
            return exchange_once(order, sent)
        except ConnectionRefusedError:
            if time.monotonic() >= end:
                raise
            time.sleep(0.05)


def exchange_once(order, sent):
    kind = socket.SOCK_DGRAM if order.get("udp") else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as peer:
        peer.settimeout(order.get("wait", PATIENCE_S))
        if order.get("from"):
            peer.bind((order["from"], 0))
        peer.connect((order["host"], order["port"]))
        for _ in range(order.get("times", 1)):
            peer.sendall(sent)
        got = b""
        try:
            while b"\r" not in got:
                more = peer.recv(4096)
                if not more:
                    break
                got += more
        except ConnectionRefusedError:
            raise
        except (socket.timeout, ConnectionError):
            pass
        return got


def answer(order):
    got = exchange(order, frame(order))
    if not got:
        return {"answer": None}
    head = 7 if order.get("binary") else 9
    body = got[head:-1]
    crc = int.from_bytes(got[1:3], "big") if order.get("binary") else int(got[1:5], 16)
    told = {
        "answer": body.decode("latin-1"),
        "good": got[:1] == b"\n" and got[-1:] == b"\r" and crc == crc16(body) and int(got[head - 4 : head], 16) == len(body),
    }
    if order.get("decrypts") and body.startswith(b'"*'):
        told["plain"] = aes(bytes.fromhex(body.split(b"[")[1].decode()), bytes.fromhex(order["key"]), True).decode("latin-1")
    return told


for line in sys.stdin:
    try:
        print(json.dumps(answer(json.loads(line))), flush=True)
    except OSError as error:
        print(json.dumps({"answer": None, "error": str(error)}), flush=True)
