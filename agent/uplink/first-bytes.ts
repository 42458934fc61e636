import { UplinkError } from '../base/errors.ts';
import { quoted } from '../base/text.ts';

/** The first thing that a broker says. @see MQTT 3.1.1 §3.2.1, MQTT 5 §3.2.1 */
const CONNACK = 0x20;
const TLS_ALERT = 0x15;
const SHOWN_BYTES = 40;

/** @throws UplinkError `broker-protocol` when whoever answers is no MQTT broker */
export function checkFirstBytes(chunk: Buffer, label: string): void {
  if (chunk[0] === undefined || chunk[0] === CONNACK) return;
  const came = chunk[0] === TLS_ALERT ? 'an alert of TLS' : quoted(chunk.toString('latin1', 0, SHOWN_BYTES));
  throw new UplinkError('broker-protocol', `${label}: expected the CONNACK of an MQTT broker, came ${came}`);
}
