"""Cameras of the bench: GStreamer's RTSP server plays one Annex B file without B frames in a loop, on a path per camera.

Every client of a path gets the same packets. Prints its port as a JSON object and ends when standard input closes.
"""

import argparse
import json
import sys

import gi

gi.require_version('Gst', '1.0')
gi.require_version('GstApp', '1.0')
gi.require_version('GstRtspServer', '1.0')
from gi.repository import GLib, Gst, GstApp, GstRtspServer  # noqa: E402, F401

parser = argparse.ArgumentParser()
parser.add_argument('--file', required=True)
parser.add_argument('--cameras', type=int, required=True)
parser.add_argument('--first', type=int, default=1, help='number of the first camera')
parser.add_argument('--fps', type=int, default=25)
parser.add_argument('--gop', type=int, default=50, help='pictures from one key picture of the file to the next')
options = parser.parse_args()

Gst.init(None)
CAPS = 'video/x-h264,stream-format=byte-stream,alignment=au'
FRAME_NS = Gst.SECOND // options.fps
TICK_MS = 4


def read_units():
    """The pictures of the file."""
    source = f'filesrc location="{options.file}" ! h264parse ! {CAPS} ! appsink name=sink sync=false'
    pipeline = Gst.parse_launch(source)
    sink = pipeline.get_by_name('sink')
    pipeline.set_state(Gst.State.PLAYING)
    units = []
    while (sample := sink.emit('pull-sample')) is not None:
        buffer = sample.get_buffer()
        units.append(buffer.extract_dup(0, buffer.get_size()))
    pipeline.set_state(Gst.State.NULL)
    return units


UNITS = read_units()
players = []


class Factory(GstRtspServer.RTSPMediaFactory):
    def __init__(self, number):
        super().__init__()
        self.number = number
        self.set_shared(True)

    def do_create_element(self, url):
        appsrc = f'appsrc name=video is-live=true format=time max-bytes=0 caps="{CAPS}"'
        return Gst.parse_launch(f'( {appsrc} ! rtph264pay name=pay0 pt=96 config-interval=-1 aggregate-mode=none )')

    def do_configure(self, media):
        player = Player(self.number, media.get_element().get_by_name('video'))
        players.append(player)
        media.connect('unprepared', lambda _: players.remove(player))
        player.push()  # tells the parameter sets for the description


class Player:
    """Its first group of pictures is cut short, so that the key pictures of the cameras do not fall together."""

    def __init__(self, number, appsrc):
        self.appsrc = appsrc
        self.sent = 0
        self.index = 0
        self.jump = number * 7 % options.gop
        self.began = GLib.get_monotonic_time()

    def tick(self, now):
        due = (now - self.began) * 1000 // FRAME_NS
        while self.sent <= due:
            self.push()

    def push(self):
        buffer = Gst.Buffer.new_wrapped(UNITS[self.index])
        buffer.pts = buffer.dts = self.sent * FRAME_NS
        buffer.duration = FRAME_NS
        self.sent += 1
        self.index = (options.gop if self.sent == self.jump else self.index + 1) % len(UNITS)
        self.appsrc.emit('push-buffer', buffer)


def tick():
    now = GLib.get_monotonic_time()
    for player in list(players):
        player.tick(now)
    return True


server = GstRtspServer.RTSPServer()
server.set_address('127.0.0.1')
server.set_service('0')
for number in range(options.first, options.first + options.cameras):
    server.get_mount_points().add_factory(f'/cam-{number}', Factory(number))
server.attach(None)
loop = GLib.MainLoop()
GLib.timeout_add(TICK_MS, tick)
GLib.unix_fd_add_full(0, sys.stdin.fileno(), GLib.IOCondition.IN | GLib.IOCondition.HUP, lambda *_: loop.quit())
sys.stdout.write(json.dumps({'port': server.get_bound_port()}) + '\n')
sys.stdout.flush()
loop.run()
