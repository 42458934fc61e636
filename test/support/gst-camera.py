"""A camera that the project did not write: GStreamer's RTSP server, for tests.

Encodes a moving test picture once (or reads an Annex B file), then serves it to every client from its first picture
on, in a loop. Tells on standard output, one JSON object per line, what it sends; takes commands on standard input:
stall, resume, cut, show N, quit; with a metadata track also input TOKEN STATE, gap, flood. Ends when standard input closes.
"""

import argparse
import datetime
import gzip
import hashlib
import json
import os
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
parser.add_argument('--fps', type=int, default=25)
parser.add_argument('--width', type=int, default=320)
parser.add_argument('--height', type=int, default=240)
parser.add_argument('--bitrate', type=int, default=500, help='kbit/s')
parser.add_argument('--gop', type=int, default=25)
parser.add_argument('--bframes', type=int, default=0)
parser.add_argument('--buffers', type=int, default=100, help='pictures that are encoded')
parser.add_argument('--frames', type=int, default=0, help='pictures per client, 0: loop for ever')
parser.add_argument('--file', default='', help='Annex B stream without B frames instead of the test picture')
parser.add_argument('--other', action='append', default=[], help='another Annex B stream of the same size, for `show`')
parser.add_argument('--pattern', default='ball', help='of videotestsrc; snow fills the bit rate')
parser.add_argument('--path', default='/stream')
parser.add_argument('--sub', action='store_true', help='a second stream of half the size at the same path with -sub')
parser.add_argument('--host', default='127.0.0.1')
parser.add_argument('--port', type=int, default=0)
parser.add_argument('--tcp-only', action='store_true')
parser.add_argument('--udp-only', action='store_true')
parser.add_argument('--sound', action='store_true', help='a sound track beside the video')
parser.add_argument('--inputs', default='', help='tokens of digital inputs, told on an ONVIF metadata track')
parser.add_argument('--metadata', choices=['plain', 'gzip', 'silent'], default='plain', help='how the track comes')
options = parser.parse_args()

Gst.init(None)
CODEC = options.codec
FRAME_NS = Gst.SECOND // options.fps
state = {'stalled': False, 'shown': 0}
media_open = {}


def say(**event):
    sys.stdout.write(json.dumps(event) + '\n')
    sys.stdout.flush()


def encoder():
    if CODEC == 'h264':
        return (
            f'x264enc tune={"zerolatency" if options.bframes == 0 else 0} speed-preset=ultrafast '
            f'bitrate={options.bitrate} key-int-max={options.gop} bframes={options.bframes} '
            'b-adapt=false byte-stream=true aud=true threads=1'
        )
    b_frames = f'bframes={options.bframes}:b-adapt=0'
    return (
        f'x265enc speed-preset=ultrafast bitrate={options.bitrate} key-int-max={options.gop} '
        f'option-string="log-level=none:pools=1:frame-threads=1:aud=1:{b_frames}"'
    )


def source(file, part=1):
    if file:
        return f'filesrc location="{file}"'
    size = f'width={options.width // part},height={options.height // part},framerate={options.fps}/1'
    return f'videotestsrc num-buffers={options.buffers} pattern={options.pattern} ! video/x-raw,format=I420,{size} ! {encoder()}'


def encode(file, part=1):
    """Every picture as (bytes, presentation time, decoding time)."""
    caps = f'video/x-{CODEC},stream-format=byte-stream,alignment=au'
    pipeline = Gst.parse_launch(f'{source(file, part)} ! {CODEC}parse ! {caps} ! appsink name=sink sync=false')
    sink = pipeline.get_by_name('sink')
    pipeline.set_state(Gst.State.PLAYING)
    units = []
    while True:
        sample = sink.emit('pull-sample')
        if sample is None:
            break
        buffer = sample.get_buffer()
        units.append((buffer.extract_dup(0, buffer.get_size()), buffer.pts, buffer.dts))
    pipeline.set_state(Gst.State.NULL)
    first = min((pts for _, pts, _ in units), default=0)
    by_file = bool(file)
    return [
        (data, i * FRAME_NS if by_file else pts - first, i * FRAME_NS if by_file else max(dts - first, 0))
        for i, (data, pts, dts) in enumerate(units)
    ]


def nals(data):
    """SHA-1 of each NAL unit of an Annex B stream."""
    found = []
    begin = data.find(b'\0\0\1')
    while begin >= 0:
        end = data.find(b'\0\0\1', begin + 3)
        nal = data[begin + 3 : end if end >= 0 else len(data)].rstrip(b'\0')
        found.append(hashlib.sha1(nal).hexdigest())
        begin = end
    return found


