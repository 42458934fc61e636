"""Signs and verifies a byte stream in the manner of ONVIF Media Signing, with OpenSSL and nothing of the project.

Each group of pictures carries, before its last picture, an SEI message of user data (unregistered, the UUID of ONVIF
Media Signing) with a signature over the SHA-256 of every NAL unit of the group before it, in order. Its layout is not
that of the specification; what a forwarder may not do is the same: alter, lose, add or move any NAL unit.
"""

import hashlib
import json
import subprocess
import sys
import tempfile

UUID = bytes.fromhex('005bc93f2d715e95ada4796f90877a6f')
# Bytes that a NAL unit may hold with emulation prevention alone.
AWKWARD = bytes([0, 0, 0, 0, 0, 1, 0, 0, 2, 0, 0, 3])


def split(data):
    found = []
    begin = data.find(b'\0\0\1')
    while begin >= 0:
        end = data.find(b'\0\0\1', begin + 3)
        nal = data[begin + 3 : end if end >= 0 else len(data)]
        found.append(nal[:-1] if end >= 0 and nal.endswith(b'\0') else nal)
        begin = end
    return found


def facts(codec, nal):
    """Whether it is a slice, and whether decoding begins with it."""
    kind = nal[0] & 31 if codec == 'h264' else nal[0] >> 1 & 63
    return (kind in (1, 5), kind == 5) if codec == 'h264' else (kind < 32, 16 <= kind <= 23)


def groups(codec, nals):
    """The NAL units of each group of pictures; parameter sets and the like go with the picture behind them."""
    out, pending = [], []
    for nal in nals:
        pending.append(nal)
        is_slice, begins = facts(codec, nal)
        if not is_slice:
            continue
        if begins:
            out.append([])
        if out:
            out[-1].extend(pending)
        pending = []
    return out


def escape(data):
    out, zeros = bytearray(), 0
    for byte in data:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


def unescape(data):
    return data.replace(b'\0\0\3', b'\0\0')


def sei(codec, payload):
    header = bytes([6]) if codec == 'h264' else bytes([39 << 1, 1])
    body = UUID + AWKWARD + payload
    sizes = bytes([255] * (len(body) // 255) + [len(body) % 255])
    return header + escape(bytes([5]) + sizes + body + bytes([0x80]))


def payload_of(codec, nal):
    header = bytes([6]) if codec == 'h264' else bytes([39 << 1, 1])
    if not nal.startswith(header) or facts(codec, nal)[0]:
        return None
    data = unescape(nal[len(header) :])
    at = data.find(UUID + AWKWARD)
    return data[at + len(UUID + AWKWARD) : -1] if at >= 0 else None


def digests(nals):
    return b''.join(hashlib.sha256(nal).digest() for nal in nals)


def openssl(*args, data):
    return subprocess.run(['openssl', 'dgst', '-sha256', *args], input=data, capture_output=True)


def sign(codec, nals, key):
    out = []
    for group in groups(codec, nals):
        last = max(i for i, nal in enumerate(group) if facts(codec, nal)[0])
        signature = openssl('-sign', key, data=digests(group[:last])).stdout
        out += [*group[:last], sei(codec, signature), *group[last:]]
    return b''.join(b'\0\0\0\1' + nal for nal in out)


def verdict(codec, group, public):
    for at, nal in enumerate(group):
        payload = payload_of(codec, nal)
        if payload is None:
            continue
        with tempfile.NamedTemporaryFile() as signature:
            signature.write(payload)
            signature.flush()
            said = openssl('-verify', public, '-signature', signature.name, data=digests(group[:at]))
        return 'valid' if said.returncode == 0 else 'invalid'
    return 'unsigned'


def main():
    action, codec, source, key = sys.argv[1:5]
    with open(source, 'rb') as file:
        nals = split(file.read())
    if action == 'sign':
        sys.stdout.buffer.write(sign(codec, nals, key))
    else:
        said = [verdict(codec, group, key) for group in groups(codec, nals)]
        print(json.dumps({'groups': said, 'nals': [hashlib.sha256(nal).hexdigest() for nal in nals]}))


main()
