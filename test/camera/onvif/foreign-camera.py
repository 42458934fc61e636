"""An ONVIF camera written with Python's own HTTP server, XML parser and hashes: nothing of Beffroi is in it.

Takes its settings as JSON in the first argument, prints its port, ends when standard input closes.
  auth       none | md5 | sha-256 | token | token-or-md5
  skew       seconds that its clock is ahead
  window     seconds of error that it takes in a token (default 5)
  absolute   true: takes absolute termination times alone
  grant      seconds that it grants at most
  misread    seconds that it grants whatever relative time is asked
  no_sync, no_renew   true: lacks SetSynchronizationPoint, Renew
GET /stats tells what it saw; POST /event?topic=…&state=… makes an event; POST /skew?seconds=… turns its clock;
POST /forget drops every subscription.
"""
import base64, datetime, hashlib, json, queue, re, secrets, socket, sys, threading, time, urllib.parse
import xml.etree.ElementTree as ET
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

settings = json.loads(sys.argv[1])
USER, PASSWORD = settings.get('user', ''), settings.get('password', '')
stats = {'calls': [], 'refused': 0, 'accepted': 0, 'anonymous': 0, 'problems': [], 'most_open': 0}
lock = threading.Lock()
nonces, seen_tokens, subscriptions, being_served = {}, set(), {}, []
skew = settings.get('skew', 0)

S = '{http://www.w3.org/2003/05/soap-envelope}'
A = '{http://www.w3.org/2005/08/addressing}'
SEC = '{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}'
UTL = '{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}'
TEV = '{http://www.onvif.org/ver10/events/wsdl}'
WSNT = '{http://docs.oasis-open.org/wsn/b-2}'
VENDOR = '{urn:example:camera}'
ACTIONS = {
    'CreatePullPointSubscription': 'http://www.onvif.org/ver10/events/wsdl/EventPortType/CreatePullPointSubscriptionRequest',
    'PullMessages': 'http://www.onvif.org/ver10/events/wsdl/PullPointSubscription/PullMessagesRequest',
    'SetSynchronizationPoint': 'http://www.onvif.org/ver10/events/wsdl/PullPointSubscription/SetSynchronizationPointRequest',
    'Renew': 'http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/RenewRequest',
    'Unsubscribe': 'http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/UnsubscribeRequest',
}


def now():
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=skew)


def iso(moment):
    return moment.strftime('%Y-%m-%dT%H:%M:%SZ')


def hung_up(connection):
    """Whether the peer has closed: its thread may not have noticed yet."""
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b''
    except BlockingIOError:
        return False
    except OSError:
        return True


class Fault(Exception):
    def __init__(self, code, reason, status=400):
        super().__init__(reason)
        self.code, self.reason, self.status = code, reason, status


def envelope(content):
    return ('<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope" '
            'xmlns:wsa5="http://www.w3.org/2005/08/addressing" xmlns:tt="http://www.onvif.org/ver10/schema" '
            'xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:tev="http://www.onvif.org/ver10/events/wsdl" '
            'xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2" xmlns:onv="http://www.onvif.org/ver10/topics" '
            'xmlns:ter="http://www.onvif.org/ver10/error" xmlns:wsse="%s" xmlns:vnd="urn:example:camera">'
            '<SOAP-ENV:Body>%s</SOAP-ENV:Body></SOAP-ENV:Envelope>') % (SEC[1:-1], content)


def fault(problem):
    return envelope('<SOAP-ENV:Fault><SOAP-ENV:Code><SOAP-ENV:Value>SOAP-ENV:Sender</SOAP-ENV:Value><SOAP-ENV:Subcode>'
                    '<SOAP-ENV:Value>%s</SOAP-ENV:Value></SOAP-ENV:Subcode></SOAP-ENV:Code><SOAP-ENV:Reason>'
                    '<SOAP-ENV:Text xml:lang="en">%s</SOAP-ENV:Text></SOAP-ENV:Reason></SOAP-ENV:Fault>' % (problem.code, problem.reason))