# What can be shown; all of them loop after the same time, so that the time goes on when another one is shown.
SHOWS = [encode(file) for file in [options.file, *options.other]]
HASHES = [[nals(data) for data, _, _ in units] for units in SHOWS]
SUB_SHOWS = [encode(options.file, 2)] if options.sub else []
SUB_HASHES = [[nals(data) for data, _, _ in units] for units in SUB_SHOWS]
LENGTH = min(len(units) for units in SHOWS)
LOOP_NS = LENGTH * FRAME_NS


class Player:
    """Feeds one client's pipeline, picture by picture, at the pace of the stream."""

    def __init__(self, number, appsrc, shows):
        self.number = number
        self.appsrc = appsrc
        self.shows = shows
        self.hashes = HASHES if shows is SHOWS else SUB_HASHES
        self.sent = 0
        self.shown = None
        self.began = None
        self.timer = None

    def play(self):
        if self.timer is None:
            self.began = GLib.get_monotonic_time()
            self.timer = GLib.timeout_add(5, self.tick)

    def stop(self):
        if self.timer is not None:
            GLib.source_remove(self.timer)
            self.timer = None

    def tick(self):
        if state['stalled']:
            self.began = GLib.get_monotonic_time() - self.sent * FRAME_NS // 1000
            return True
        due = (GLib.get_monotonic_time() - self.began) * 1000 // FRAME_NS
        while self.sent <= due and (options.frames == 0 or self.sent < options.frames):
            self.push()
        return True

    def push(self):
        loop, index = divmod(self.sent, min(LENGTH, len(self.shows[0])))
        # A stream begins with a key frame: another one is shown from the next loop on.
        if index == 0 or self.shown is None:
            self.shown = state['shown'] if self.shows is SHOWS else 0
        data, pts, dts = self.shows[self.shown][index]
        buffer = Gst.Buffer.new_wrapped(data)
        buffer.pts = loop * LOOP_NS + pts
        buffer.dts = loop * LOOP_NS + dts
        buffer.duration = FRAME_NS
        say(event='frame', client=self.number, number=self.sent, nals=self.hashes[self.shown][index])
        self.sent += 1
        self.appsrc.emit('push-buffer', buffer)


ENCODING = 'VND.ONVIF.METADATA.GZIP' if options.metadata == 'gzip' else 'VND.ONVIF.METADATA'
META_PT = 107
PACKET_BYTES = 1200
inputs = {token: 'false' for token in options.inputs.split(',') if token}


