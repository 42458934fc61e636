/** Whose fault a failure is. Operators act on it, so it is chosen with care. */
export type Fault = 'configuration' | 'device' | 'peer' | 'uplink' | 'order' | 'ourselves';

export interface CodeEntry {
  readonly fault: Fault;
  /** True when trying again later, without anybody changing anything, can succeed. */
  readonly retryable: boolean;
  /** What happened, for the reference page. */
  readonly means: string;
  /** What the technician does about it. */
  readonly remedy: string;
}

/** Every error code of the product. `docs/reference/errors.md` is generated from this table. */
export const CODES = {
  // The box file, its keys and certificates.
  'box-file-unreadable': {
    fault: 'configuration',
    retryable: false,
    means: 'The box file cannot be read.',
    remedy: 'Check the path and that the service account may read it.',
  },
  'box-file-invalid': {
    fault: 'configuration',
    retryable: false,
    means: 'The box file is not JSON, or has a wrong, missing or unknown key.',
    remedy: 'Correct each path that the message lists.',
  },
  'key-file-unreadable': {
    fault: 'configuration',
    retryable: true,
    means: 'A key, certificate or keyring file that the box file names cannot be read or used.',
    remedy: 'Install the file of the enrolment again, readable by the service account alone.',
  },
  'runtime-folder-unusable': {
    fault: 'configuration',
    retryable: true,
    means:
      'The folder for the sockets of the running agent cannot be made or written, or its path is too long.',
    remedy: 'Name a short folder in runtimeFolder that the service account may write, such as /run/beffroi.',
  },
  'certificate-expired': {
    fault: 'configuration',
    retryable: true,
    means: "The box's certificate is past its end or not yet valid.",
    remedy: 'Renew the certificate at the CSU and check the clock of the box.',
  },

  // Orders and central configuration.
  'order-unsigned': {
    fault: 'order',
    retryable: false,
    means: 'The order is not a JWS in the General JSON form, or carries no usable signature.',
    remedy: 'Sign orders with beffroi-csu.',
  },
  'order-bad-signature': {
    fault: 'order',
    retryable: false,
    means: 'No signature of the order verifies with a key of the keyring.',
    remedy: 'Find out who sent it: it is forged, altered on the way, or signed by a retired key.',
  },
  'order-wrong-role': {
    fault: 'order',
    retryable: false,
    means: 'The signature is good, but its key may not give this kind of order.',
    remedy: 'Sign with a key that carries the role.',
  },
  'order-wrong-audience': {
    fault: 'order',
    retryable: false,
    means: 'The order is addressed to another box.',
    remedy: 'Sign the order for this site.',
  },
  'order-expired': {
    fault: 'order',
    retryable: false,
    means: 'The end of validity of the order has passed.',
    remedy: 'Sign it anew; check the clocks of the box and of the CSU.',
  },
  'order-not-yet-valid': {
    fault: 'order',
    retryable: false,
    means: 'The order was issued in the future of the clock of the box.',
    remedy: 'Check the clocks of the box and of the CSU.',
  },
  'order-replayed': {
    fault: 'order',
    retryable: false,
    means: 'An order with this unique id was already taken.',
    remedy: 'Send a new order; if nobody sent the second one, find out who replays.',
  },
  'order-retained': {
    fault: 'order',
    retryable: false,
    means: 'A command or a receipt came as a retained message; they are never retained.',
    remedy: 'Clear the retained message on the broker and publish without retain.',
  },
  'receipt-altered': {
    fault: 'order',
    retryable: true,
    means:
      'A receipt is signed for an event with other bytes than those that left the box: a copy was altered on its way.',
    remedy:
      'Find out who rules the broker. The event stays in the box and is sent again; at the centre compare the lines of its id.',
  },
  'receipt-flood': {
    fault: 'order',
    retryable: true,
    means: 'More receipts come than any receiver sends; those above the limit are not looked at.',
    remedy:
      'Find out who publishes on ack/receipt: the receiver of the CSU alone may. Events wait in the box meanwhile.',
  },
  'order-older-version': {
    fault: 'order',
    retryable: false,
    means: 'The version of the configuration is not higher than the highest one taken.',
    remedy: 'Sign the configuration with a higher version.',
  },
  'order-invalid': {
    fault: 'order',
    retryable: false,
    means: 'The signed content breaks its schema.',
    remedy: 'Correct each path that the message lists.',
  },
  'order-too-large': {
    fault: 'order',
    retryable: false,
    means: 'The message is above the size that the box takes.',
    remedy: 'Find out who publishes it; a genuine order is far smaller.',
  },
  'order-clock-untrusted': {
    fault: 'order',
    retryable: true,
    means: 'The clock of the box is not trusted, so the end of validity of a command cannot be judged.',
    remedy: 'Restore the time source of the box, then send the command again.',
  },
  'order-unknown-target': {
    fault: 'order',
    retryable: false,
    means: 'The command names a camera that the configuration does not hold.',
    remedy: 'Name a camera of the configuration in force.',
  },
  'order-out-of-bounds': {
    fault: 'order',
    retryable: false,
    means: 'The order asks for more than the configuration allows, such as an alarm shelved for too long.',
    remedy: 'Give the order with a value within the bounds that the message names.',
  },
  'partner-consent': {
    fault: 'order',
    retryable: false,
    means:
      'The configuration makes a camera that this box has known as a partner’s anything else, moves it, or widens the terms of its leases, without the signed consent of that partner.',
    remedy:
      'Have the partner sign it (beffroi-csu partner consent) and sign the configuration with its statement.',
  },
  'order-busy': {
    fault: 'order',
    retryable: true,
    means: 'The box works on as many commands as it takes at a time.',
    remedy: 'Wait for the end of the others, then send a new order.',
  },
  'order-wrong-regime': {
    fault: 'order',
    retryable: false,
    means:
      'The order is for another regime or delivery than that of the camera: views are for cameras delivered on demand, leases for cameras of a partner, missions and restarts for cameras that are not.',
    remedy: 'Look up the regime of the camera; no order changes it.',
  },
  'camera-disabled': {
    fault: 'order',
    retryable: false,
    means: 'The order is for a camera that the configuration switches off.',
    remedy: 'Set enabled to true in its entry, or leave it out of the order.',
  },
  'order-unknown-channel': {
    fault: 'order',
    retryable: false,
    means: 'The view or lease that the order names is not open, or not that of this camera or partner.',
    remedy: 'Name the id of the order that opened it; it may have been closed meanwhile.',
  },
  'channel-too-long': {
    fault: 'order',
    retryable: false,
    means: 'The end is further away than a view or lease may last.',
    remedy: 'Ask for an earlier end; a longer need is asked for again.',
  },
  'channel-over': {
    fault: 'order',
    retryable: false,
    means: 'The end that the order asks for has passed.',
    remedy: 'Sign a new order with a later end; check the clocks.',
  },
  'channel-open': {
    fault: 'order',
    retryable: true,
    means: 'A lease of this camera is open for this recipient, or as many views of it as it takes.',
    remedy: 'Use the one that is open, or close it first.',
  },
  'lease-none': {
    fault: 'order',
    retryable: false,
    means: 'The camera is that of a partner, and no lease of it is open: nothing asks it for pictures.',
    remedy: 'None: that is as it should be. The partner opens it when it is needed.',
  },
  'lease-wrong-partner': {
    fault: 'order',
    retryable: false,
    means: 'A partner signed, but not the one whose camera it is.',
    remedy: 'Have the owner of the camera sign; check the keys of the partner in the configuration.',
  },
  'lease-recipient': {
    fault: 'order',
    retryable: false,
    means:
      'The convention does not name this recipient, or the recipient has another key than the lease says.',
    remedy: 'Check the recipients of the configuration and their keys at the partner.',
  },
  'lease-operator': {
    fault: 'order',
    retryable: false,
    means: 'The named operator is not on the list of the recipient, or the approval does not hold now.',
    remedy: 'Name an approved operator; keep the list of the configuration up to date.',
  },
  'lease-reason': {
    fault: 'order',
    retryable: false,
    means: 'The convention does not allow this reason.',
    remedy: 'Name one of the reasons of the convention.',
  },
  'lease-convention': {
    fault: 'order',
    retryable: false,
    means: 'The convention with the partner is not in force now.',
    remedy: 'Renew the convention and its dates in the configuration.',
  },
  'lease-hours': {
    fault: 'order',
    retryable: false,
    means: 'It is outside of the hours that the convention allows.',
    remedy: 'None outside of the hours; they are part of the convention.',
  },
  'lease-not-safe': {
    fault: 'order',
    retryable: true,
    means:
      'The box cannot make sure that the lease is new and can be closed: its disk refuses, its memory is younger than the lease, or the link to the centre is lost.',
    remedy: 'Mend what beffroi status shows, then have the partner sign a new lease.',
  },
  'channel-closed': {
    fault: 'order',
    retryable: true,
    means: 'The video process refused the lease or closed it at once, or it was closed before it was open.',
    remedy: 'Read the message; have the partner sign a new lease.',
  },
  'secret-unopenable': {
    fault: 'order',
    retryable: false,
    means: 'A sealed credential does not open with the key of this box.',
    remedy: 'Seal the credential to the public key of this box.',
  },
  'command-timeout': {
    fault: 'ourselves',
    retryable: true,
    means: 'The command did not end within its time and was given up.',
    remedy: 'Look at the health of the camera, then send a new order.',
  },
  'command-interrupted': {
    fault: 'ourselves',
    retryable: true,
    means: 'The agent stopped before the command had ended.',
    remedy: 'Send a new order.',
  },
  'keyring-invalid': {
    fault: 'configuration',
    retryable: false,
    means:
      'The keyring is damaged, not signed by the authority key, or older than one that the box has begun with.',
    remedy: 'Install the newest keyring of the CSU.',
  },

  // The technician's side at the CSU.
  'command-line-invalid': {
    fault: 'configuration',
    retryable: false,
    means: 'The command line names an unknown command, lacks an option or has a wrong one.',
    remedy: 'Correct it as the message says; --help lists the commands.',
  },
  'csu-folder-unusable': {
    fault: 'configuration',
    retryable: false,
    means: 'A folder of the CSU is missing, incomplete, or exists already where a new one is to be made.',
    remedy: 'Name the right folder; nothing is ever overwritten.',
  },
  'receiver-archive-unusable': {
    fault: 'configuration',
    retryable: false,
    means: 'The archive of the receiver cannot be opened, is damaged, or another receiver works with it.',
    remedy: 'End the other receiver, or restore the file from its backup; no receipt is signed meanwhile.',
  },
  'event-conflict': {
    fault: 'uplink',
    retryable: false,
    means: 'The receiver was brought two events with one id and different bytes: one was altered on its way.',
    remedy:
      'Both are kept and printed, the later one with its number in copy. Find out who rules the broker; the box that has told receipt-altered meant the first of them.',
  },
  'box-silent': {
    fault: 'uplink',
    retryable: true,
    means: 'The box did not answer in time.',
    remedy: 'Check with beffroi-csu watch that the box is online.',
  },

  // The store.
  'store-unavailable': {
    fault: 'ourselves',
    retryable: true,
    means: 'The state folder cannot be written or is full; alarms are kept in memory meanwhile.',
    remedy: 'Free space or restore the rights of the state folder.',
  },
  'store-damaged': {
    fault: 'ourselves',
    retryable: false,
    means: 'The database was damaged; it was set aside and a new one begun.',
    remedy: 'Keep the file that was set aside; check the flash storage of the box.',
  },
  'camera-unauthorised': {
    fault: 'configuration',
    retryable: false,
    means: 'The authorisation of the prefect for this camera is over (law.authorisation).',
    remedy: 'Have it renewed and put its new end into the configuration, or disable the camera.',
  },
  'camera-law-breach': {
    fault: 'device',
    retryable: true,
    means: 'The camera gives pictures, but does not keep to its legal profile.',
    remedy: 'See its state `law`: set the camera right, or have the authorisation renewed.',
  },
  'report-unwritable': {
    fault: 'configuration',
    retryable: true,
    means: 'The files of the report cannot be written.',
    remedy: 'Name with --out a folder that exists and that the account may write.',
  },
  'outbox-overflow': {
    fault: 'ourselves',
    retryable: true,
    means: 'More events wait for the broker than the box may keep; the oldest are dropped.',
    remedy: 'Restore the link to the broker; the missing numbers of the events say what was lost.',
  },

  // The uplink.
  'broker-unreachable': {
    fault: 'uplink',
    retryable: true,
    means: 'The broker does not accept a TCP connection.',
    remedy: 'Check the backbone, the address in the box file, and the broker.',
  },
  'broker-silent': {
    fault: 'uplink',
    retryable: true,
    means: 'The broker accepted the connection but does not answer in time.',
    remedy: 'Check the broker and whatever stands between it and the box.',
  },
  'broker-refused': {
    fault: 'uplink',
    retryable: true,
    means: 'The broker refused the session.',
    remedy: 'Check that the certificate of the box is known to the broker and not revoked.',
  },
  'broker-tls-refused': {
    fault: 'uplink',
    retryable: true,
    means: 'TLS failed: another certification authority, another name, or a client certificate refused.',
    remedy: 'Check the authority file of the box and the certificate of the broker.',
  },
  'broker-protocol': {
    fault: 'uplink',
    retryable: true,
    means: 'What answers at the address of the broker speaks no MQTT (or no TLS), or breaks it.',
    remedy:
      'Check address and port in the box file: the message says what came, such as the answer of a web server.',
  },
  'broker-closed': {
    fault: 'uplink',
    retryable: true,
    means: 'The broker closed the session.',
    remedy: 'Look for another client with the same identity, then at the log of the broker.',
  },
  'message-too-large': {
    fault: 'ourselves',
    retryable: false,
    means:
      'A message of our own is above what the broker accepts and was not sent. An alarm stays in the box until a broker takes it; anything else is given up and counted.',
    remedy: 'Raise the maximum packet size of the broker (max_packet_size of Mosquitto).',
  },

  // Destinations of pictures.
  'destination-unreachable': {
    fault: 'uplink',
    retryable: true,
    means: 'The destination does not accept a connection.',
    remedy: 'Check the backbone, the address in the configuration, and the media server.',
  },
  'destination-connecting': {
    fault: 'uplink',
    retryable: true,
    means: 'Pictures came while the box was still connecting to the destination.',
    remedy: 'None: it is over as soon as the destination answers.',
  },
  'destination-silent': {
    fault: 'uplink',
    retryable: true,
    means: 'The destination accepted the connection but does not answer, or does not read.',
    remedy: 'Look at the load and the log of the media server, and at what stands between it and the box.',
  },
  'destination-closed': {
    fault: 'uplink',
    retryable: true,
    means: 'The destination closed the connection.',
    remedy: 'None if rare; otherwise look at the log of the media server.',
  },
  'destination-login-refused': {
    fault: 'uplink',
    retryable: true,
    means: 'The destination refused the login, or asked for the password in clear.',
    remedy: 'Correct the credentials of the destination in the configuration.',
  },
  'destination-refused': {
    fault: 'uplink',
    retryable: true,
    means: 'The destination understood the request and refused it.',
    remedy: 'Read what it says in the message; check the path and the rights at the media server.',
  },
  'destination-protocol': {
    fault: 'uplink',
    retryable: true,
    means: 'The destination sent something that breaks the protocol.',
    remedy: 'Check that a media server listens at the address of the configuration.',
  },
  'destination-certificate': {
    fault: 'uplink',
    retryable: true,
    means:
      'The TLS certificate of the destination is not the one that is pinned, or not signed by the authority.',
    remedy: 'Pin the certificate of the media server, or have it signed by the authority of the centre.',
  },
  'backbone-budget': {
    fault: 'uplink',
    retryable: true,
    means:
      'The budget of the backbone is short: the channel is paused, for its priority is not among those that fit.',
    remedy:
      'Lower the bit rate of cameras, raise the budget or the priority in the configuration; a mission raises it for a time.',
  },
  'credit-too-small': {
    fault: 'configuration',
    retryable: true,
    means:
      'Pictures of the camera are larger than what may wait for a destination (video.creditKb): they never get there, and what follows is dropped up to the next key picture that fits.',
    remedy:
      'Raise video.creditKb above the largest key picture (9216 is above all that are read), or lower the quality, the bit rate or the resolution of the camera.',
  },
  'destination-slow': {
    fault: 'uplink',
    retryable: true,
    means:
      'The destination takes pictures more slowly than they come; up to the next key picture they are dropped.',
    remedy: 'Check the rate of the line and the load of the destination; lower the bit rate of the camera.',
  },

  // Cameras.
  'camera-unreachable': {
    fault: 'device',
    retryable: true,
    means: 'The camera does not answer on the network.',
    remedy: 'Check its power, its cable and the switch.',
  },
  'camera-port-closed': {
    fault: 'device',
    retryable: true,
    means: 'The camera answers on the network but refuses the port.',
    remedy: 'Check the port in the configuration and the services turned on in the camera.',
  },
  'camera-slow': {
    fault: 'device',
    retryable: true,
    means: 'The camera began to answer and did not come to the end of it in time.',
    remedy: 'Check its load and the link to it; restart the camera.',
  },
  'camera-unsteady': {
    fault: 'device',
    retryable: true,
    means: 'The camera answers some connections and cuts or leaves others, again and again.',
    remedy: 'Check its load, its other clients and its cable; update its firmware.',
  },
  'camera-silent': {
    fault: 'device',
    retryable: true,
    means: 'The camera accepted the connection but did not answer in time.',
    remedy: 'Restart the camera; check its load.',
  },
  'camera-login-refused': {
    fault: 'device',
    retryable: true,
    means: 'The camera refused the login.',
    remedy: 'Correct the credentials in the configuration.',
  },
  'camera-latched': {
    fault: 'device',
    retryable: false,
    means: 'Three logins were refused for this credential version; no more are tried.',
    remedy: 'Push a configuration with a new credential version.',
  },
  'camera-connection-limit': {
    fault: 'ourselves',
    retryable: true,
    means: 'Every connection that the box may open to this camera is in use.',
    remedy: 'None: the box tries again. Raise the limit if the camera allows more.',
  },
  'camera-request-limit': {
    fault: 'ourselves',
    retryable: true,
    means: 'The box has asked this camera as often as it may for now.',
    remedy: 'None: the box asks again later. Tell the developers where it lasts.',
  },
  'camera-busy': {
    fault: 'device',
    retryable: true,
    means: 'The camera refused because it serves too many clients already.',
    remedy: 'Close other viewers of this camera or raise its limit.',
  },
  'camera-clock-refused': {
    fault: 'device',
    retryable: true,
    means: 'The camera refused the login because of its clock.',
    remedy: 'Set the time source of the camera.',
  },
  'camera-protocol': {
    fault: 'peer',
    retryable: true,
    means: 'The camera sent something that breaks the protocol.',
    remedy: 'Note maker and firmware; look for a newer firmware.',
  },
  'camera-too-large': {
    fault: 'peer',
    retryable: true,
    means: 'An answer of the camera is above the size that the box takes.',
    remedy: 'Note maker and firmware; look for a newer firmware.',
  },
  'camera-redirected': {
    fault: 'peer',
    retryable: false,
    means: 'The camera sent the box to another address; the box does not follow.',
    remedy: 'Put the right address in the configuration; find out why the camera redirects.',
  },
  'camera-not-found': {
    fault: 'device',
    retryable: true,
    means: 'The camera does not know the stream that was asked for.',
    remedy: 'Correct the stream address or profile in the configuration.',
  },
  'camera-unsupported': {
    fault: 'device',
    retryable: false,
    means: 'The camera lacks the service or function.',
    remedy: 'Turn it on in the camera or remove it from the configuration.',
  },
  'camera-fault': {
    fault: 'device',
    retryable: true,
    means: 'The camera understood the request and answered that it failed.',
    remedy: 'Read what the camera says in the message; restart the camera if it lasts.',
  },
  'camera-no-video': {
    fault: 'device',
    retryable: true,
    means: 'The stream has no H.264 or H.265 video track.',
    remedy: 'Set the encoder of the camera to H.264 or H.265.',
  },
  'camera-stalled': {
    fault: 'device',
    retryable: true,
    means: 'The stream is open, but no picture arrives on the video track.',
    remedy: 'Restart the camera; check its load. The message says what still came from it.',
  },
  'camera-path-lost': {
    fault: 'device',
    retryable: true,
    means:
      'The stream fell silent, and what the box sends to the camera is not acknowledged: the way between them is cut.',
    remedy:
      'Check the link, the switch and the firewall between the camera and the box, then the power of the camera.',
  },
  'camera-udp-blocked': {
    fault: 'device',
    retryable: true,
    means: 'The camera agreed to send its pictures over UDP, and no packet of it arrives.',
    remedy: 'Open the way for UDP between the camera and the box, or set transport to tcp or udp-or-tcp.',
  },
  'camera-metadata-lost': {
    fault: 'device',
    retryable: true,
    means:
      'The metadata track of the stream lost packets, fell silent, or brought too much; events are taken from a subscription.',
    remedy: 'None if rare; otherwise look at the metadata settings of the camera and at the link.',
  },
  'camera-closed': {
    fault: 'device',
    retryable: true,
    means: 'The camera closed the stream.',
    remedy: 'None if rare; otherwise look at the log of the camera.',
  },
  'camera-insecure-login': {
    fault: 'device',
    retryable: false,
    means:
      'The camera asks for the password in clear, and no pinned certificate shows that it is the camera.',
    remedy: 'Turn on digest login in the camera, or TLS, and pin its certificate (certificateSha256).',
  },
  'camera-certificate': {
    fault: 'device',
    retryable: true,
    means: 'The TLS certificate of the camera is not the one that is pinned.',
    remedy: 'If the camera was replaced, pin its new certificate; otherwise find out who answers.',
  },
  'camera-low-rate': {
    fault: 'device',
    retryable: true,
    means: 'The stream brings fewer pictures per second than the configuration asks for.',
    remedy: 'Check the encoder settings and the load of the camera.',
  },
  'camera-no-key-picture': {
    fault: 'device',
    retryable: true,
    means:
      'Pictures come, but for a minute none with which decoding can begin: no IDR, or parameter sets are missing. A destination that begins gets nothing.',
    remedy:
      'Set a key picture (I, IDR) every few seconds in the encoder of the camera, and switch off gradual refresh (intra refresh).',
  },
  'camera-substream-down': {
    fault: 'device',
    retryable: true,
    means: 'The main stream of the camera is well, and its sub-stream does not come.',
    remedy: 'Check substream in the configuration, and the encoder and the limit of streams in the camera.',
  },
  'camera-loss': {
    fault: 'device',
    retryable: true,
    means: 'Packets of the stream are missing or pictures damaged.',
    remedy: 'Check the link between the camera and the box.',
  },
  'camera-time-source': {
    fault: 'device',
    retryable: false,
    means: 'The camera takes its time from another server than the configuration orders, or is set by hand.',
    remedy: 'Set the time servers of the camera to those of health.timeServers.',
  },
  'camera-clock-zone': {
    fault: 'device',
    retryable: true,
    means:
      'The clock of the camera is off by whole or half hours: its time zone or daylight saving is wrong.',
    remedy: 'Set time zone and daylight saving in the camera, and its NTP server.',
  },
  'camera-moved': {
    fault: 'device',
    retryable: true,
    means: 'The device of a camera answers at another address than the configuration says.',
    remedy:
      'Find out who changed its address: set it back on the camera, or push a configuration with the new one.',
  },
  'device-unknown': {
    fault: 'device',
    retryable: true,
    means: 'A device that is not in the configuration answers to discovery on the network of the cameras.',
    remedy:
      'Find it by its address and hardware address on the switch. Remove it, take it into the configuration, or name it in inventory.expected.',
  },
  'camera-swapped': {
    fault: 'device',
    retryable: false,
    means: 'Another device answers at the address of the camera: its serial number is not the expected one.',
    remedy:
      'If it was replaced, put the new serial number into the configuration; otherwise find out who changed it.',
  },
  'repair-not-confirmed': {
    fault: 'device',
    retryable: true,
    means: 'The camera whose repair was to be confirmed is not well.',
    remedy: 'Read what is still wrong in the answer; confirm again when it is mended.',
  },
  'camera-clock-offset': {
    fault: 'device',
    retryable: true,
    means: 'The clock of the camera is off by more than the limit.',
    remedy: 'Set the time source of the camera.',
  },

  // Equipment of the building: input modules, UPS, brokers of connected objects.
  // Pictures of cameras.
  'picture-black': {
    fault: 'device',
    retryable: true,
    means: 'The picture of the camera is black.',
    remedy: 'Go and see: lens cap, paint, a dead imager or lens motor; at night, whether its lamps work.',
  },
  'picture-uniform': {
    fault: 'device',
    retryable: true,
    means: 'The picture of the camera is one plain colour: nothing can be seen on it.',
    remedy: 'Check the imager, or the camera behind the converter; see whether something covers the lens.',
  },
  'picture-overexposed': {
    fault: 'device',
    retryable: true,
    means: 'Most of the picture of the camera is white.',
    remedy: 'Check exposure and iris; see whether a lamp shines into the lens.',
  },
  'picture-frozen': {
    fault: 'device',
    retryable: true,
    means: 'The camera sends the same picture over and over.',
    remedy: 'Restart the camera.',
  },
  'picture-covered': {
    fault: 'device',
    retryable: true,
    means: 'Something has been in front of a large part of the view for long.',
    remedy: 'Go and see: cloth, paint, snow, a branch, a vehicle; confirm the view if it stays so.',
  },
  'picture-defocused': {
    fault: 'device',
    retryable: true,
    means: 'The picture of the camera is out of focus, or the lens is dirty or misted.',
    remedy: 'Clean the lens and focus it.',
  },
  'picture-turned': {
    fault: 'device',
    retryable: true,
    means: 'The camera shows another view than the one that was learnt.',
    remedy: 'Turn the camera back; confirm the view if it is meant to be so.',
  },
  'picture-noisy': {
    fault: 'device',
    retryable: true,
    means: 'The picture of the camera is much noisier than usual in this light.',
    remedy: 'Check power supply, cable and imager; at night, the lamps.',
  },
  'picture-undecodable': {
    fault: 'peer',
    retryable: true,
    means: 'A key frame of the camera cannot be decoded, so its pictures are not checked.',
    remedy: 'Choose another encoder setting of the camera (H.264 or H.265, 8 bit, 4:2:0).',
  },
  'picture-decoder-missing': {
    fault: 'configuration',
    retryable: true,
    means: 'The box has no ffmpeg, so no picture is checked.',
    remedy: 'Install ffmpeg on the box, or name it in the box file ("decoder").',
  },
  'picture-decoder-failed': {
    fault: 'ourselves',
    retryable: true,
    means: 'ffmpeg was late, crashed or sent too much, so the picture was not checked.',
    remedy: 'See the load of the box; update ffmpeg.',
  },

  // Equipment of the building: input modules, UPS.
  'equipment-unreachable': {
    fault: 'device',
    retryable: true,
    means: 'An input module, the server of a UPS or a broker of the building does not answer at its address.',
    remedy: 'Check its power, its cable and the switch; check the address in the configuration.',
  },
  'equipment-port-closed': {
    fault: 'device',
    retryable: true,
    means: 'The equipment answers, but refuses the connection to its port.',
    remedy:
      'Check the port in the configuration and that the service runs (Modbus TCP; upsd with LISTEN; MQTT).',
  },
  'equipment-silent': {
    fault: 'device',
    retryable: true,
    means: 'The equipment takes the connection and then does not answer in time.',
    remedy: 'Restart it; look for another master that keeps it busy.',
  },
  'equipment-closed': {
    fault: 'device',
    retryable: true,
    means: 'The equipment cut the connection.',
    remedy: 'Nothing if it is rare; otherwise look for another client, or a limit of connections.',
  },
  'equipment-login-refused': {
    fault: 'device',
    retryable: true,
    means:
      'The server of the UPS, or the broker, wants a name and password, or refuses those of the configuration.',
    remedy: 'Correct the credentials in the configuration, or the rights at the server.',
  },
  'equipment-protocol': {
    fault: 'peer',
    retryable: true,
    means: 'What the equipment answers breaks its protocol.',
    remedy: 'Check that address, port and unit are those of the equipment; update its firmware.',
  },
  'equipment-refused': {
    fault: 'device',
    retryable: true,
    means: 'The broker of the building refuses the session; the message says why.',
    remedy: 'Look at the log of that broker: limit of connections, list of client ids.',
  },
  'equipment-tls-refused': {
    fault: 'device',
    retryable: true,
    means:
      'TLS with the broker of the building failed: another authority, another name, or an expired certificate.',
    remedy: 'Correct "tls" of the broker in the configuration, or its certificate.',
  },
  'object-topic-refused': {
    fault: 'device',
    retryable: true,
    means: 'The broker of the building does not let the box hear the topic of an object.',
    remedy: 'Grant the user of the box reading of this topic at that broker.',
  },
  'object-unreadable': {
    fault: 'peer',
    retryable: true,
    means:
      'What an object sent cannot be read by its entry: no text, no JSON, no value, or no number where one is needed.',
    remedy: 'Compare what the object sends with its topic and pointer in the configuration.',
  },
  'object-too-large': {
    fault: 'peer',
    retryable: true,
    means: 'A message of an object is above the size that the configuration allows, and was thrown away.',
    remedy: 'Find out what publishes on the topic; raise maxPayloadBytes if it is meant.',
  },
  'object-flood': {
    fault: 'device',
    retryable: true,
    means:
      'An object sends more messages than the configuration allows; of the surplus breaches of a rule and the last value are judged, and how many were passed over is told.',
    remedy: 'Set a slower pace in the object; find out what publishes on the topic.',
  },
  'point-crowded': {
    fault: 'device',
    retryable: true,
    means:
      'More conditions of one point hold at a time than the box tells apart; those beyond count as one, which does not end by itself.',
    remedy: 'Divide the point by input, zone or area; look at what the source sends. Then close the alarm.',
  },
  'object-silent': {
    fault: 'device',
    retryable: true,
    means: 'No value came from an object within its time.',
    remedy: 'Check the battery and the radio of the object, then its gateway.',
  },
  'module-exception': {
    fault: 'device',
    retryable: true,
    means: 'The input module refuses a question; the message says which and why.',
    remedy: 'Check unit and addresses of the points: they begin at zero.',
  },
  'ups-not-found': {
    fault: 'device',
    retryable: true,
    means: 'The NUT server knows no UPS of this name.',
    remedy: 'Correct the name: `upsc -l` at the server lists them.',
  },
  'ups-data-stale': {
    fault: 'device',
    retryable: true,
    means: 'The NUT server no longer hears the UPS: its driver is away or its data are old.',
    remedy: 'Check the cable between UPS and server, then the driver.',
  },
  'ups-refused': {
    fault: 'device',
    retryable: true,
    means: 'The NUT server refuses to tell the state of the UPS; the message says why.',
    remedy: 'Check the server with `upsc`.',
  },

  // Alarm panels.
  'panel-port-unavailable': {
    fault: 'configuration',
    retryable: true,
    means: 'The box cannot listen for alarm panels on the address and port of the configuration.',
    remedy:
      'Correct the address (one of the box, on the network of the building) or the port; see what else uses it.',
  },
  'panel-silent': {
    fault: 'device',
    retryable: true,
    means: 'Nothing came from an account of an alarm panel within its supervision time.',
    remedy: 'Check the power and the network of the panel, and the receiver address set in it.',
  },
  'panel-account-unknown': {
    fault: 'device',
    retryable: true,
    means: 'A message came for an account that the configuration does not hold; it was not acknowledged.',
    remedy: 'Add the account to the panel in the configuration, or find out who sends.',
  },
  'panel-unencrypted': {
    fault: 'device',
    retryable: true,
    means: 'A message came in clear for an account that has a key; it was not taken.',
    remedy: 'Turn on encryption in the panel; if it is on, find out who sends.',
  },
  'panel-key-wrong': {
    fault: 'device',
    retryable: true,
    means: 'An encrypted message does not open with the key of its account, or the account has none.',
    remedy: 'Set the same key in the panel and in the configuration.',
  },
  'panel-clock-offset': {
    fault: 'device',
    retryable: true,
    means:
      'The time stamp of an encrypted message lies outside the window; the panel was told the time of the box.',
    remedy: 'Set the time source of the panel; check the clock of the box.',
  },
  'panel-protocol': {
    fault: 'peer',
    retryable: true,
    means: 'A message of an alarm panel cannot be read: damaged, or of another form than DC-09.',
    remedy: 'Note maker and firmware; check the format set in the panel (SIA-DCS or ADM-CID over DC-09).',
  },

  // The box and the network of its cameras, as alarms.
  'camera-network-down': {
    fault: 'device',
    retryable: true,
    means: 'No camera of the box answers any more.',
    remedy: 'Check the switch and the power that the cameras share, then the link between it and the box.',
  },
  'link-lost': {
    fault: 'uplink',
    retryable: true,
    means:
      'The box has had no link to the centre for longer than its point allows. Told when the link is back.',
    remedy: 'Check the backbone; the message of the link says what failed.',
  },
  'backbone-slow': {
    fault: 'uplink',
    retryable: true,
    means: 'The broker answers later than the limit allows, over two windows.',
    remedy: 'Check the load of the backbone and its path, then the broker.',
  },
  'backbone-lossy': {
    fault: 'uplink',
    retryable: true,
    means: 'More of what is sent to the broker is lost on the way than the limit allows, over two windows.',
    remedy: 'Check radio links, fibres and switches of the backbone, and the duplex mode of their ports.',
  },
  'backbone-full': {
    fault: 'uplink',
    retryable: true,
    means: 'The line to the broker does not take what the box has to send, over two windows.',
    remedy: 'Give the line more room, or set the budget of the backbone and the priorities of the cameras.',
  },
  'disk-worn': {
    fault: 'ourselves',
    retryable: true,
    means: 'The disk of the state folder has used up more of its life than the limit.',
    remedy: 'Replace the disk, or the box, before it fails.',
  },
  'disk-nearly-full': {
    fault: 'ourselves',
    retryable: true,
    means: 'The disk of the state folder has less free space than the limit.',
    remedy: 'Free space: logs, packages, databases that were set aside.',
  },
  'box-unread': {
    fault: 'ourselves',
    retryable: true,
    means: 'Packets of a camera came over UDP and were lost because the box did not read them in time.',
    remedy:
      'Look at the load of the box; raise net.core.rmem_max to 2 MiB or more, or set `transport` of the camera to `tcp`.',
  },
  'box-hot': {
    fault: 'ourselves',
    retryable: true,
    means: 'The processor of the box is hotter than the limit.',
    remedy: 'Check its place, its fan and its dust.',
  },
  'clock-unsynchronised': {
    fault: 'ourselves',
    retryable: true,
    means: 'The clock of the box is no longer synchronised and holds the time by itself.',
    remedy: 'Restore the time source of the box.',
  },
  'certificate-ending': {
    fault: 'configuration',
    retryable: true,
    means: 'The certificate of the box ends soon.',
    remedy: 'Renew the certificate at the CSU and install it.',
  },
  'outbox-filling': {
    fault: 'uplink',
    retryable: true,
    means: 'More of the outbox is full than the limit allows.',
    remedy: 'Restore the link to the broker, or the receiver of the CSU that signs the receipts.',
  },
  'box-unreadable': {
    fault: 'ourselves',
    retryable: true,
    means: 'The box cannot read its own disk, its sensors or its certificate.',
    remedy: 'Read the log of the agent; check the rights of the service account.',
  },

  // Ourselves.
  'clock-untrusted': {
    fault: 'ourselves',
    retryable: true,
    means: 'The clock of the box was not synchronised for longer than it can hold the time by itself.',
    remedy: 'Restore the time source of the box.',
  },
  'video-process-down': {
    fault: 'ourselves',
    retryable: true,
    means: 'The video process is not running or not answering.',
    remedy: 'None: it is restarted. If it lasts, look at its log.',
  },
  'video-process-late': {
    fault: 'ourselves',
    retryable: true,
    means:
      'The video process stood still or did not read in time; what looks like a silent camera is the fault of the box.',
    remedy: 'None if rare; otherwise look at the load, the memory and the temperature of the box.',
  },
  'agent-away': {
    fault: 'ourselves',
    retryable: true,
    means: 'No agent answers on this box: it is not running, or this account may not ask it.',
    remedy: 'Start beffroi.service and read its log; ask as root or as the service account.',
  },
  'stop-timeout': {
    fault: 'ourselves',
    retryable: false,
    means: 'A part did not stop in time.',
    remedy: 'Send the log to the developers.',
  },
  'config-crash': {
    fault: 'ourselves',
    retryable: false,
    means:
      'Bringing this configuration into force ended the agent again and again; the one before is in force again.',
    remedy: 'Send the log and the signed file to the developers; sign a higher version without what was new.',
  },
  internal: {
    fault: 'ourselves',
    retryable: false,
    means: 'The program met a state that it should not be able to reach.',
    remedy: 'Send the log to the developers.',
  },
} as const satisfies Record<string, CodeEntry>;

export type Code = keyof typeof CODES;

/** The codes whose fault is `F`. */
export type CodeOf<F extends Fault> = {
  [K in Code]: (typeof CODES)[K]['fault'] extends F ? K : never;
}[Code];

/** All codes, in the order of the table. */
export const ALL_CODES = Object.keys(CODES) as [Code, ...Code[]];
