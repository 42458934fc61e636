"""A media server that the project did not write: GStreamer's RTSP server in its RECORD mode, for tests.

Takes what is announced on any of its paths and tells on standard output, one JSON object per line, each picture that
came with the beginning and the SHA-1 of each of its NAL units. Ends when standard input closes.
"""

import argparse
import hashlib
import json
import sys

import gi

gi.require_version('Gst', '1.0')
gi.require_version('GstApp', '1.0')
gi.require_version('GstRtsp', '1.0')
gi.require_version('GstRtspServer', '1.0')
from gi.repository import GLib, Gst, GstApp, GstRtsp, GstRtspServer  # noqa: E402, F401

parser = argparse.ArgumentParser()
parser.add_argument('--codec', choices=['h264', 'h265'], default='h264')
parser.add_argument('--user', default='')
parser.add_argument('--password', default='')
parser.add_argument('--port', type=int, default=0)
parser.add_argument('--path', default='/record')
parser.add_argument('--out', default='', help='where the byte stream of every picture goes')
options = parser.parse_args()

Gst.init(None)
media_open = {}
out = open(options.out, 'ab', buffering=0) if options.out else None


def say(**event):
    sys.stdout.write(json.dumps(event) + '\n')
    sys.stdout.flush()


def nals(data):
    found = []
    begin = data.find(b'\0\0\1')
    while begin >= 0:
        end = data.find(b'\0\0\1', begin + 3)
        nal = data[begin + 3 : end if end >= 0 else len(data)]
        if end >= 0 and nal.endswith(b'\0'):
            nal = nal[:-1]  # of a start code of four bytes
        found.append({'head': nal[:8].hex(), 'sha1': hashlib.sha1(nal).hexdigest()})
        begin = end
    return found


class Factory(GstRtspServer.RTSPMediaFactory):
    def do_create_element(self, url):
        codec = options.codec
        caps = f'video/x-{codec},stream-format=byte-stream,alignment=au'
        return Gst.parse_launch(f'( rtp{codec}depay name=depay0 ! {caps} ! appsink name=sink emit-signals=true sync=false )')

    def do_configure(self, media):
        number = len(media_open) + 1
        media_open[number] = media
        sink = media.get_element().get_by_name('sink')
        sink.connect('new-sample', lambda s: self.sample(number, s.emit('pull-sample')))
        media.connect('unprepared', lambda _: say(event='ended', recording=number))
        say(event='recording', recording=number)

    def sample(self, number, sample):
        buffer = sample.get_buffer()
        data = buffer.extract_dup(0, buffer.get_size())
        if out:
            out.write(data)
        say(event='picture', recording=number, pts=buffer.pts, nals=nals(data))
        return Gst.FlowReturn.OK


def authenticate(server, factory):
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string('media.factory.role', 'user')
    auth.add_digest(options.user, options.password, token)
    server.set_auth(auth)
    factory.add_role_from_structure(
        Gst.Structure.new_from_string('user, media.factory.access=(boolean)true, media.factory.construct=(boolean)true')
    )


server = GstRtspServer.RTSPServer()
server.set_address('127.0.0.1')
server.set_service(str(options.port))
factory = Factory()
factory.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
factory.set_latency(0)
server.get_mount_points().add_factory(options.path, factory)
if options.user:
    authenticate(server, factory)
loop = GLib.MainLoop()
server.connect('client-connected', lambda *_: say(event='connected'))
server.attach(None)
GLib.unix_fd_add_full(0, sys.stdin.fileno(), GLib.IOCondition.IN | GLib.IOCondition.HUP, lambda *_: loop.quit())
say(event='ready', port=server.get_bound_port())
loop.run()
