import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import t, { type Test } from 'tap';
import type { OpenedPanel } from '../../../agent/alarms/ports.ts';
import { Dialler } from '../../support/dialler.ts';
import { freePort } from '../../support/port.ts';
import { TestClock } from '../../support/test-clock.ts';
import { Watch } from '../watch.ts';

interface Answers {
  readonly answers: readonly { name: string; to: string; at: string; answer: string }[];
  readonly encrypted: {
    readonly key_hex: string;
    readonly account: string;
    readonly message: string;
    readonly sent: string;
    readonly ack: string;
    readonly ack_at: string;
  };
}

const file = new URL('../../fixtures/dc09/answers.json', import.meta.url);
const { answers, encrypted } = JSON.parse(readFileSync(file, 'utf8')) as Answers;
const CLEAR = ['0000', '000000', '1234'];

async function begin(t: Test, at: string, folder = t.testdir()) {
  const port = await freePort();
  const clock = new TestClock(Date.parse(at));
  const watch = new Watch(folder, clock, () => undefined);
  t.teardown(() => watch.end());
  const key = Buffer.from(encrypted.key_hex, 'hex');
  const panel: OpenedPanel = {
    id: 'panel-a',
    listen: { host: '127.0.0.1', port, tcp: true, udp: false },
    timeWindow: { pastS: 40, futureS: 20 },
    accounts: [
      ...CLEAR.map((account) => ({ account, supervisionS: 3600 })),
      { account: encrypted.account, supervisionS: 3600, key },
    ],
  };
  await watch.begin({ points: [], cameras: [], panels: [panel] });
  return { watch, port };
}

/** What the receiver says to these bytes, up to its CR. */
async function answerTo(port: number, bytes: Buffer): Promise<string> {
  const peer = connect(port, '127.0.0.1');
  peer.write(bytes);
  let text = '';
  for await (const chunk of peer) {
    text += (chunk as Buffer).toString('latin1');
    if (text.endsWith('\r')) break;
  }
  return text;
}

/** CRC and length by a sum of their own, bit by bit. */
function framed(body: string): Buffer {
  const bytes = Buffer.from(body, 'latin1');
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  }
  const hex = (value: number) => value.toString(16).toUpperCase().padStart(4, '0');
  return Buffer.from(`\n${hex(crc)}${hex(bytes.length)}${body}\r`, 'latin1');
}

for (const { name, to, at, answer } of answers) {
  t.test(`answers that other receivers gave: ${name}`, async (t) => {
    const { port } = await begin(t, at);
    const { account, message } = encrypted;
    // Late: encrypted by another program, years before or after.
    const request = to === 'late' ? Buffer.from(`\n${message}\r`, 'latin1') : framed(to);
    const wanted = answer.startsWith('"') ? framed(answer).toString('latin1') : `\n${answer}\r`;
    t.equal(await answerTo(port, request), wanted, account);
  });
}

t.test(
  'a message that another program encrypted is taken, and acknowledged as another receiver did',
  async (t) => {
    const { key_hex, account, message, sent, ack, ack_at } = encrypted;
    const folder = t.testdir({ taken: {}, answered: {} });
    const taken = await begin(t, sent, `${folder}/taken`);
    const first = await answerTo(taken.port, Buffer.from(`\n${message}\r`, 'latin1'));
    t.match(first, /^\n[0-9A-F]{8}"\*ACK"0000RC0FFDL1234#080027E62A64\[[0-9A-F]+\r$/);
    t.match(taken.watch.signals, [
      { code_sia: 'HB', zone: '3', source_ts: Date.parse(sent), encrypted: true },
    ]);
    const { port } = await begin(t, ack_at, `${folder}/answered`);
    const dialler = new Dialler(t, port);
    const time = '_16:08:12,04-14-2015';
    const call = {
      token: 'NULL',
      account,
      key: key_hex,
      sequence: '0001',
      path: 'R5678L1234',
      time,
      decrypts: true,
    };
    const told = await dialler.call(call);
    const [, header = '', cipher = ''] = /^.{8}(.*\[)(.*)$/.exec(ack) ?? [];
    t.ok(told.good, 'CRC and length by the dialler');
    t.ok(told.answer?.startsWith(header), told.answer ?? '');
    t.equal(told.answer?.length, header.length + cipher.length);
    t.equal(
      withoutPadding(told.plain ?? ''),
      withoutPadding(opened(cipher, key_hex)),
      'the same but for its padding',
    );
  },
);

function withoutPadding(plain: string): string {
  return plain.slice(plain.indexOf('|'));
}

/** By OpenSSL. */
function opened(cipher: string, key: string): string {
  const options = ['enc', '-d', '-aes-128-cbc', '-nopad', '-K', key, '-iv', '00'.repeat(16)];
  return execFileSync('openssl', options, { input: Buffer.from(cipher, 'hex') }).toString('latin1');
}
