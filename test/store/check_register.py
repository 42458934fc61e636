"""Checks a register as docs/reference/register.md says, with Python's SQLite and hashlib and with OpenSSL alone.

Usage: check_register.py DATABASE PUBLIC_KEY_PEM LENGTH HEAD SIGNATURE_BASE64URL
Prints "ok FIRST LAST", or "bad NUMBER WHY".
"""

import base64
import hashlib
import os
import sqlite3
import subprocess
import sys
import tempfile

database, key, length, head, signature = sys.argv[1:]


def signed(message, text):
    with tempfile.TemporaryDirectory() as folder:
        message_file, signature_file = os.path.join(folder, "m"), os.path.join(folder, "s")
        with open(message_file, "wb") as out:
            out.write(message)
        with open(signature_file, "wb") as out:
            out.write(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", key]
        command += ["-in", message_file, "-sigfile", signature_file]
        return subprocess.run(command, capture_output=True).returncode == 0


def end(*words):
    print(*words)
    sys.exit(0)


rows = sqlite3.connect(f"file:{database}?mode=ro", uri=True).execute(
    "SELECT number, wall_ms, clock, who, action, subject, result, detail, previous, hash, signature"
    " FROM register ORDER BY number"
)
first, number, before = 0, 0, None
for row in rows:
    *content, line_hash, line_signature = row
    if before is None:
        first, before = row[0], "0" * 64 if row[0] == 1 else row[8]
    elif row[0] != number + 1:
        end("bad", number + 1, "missing")
    number = row[0]
    digest = hashlib.sha256()
    for field in ["beffroi-register-1", *map(str, content)]:
        octets = field.encode()
        digest.update(len(octets).to_bytes(4, "big") + octets)
    if row[8] != before:
        end("bad", number, "chain")
    if digest.hexdigest() != line_hash:
        end("bad", number, "hash")
    if not signed(bytes.fromhex(line_hash), line_signature):
        end("bad", number, "signature")
    before = line_hash
if not signed(f"{length}:{head}".encode(), signature):
    end("bad", length, "head signature")
if (number, before) != (int(length), head):
    end("bad", length, "head")
end("ok", first, number)
