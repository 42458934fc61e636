"""A broker or a media server that opens as it should, and then takes one byte each second: `mqtt` or `rtsp`.

Its kernel keeps hardly more than it has taken. Tells on standard output, one JSON object per line, its port, and how
many bytes it has taken of each connection since that was open. Ends when standard input closes.
"""

import json
import os
import re
import socket
import sys
import threading
import time

KERNEL_BYTES = 4096
KIND = sys.argv[1]


def say(**event):
    sys.stdout.write(json.dumps(event) + '\n')
    sys.stdout.flush()


def exactly(connection, count):
    data = b''
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


def open_mqtt(connection):
    exactly(connection, 1)
    length = shift = 0
    while True:
        (byte,) = exactly(connection, 1)
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    is_v5 = exactly(connection, length)[6] == 5
    connection.sendall(bytes([0x20, 3, 0, 0, 0] if is_v5 else [0x20, 2, 0, 0]))


def open_rtsp(connection):
    method = ''
    while method != 'RECORD':
        head = b''
        while not head.endswith(b'\r\n\r\n'):
            head += exactly(connection, 1)
        text = head.decode()
        method = text.split(' ')[0]
        body = re.search(r'Content-Length: (\d+)', text)
        exactly(connection, int(body[1]) if body else 0)
        sequence = re.search(r'CSeq: (\d+)', text)[1]
        more = 'Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n' if method == 'SETUP' else ''
        connection.sendall(f'RTSP/1.0 200 OK\r\nCSeq: {sequence}\r\n{more}\r\n'.encode())


def serve(connection, number):
    try:
        open_mqtt(connection) if KIND == 'mqtt' else open_rtsp(connection)
        taken = 0
        while True:
            exactly(connection, 1)
            taken += 1
            say(connection=number, taken=taken)
            time.sleep(1)
    except OSError:
        connection.close()


def listen():
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)
    server.bind(('127.0.0.1', 0))
    server.listen()
    say(port=server.getsockname()[1])
    number = 0
    while True:
        connection, _ = server.accept()
        number += 1
        threading.Thread(target=serve, args=(connection, number), daemon=True).start()


threading.Thread(target=listen, daemon=True).start()
sys.stdin.read()
os._exit(0)
