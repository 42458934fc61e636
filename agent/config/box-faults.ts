/** What is wrong with a box file beside its shape, and where. */
export interface BoxFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What of a box file is judged beside its shape. */
interface JudgedBox {
  readonly brokers: readonly string[];
  readonly backupBrokers: readonly string[];
  readonly plainLoopback: boolean;
  readonly tls?: object | undefined;
}

const BROKER = 'expected mqtts://host[:port], or mqtt:// to a loopback address with "plainLoopback": true';

/** Faults of broker addresses, and of what they need. */
export function boxFaults(box: JudgedBox): BoxFault[] {
  const urls = [...box.brokers, ...box.backupBrokers];
  const plain = urls.filter((url) => url.startsWith('mqtt://'));
  const faults = [
    ...addressFaults('brokers', box.brokers),
    ...addressFaults('backupBrokers', box.backupBrokers),
  ];
  if (plain.length > 0 && !box.plainLoopback)
    faults.push({ path: ['plainLoopback'], message: 'mqtt:// needs "plainLoopback": true' });
  if (plain.length < urls.length && !box.tls)
    faults.push({ path: ['tls'], message: 'mqtts:// needs the three TLS files' });
  return faults;
}

function addressFaults(list: string, urls: readonly string[]): BoxFault[] {
  return urls.flatMap((url, i) => (isBrokerUrl(url) ? [] : [{ path: [list, i], message: BROKER }]));
}

function isBrokerUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  if (url.username !== '' || url.password !== '' || (url.pathname !== '' && url.pathname !== '/'))
    return false;
  if (url.protocol === 'mqtts:') return url.hostname !== '';
  return url.protocol === 'mqtt:' && isLoopback(url.hostname);
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}