def document(inner):
    """As of ONVIF Streaming; the analysis of pictures in it fills more than one packet."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S.%fZ')
    frames = ''.join(
        f'<tt:Frame UtcTime="{now}"><tt:Object ObjectId="{i}"><tt:Appearance><tt:Shape>'
        f'<tt:BoundingBox left="-0.{i}" top="0.1" right="0.{i}" bottom="-0.1"/></tt:Shape></tt:Appearance></tt:Object></tt:Frame>'
        for i in range(10)
    )
    text = (
        '<?xml version="1.0" encoding="UTF-8"?><tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema" '
        'xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2" xmlns:tns1="http://www.onvif.org/ver10/topics">'
        f'<tt:VideoAnalytics>{frames}</tt:VideoAnalytics>{inner}</tt:MetadataStream>'
    ).encode()
    return gzip.compress(text) if options.metadata == 'gzip' else text


def input_event(token, operation):
    now = datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
    return (
        '<tt:Event><wsnt:NotificationMessage><wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">'
        'tns1:Device/Trigger/DigitalInput</wsnt:Topic><wsnt:Message>'
        f'<tt:Message UtcTime="{now}" PropertyOperation="{operation}">'
        f'<tt:Source><tt:SimpleItem Name="InputToken" Value="{token}"/></tt:Source>'
        f'<tt:Data><tt:SimpleItem Name="LogicalState" Value="{inputs[token]}"/></tt:Data>'
        '</tt:Message></wsnt:Message></wsnt:NotificationMessage></tt:Event>'
    )


class Metadata:
    """Feeds the metadata track of one client: all states first, then a document each half second, and each change."""

    def __init__(self, appsrc):
        self.appsrc = appsrc
        self.sequence = 65530
        self.timer = None
        # Without a first packet the description waits; it is kept until PLAY.
        silent = options.metadata == 'silent'
        self.push('' if silent else ''.join(input_event(token, 'Initialized') for token in inputs))

    def play(self):
        if self.timer is None:
            self.timer = GLib.timeout_add(500, self.tick)

    def stop(self):
        if self.timer is not None:
            GLib.source_remove(self.timer)
            self.timer = None

    def tick(self):
        if options.metadata != 'silent':
            self.push('')
        return True

    def push(self, inner):
        data = document(inner)
        for at in range(0, len(data), PACKET_BYTES):
            part = data[at : at + PACKET_BYTES]
            self.packet(part, at + PACKET_BYTES >= len(data))

    def packet(self, part, last):
        header = bytes([0x80, (0x80 if last else 0) | META_PT]) + self.sequence.to_bytes(2, 'big')
        header += (GLib.get_monotonic_time() * 9 // 100 & 0xFFFFFFFF).to_bytes(4, 'big') + b'meta'
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.appsrc.emit('push-buffer', Gst.Buffer.new_wrapped(header + part))


metadata_open = {}


class Factory(GstRtspServer.RTSPMediaFactory):
    def __init__(self, units):
        super().__init__()
        self.units = units

    def do_create_element(self, url):
        caps = f'video/x-{CODEC},stream-format=byte-stream,alignment=au'
        video = (
            f'appsrc name=video is-live=true format=time max-bytes=0 caps="{caps}" '
            f'! rtp{CODEC}pay name=pay0 pt=96 config-interval=0 aggregate-mode=none'
        )
        audio = 'audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay name=pay1 pt=0'
        caps = f'application/x-rtp,media=application,payload={META_PT},clock-rate=90000,encoding-name={ENCODING}'
        metadata = f'appsrc name=metadata is-live=true format=time do-timestamp=true caps="{caps}" ! identity name=pay{1 + options.sound}'
        return Gst.parse_launch(f'( {video} {audio if options.sound else ""} {metadata if inputs else ""} )')

    def do_configure(self, media):
        # What the factory is told is not handed on where this method is replaced.
        if options.tcp_only or options.udp_only:
            media.set_protocols(GstRtsp.RTSPLowerTrans.TCP if options.tcp_only else GstRtsp.RTSPLowerTrans.UDP)
        number = len(media_open) + 1
        player = Player(number, media.get_element().get_by_name('video'), self.units)
        media_open[number] = player
        players = [player]
        if inputs:
            metadata_open[number] = Metadata(media.get_element().get_by_name('metadata'))
            players.append(metadata_open[number])
        media.connect('new-state', lambda _, new: [one.play() for one in players] if new == Gst.State.PLAYING else None)
        media.connect('unprepared', lambda _: unprepared(number, players))
        # The first picture tells the parameter sets for the description; it is kept until PLAY.
        player.push()


def unprepared(number, players):
    for one in players:
        one.stop()
    metadata_open.pop(number, None)
    say(event='closed', client=number, frames=players[0].sent)


def authenticate(server, factory):
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    auth.add_digest(options.user, options.password, token('user'))
    server.set_auth(auth)
    factory.add_role_from_structure(
        Gst.Structure.new_from_string('user, media.factory.access=(boolean)true, media.factory.construct=(boolean)true')
    )


def token(role):
    made = GstRtspServer.RTSPToken()
    made.set_string('media.factory.role', role)
    return made


def cut(server):
    server.client_filter(close_client)


def close_client(_server, client, *_data):
    client.close()
    return GstRtspServer.RTSPFilterResult.KEEP


def command(line, server, loop):
    if line == 'stall':
        state['stalled'] = True
    elif line == 'resume':
        state['stalled'] = False
    elif line.startswith('show '):
        state['shown'] = int(line[5:])
    elif line == 'cut':
        cut(server)
    elif line.startswith('input '):
        _, name, inputs[name] = line.split(' ')
        for one in metadata_open.values():
            one.push(input_event(name, 'Changed'))
    elif line == 'gap':
        for one in metadata_open.values():
            one.sequence = (one.sequence + 3) & 0xFFFF
    elif line == 'flood':
        for one in metadata_open.values():
            for _ in range(2000):
                one.packet(b'<' + b'x' * PACKET_BYTES, False)
    elif line == 'quit':
        loop.quit()
    say(event='done', command=line)


def main():
    server = GstRtspServer.RTSPServer()
    server.set_address(options.host)
    server.set_service(str(options.port))
    factory = Factory(SHOWS)
    factory.set_shared(False)
    server.get_mount_points().add_factory(options.path, factory)
    if options.sub:
        server.get_mount_points().add_factory(f'{options.path}-sub', Factory(SUB_SHOWS))
    if options.user:
        authenticate(server, factory)
    loop = GLib.MainLoop()
    server.connect('client-connected', lambda *_: say(event='connected'))
    server.attach(None)

    pending = {'text': ''}

    def on_input(fd, condition):
        data = os.read(fd, 4096)
        if not data:
            loop.quit()
            return False
        pending['text'] += data.decode()
        *lines, pending['text'] = pending['text'].split('\n')
        for line in lines:
            command(line.strip(), server, loop)
        return True

    GLib.unix_fd_add_full(0, sys.stdin.fileno(), GLib.IOCondition.IN | GLib.IOCondition.HUP, on_input)
    say(event='ready', port=server.get_bound_port(), frames=LENGTH)
    loop.run()


main()