class Camera(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def reply(self, status, body, headers=()):
        data = body.encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header('Content-Type', 'application/soap+xml; charset=utf-8')
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        with lock:
            self.reply(200, json.dumps(stats))

    def do_POST(self):
        path, _, query = self.path.partition('?')
        asked = dict(urllib.parse.parse_qsl(query))
        body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        if path == '/event':
            for subscription in list(subscriptions.values()):
                subscription['queue'].put(message(asked['topic'], 'Changed', asked['state']))
            return self.reply(200, '')
        if path == '/skew':
            global skew
            skew = float(asked['seconds'])
            return self.reply(200, '')
        if path == '/forget':
            subscriptions.clear()
            return self.reply(200, '')
        with lock:
            being_served.append(self.connection)
            stats['most_open'] = max(stats['most_open'], sum(not hung_up(one) for one in being_served))
        try:
            self.soap(body)
        finally:
            with lock:
                being_served.remove(self.connection)

    def soap(self, body):
        try:
            root = ET.fromstring(body)
            element = root.find(S + 'Body')[0]
            method = element.tag.split('}')[1]
            with lock:
                stats['calls'].append(method)
            if method != 'GetSystemDateAndTime' and not self.logged_in(root):
                return
            self.reply(200, envelope(getattr(self, method)(root, element)))
        except Fault as problem:
            self.reply(problem.status, fault(problem))
        except AttributeError:
            self.reply(500, fault(Fault('ter:ActionNotSupported', 'no such method')))
        except Exception as problem:
            stats['problems'].append(repr(problem))
            self.reply(500, fault(Fault('ter:InvalidArgVal', 'bad request')))

    # Login

    def logged_in(self, root):
        auth = settings['auth']
        if auth == 'none':
            return True
        token = root.find(f'{S}Header/{SEC}Security/{SEC}UsernameToken')
        if auth.startswith('token') and token is not None:
            self.check_token(token)
            stats['accepted'] += 1
            return True
        header = self.headers.get('Authorization')
        algorithm = 'SHA-256' if auth == 'sha-256' else 'MD5'
        if auth != 'token' and header and self.digest_is_good(header, algorithm):
            stats['accepted'] += 1
            return True
        with lock:
            stats['refused' if header or token is not None else 'anonymous'] += 1
        if auth == 'token':
            raise Fault('ter:NotAuthorized', 'Sender not Authorized', 400)
        nonce = secrets.token_hex(16)
        nonces[nonce] = 0
        challenge = f'Digest realm="IP camera, gate \\"3\\"", qop="auth", nonce="{nonce}", algorithm={algorithm}, opaque="xyz"'
        self.reply(401, '<html>Unauthorized</html>', [('WWW-Authenticate', challenge)])
        return False

    def digest_is_good(self, header, algorithm):
        fields = {key: re.sub(r'\\(.)', r'\1', quoted) or bare for key, quoted, bare in
                  re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))', header.encode('latin-1').decode('utf-8'))}
        h = lambda text: (hashlib.sha256 if algorithm == 'SHA-256' else hashlib.md5)(text.encode()).hexdigest()
        raw_realm = 'IP camera, gate \\"3\\"'
        count = int(fields.get('nc', '0'), 16)
        if fields.get('nonce') not in nonces or count <= nonces[fields['nonce']] or fields.get('uri') != self.path:
            stats['problems'].append('bad nonce, count or uri: ' + header)
            return False
        nonces[fields['nonce']] = count
        tail = ':'.join([fields['nonce'], fields['nc'], fields['cnonce'], fields['qop'], h('POST:' + self.path)])
        good = [h(h(f'{USER}:{realm}:{PASSWORD}') + ':' + tail) for realm in (raw_realm, raw_realm.replace('\\', ''))]
        return fields.get('username') == USER and fields.get('opaque') == 'xyz' and fields.get('response') in good

    def check_token(self, token):
        nonce, created = token.findtext(SEC + 'Nonce'), token.findtext(UTL + 'Created')
        digest = base64.b64encode(hashlib.sha1(base64.b64decode(nonce) + created.encode() + PASSWORD.encode()).digest()).decode()
        moment = datetime.datetime.fromisoformat(created.replace('Z', '+00:00'))
        problem = None
        if token.findtext(SEC + 'Username') != USER or token.findtext(SEC + 'Password') != digest:
            problem = Fault('ter:NotAuthorized', 'Sender not Authorized', 400)
        elif nonce in seen_tokens:
            problem = Fault('wsse:FailedAuthentication', 'replayed', 400)
        elif abs((now() - moment).total_seconds()) > settings.get('window', 5):
            problem = Fault('ter:NotAuthorized', 'Sender not Authorized', 400)
        seen_tokens.add(nonce)
        if problem:
            with lock:
                stats['refused'] += 1
            raise problem

    # Device

    def GetSystemDateAndTime(self, root, element):
        t = now()
        return ('<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>Manual</tt:DateTimeType><tt:UTCDateTime>'
                f'<tt:Time><tt:Hour>{t.hour}</tt:Hour><tt:Minute>{t.minute}</tt:Minute><tt:Second>{t.second}</tt:Second></tt:Time>'
                f'<tt:Date><tt:Year>{t.year}</tt:Year><tt:Month>{t.month}</tt:Month><tt:Day>{t.day}</tt:Day></tt:Date>'
                '</tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>')

    def GetDeviceInformation(self, root, element):
        return ('<tds:GetDeviceInformationResponse><tds:Manufacturer>Python</tds:Manufacturer><tds:Model>M</tds:Model>'
                '<tds:FirmwareVersion>1</tds:FirmwareVersion><tds:SerialNumber>2</tds:SerialNumber></tds:GetDeviceInformationResponse>')

    def GetServices(self, root, element):
        return ('<tds:GetServicesResponse><tds:Service><tds:Namespace>http://www.onvif.org/ver10/events/wsdl</tds:Namespace>'
                '<tds:XAddr>http://10.1.2.3/onvif/events?x=1</tds:XAddr></tds:Service></tds:GetServicesResponse>')

    # Events

    def addressed(self, root, method, to=None):
        header = root.find(S + 'Header')
        if header.findtext(A + 'Action') != ACTIONS[method]:
            stats['problems'].append(method + ': wrong action')
        if to and header.findtext(A + 'To') != to:
            stats['problems'].append(f'{method}: To is {header.findtext(A + "To")}')
        if not re.fullmatch(r'urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}', header.findtext(A + 'MessageID') or ''):
            stats['problems'].append(method + ': no message id')
        return header

    def subscription(self, root, method):
        identity = self.path.rsplit('/', 1)[1]
        subscription = subscriptions.get(identity)
        if subscription is None or subscription['end'] < now():
            subscriptions.pop(identity, None)
            raise Fault('wsrf-rw:ResourceUnknownFault', 'no such subscription', 500)
        header = self.addressed(root, method, subscription['to'])
        echoed = header.find(VENDOR + 'Key')
        if echoed is None or echoed.text != 'k&' + identity or echoed.find(VENDOR + 'Inner') is None:
            stats['problems'].append(method + ': reference parameters missing')
        elif echoed.get(A + 'IsReferenceParameter') != 'true':
            stats['problems'].append(method + ': reference parameter not marked')
        return identity, subscription

    def until(self, text):
        relative = re.fullmatch(r'PT(\d+)S', text or '')
        if relative and settings.get('absolute'):
            raise Fault('wsnt:UnacceptableInitialTerminationTimeFault', 'absolute times only', 400)
        if relative and 'misread' in settings:
            return now() + datetime.timedelta(seconds=settings['misread'])
        wanted = int(relative.group(1)) if relative else (datetime.datetime.fromisoformat(text.replace('Z', '+00:00')) - now()).total_seconds()
        return now() + datetime.timedelta(seconds=min(wanted, settings.get('grant', 600)))

    def CreatePullPointSubscription(self, root, element):
        self.addressed(root, 'CreatePullPointSubscription')
        end = self.until(element.findtext(TEV + 'InitialTerminationTime'))
        identity = secrets.token_hex(4)
        to = f'http://10.1.2.3:{self.server.server_port}/onvif/sub/{identity}'
        subscriptions[identity] = {'queue': queue.Queue(), 'end': end, 'to': to}
        return (f'<tev:CreatePullPointSubscriptionResponse><tev:SubscriptionReference><wsa5:Address>{to}</wsa5:Address>'
                f'<wsa5:ReferenceParameters><vnd:Key a="&lt;">k&amp;{identity}<vnd:Inner/></vnd:Key></wsa5:ReferenceParameters></tev:SubscriptionReference>'
                f'<wsnt:CurrentTime>{iso(now())}</wsnt:CurrentTime><wsnt:TerminationTime>{iso(end)}</wsnt:TerminationTime>'
                '</tev:CreatePullPointSubscriptionResponse>')

    def SetSynchronizationPoint(self, root, element):
        if settings.get('no_sync'):
            raise Fault('ter:ActionNotSupported', 'no', 400)
        _, subscription = self.subscription(root, 'SetSynchronizationPoint')
        subscription['queue'].put(message('onv:Device/Trigger/DigitalInput', 'Initialized', 'false'))
        return '<tev:SetSynchronizationPointResponse/>'

    def PullMessages(self, root, element):
        _, subscription = self.subscription(root, 'PullMessages')
        seconds = int(re.fullmatch(r'PT(\d+)S', element.findtext(TEV + 'Timeout')).group(1))
        messages = []
        try:
            messages.append(subscription['queue'].get(timeout=seconds))
            while len(messages) < int(element.findtext(TEV + 'MessageLimit')):
                messages.append(subscription['queue'].get_nowait())
        except queue.Empty:
            pass
        return (f'<tev:PullMessagesResponse><tev:CurrentTime>{iso(now())}</tev:CurrentTime>'
                f'<tev:TerminationTime>{iso(subscription["end"])}</tev:TerminationTime>{"".join(messages)}</tev:PullMessagesResponse>')

    def Renew(self, root, element):
        if settings.get('no_renew'):
            raise Fault('ter:ActionNotSupported', 'no', 400)
        _, subscription = self.subscription(root, 'Renew')
        subscription['end'] = self.until(element.findtext(WSNT + 'TerminationTime'))
        return (f'<wsnt:RenewResponse><wsnt:TerminationTime>{iso(subscription["end"])}</wsnt:TerminationTime>'
                f'<wsnt:CurrentTime>{iso(now())}</wsnt:CurrentTime></wsnt:RenewResponse>')

    def Unsubscribe(self, root, element):
        identity, _ = self.subscription(root, 'Unsubscribe')
        del subscriptions[identity]
        return '<wsnt:UnsubscribeResponse/>'


def message(topic, operation, state):
    return ('<wsnt:NotificationMessage><wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">'
            f'\n  {topic} </wsnt:Topic><wsnt:Message><tt:Message UtcTime="{iso(now())}" PropertyOperation="{operation}">'
            '<tt:Source><tt:SimpleItem Name="InputToken" Value="DI_0"/></tt:Source>'
            f'<tt:Data><tt:SimpleItem Name="LogicalState" Value="{state}"/></tt:Data></tt:Message></wsnt:Message></wsnt:NotificationMessage>')


server = ThreadingHTTPServer(('127.0.0.1', 0), Camera)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
