import { join } from 'node:path';

/** User name of the CSU at the broker: no site has this form. */
export const CSU_USER = 'csu';

/** Largest packet of the broker, in bytes: a key frame of a 4K camera with room to spare. Source: guess. */
const MAX_PACKET_BYTES = 16 * 1024 * 1024;

/**
 * Lines of the configuration of Mosquitto that decide how much may be under way.
 * In flight: what a receiver takes with one commit; queued: what waits for a receiver that is starting anew.
 * Pictures, which go by QoS 0, are kept for nobody who is away.
 * Source: the bench of alarms; guess.
 */
export const MOSQUITTO_FLOW = [
  'queue_qos0_messages false',
  `max_packet_size ${MAX_PACKET_BYTES}`,
  'set_tcp_nodelay true',
  'max_inflight_messages 100',
  'max_queued_messages 20000',
];

export interface BrokerOptions {
  /** Folder of the files below, as the broker sees it. */
  readonly folder: string;
  readonly port: number;
  /** Where the broker keeps retained messages over a restart. */
  readonly dataFolder: string;
}

/**
 * A configuration for Mosquitto 2: TLS 1.3 with client certificates, the common name is the user.
 * @see mosquitto.conf(5)
 */
export function mosquittoConfiguration({ folder, port, dataFolder }: BrokerOptions): string {
  return `# Beffroi: broker of the supervision centre. Complete: in place of the mosquitto.conf of the system, not beside it.
per_listener_settings false
allow_anonymous false
acl_file ${join(folder, 'acl')}

persistence true
persistence_location ${dataFolder.replace(/\/*$/, '/')}
${MOSQUITTO_FLOW.join('\n')}

listener ${port}
tls_version tlsv1.3
cafile ${join(folder, 'clients.crt.pem')}
certfile ${join(folder, 'broker.crt.pem')}
keyfile ${join(folder, 'broker.key.pem')}
require_certificate true
use_identity_as_username true
`;
}

/** What each user may do. The pattern lines hold for every box, whose user name is its site. */
export const MOSQUITTO_ACL = `# A box writes under its own site only, and reads only what is for it.
pattern write csu/v1/%u/+/state/+
pattern write csu/v1/%u/+/meas/+
pattern write csu/v1/%u/+/event/+
pattern write csu/v1/%u/+/hist/+
pattern write csu/v1/%u/+/report/+
pattern write csu/v1/%u/+/media/+
pattern read csu/v1/%u/collector/cfg/desired
pattern read csu/v1/%u/collector/cmd/request
pattern read csu/v1/%u/collector/ack/receipt

# A partner reads what is written for it, a recipient the pictures that are encrypted for it.
pattern read csu/v1/+/+/report/%u
pattern read csu/v1/+/+/media/%u

# The centre reads everything and writes orders and receipts only.
user ${CSU_USER}
topic read csu/v1/#
topic write csu/v1/+/collector/cfg/desired
topic write csu/v1/+/collector/cmd/request
topic write csu/v1/+/collector/ack/receipt
# Those of a lease for the police are not for the centre; they are encrypted besides.
topic deny csu/v1/+/+/media/dipn
`;

/** What is added for a partner: it gives orders to the boxes with cameras of its own. */
export function partnerAcl(id: string, sites: readonly string[]): string {
  const lines = sites.map((site) => `topic write csu/v1/${site}/collector/cmd/request\n`);
  return `\n# Partner ${id}\nuser ${id}\n${lines.join('')}`;
}
