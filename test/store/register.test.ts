import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, verify } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import { checkRegister } from '../../agent/store/check-register.ts';
import { verifyRegister } from '../../agent/store/register-chain.ts';
import type { RegisterHead, RegisterLine } from '../../agent/store/store.ts';
import * as fc from '../support/properties.ts';
import { TestClock } from '../support/test-clock.ts';
import { BOX_KEY, ENTRY, openFor, temporaryFolder } from './support.ts';

function register(t: Test, lines: number, word = 'line'): RegisterLine[] {
  const { store } = openFor(temporaryFolder(t));
  for (let n = 1; n <= lines; n += 1) store.register.append({ ...ENTRY, detail: `${word} ${n}` });
  const all = store.register.lines(1, lines);
  store.close();
  return all;
}

t.test('lines are numbered, chained and signed, and their head is signed', async (t) => {
  const { store, clock } = openFor(temporaryFolder(t));
  t.match(store.register.head(), { length: 0, hash: '0'.repeat(64) });
  const first = store.register.append(ENTRY);
  const second = store.register.append({ ...ENTRY, who: 'clé', detail: 'é\0"' });
  t.match(first, { ...ENTRY, number: 1, previous: '0'.repeat(64), wallMs: clock.wallMs(), clock: 'synced' });
  t.match(second, { number: 2, previous: first.hash });
  t.same(store.register.lines(1, 10), [first, second]);
  t.same(store.register.lines(2, 10), [second]);
  const { length, hash, signature } = store.register.head();
  t.same([length, hash], [2, second.hash]);
  t.ok(verify(null, Buffer.from(`2:${hash}`), BOX_KEY, Buffer.from(signature, 'base64url')));
  t.same(verifyRegister([first, second], BOX_KEY), { first: 1, last: 2, hash, bad: undefined });
  store.close();
});

t.test('the hash is what the documentation says, so that others can check it', async (t) => {
  const [line] = register(t, 1);
  if (!line) throw new RangeError('no line');
  const fields = [
    'beffroi-register-1',
    String(line.number),
    String(line.wallMs),
    line.clock,
    line.who,
    line.action,
    line.subject,
    line.result,
    line.detail,
    line.previous,
  ];
  const encoded = fields.flatMap((field) => {
    const bytes = Buffer.from(field);
    return [Buffer.from([0, 0, bytes.length >> 8, bytes.length & 255]), bytes];
  });
  t.equal(line.hash, createHash('sha256').update(Buffer.concat(encoded)).digest('hex'));
});

/** What Python and OpenSSL say of the register in this folder. */
function foreignVerdict(t: Test, folder: string, { length, hash, signature }: RegisterHead): string {
  const key = join(t.testdir(), 'box.pub.pem');
  writeFileSync(key, BOX_KEY.export({ type: 'spki', format: 'pem' }));
  const script = join(import.meta.dirname, 'check_register.py');
  const line = [script, join(folder, 'beffroi.db'), key, String(length), hash, signature];
  return execFileSync('python3', line, { encoding: 'utf8' }).trim();
}

t.test(
  'chain, signatures and head are those that Python and OpenSSL compute, over starts and cuts',
  async (t) => {
    const folder = temporaryFolder(t);
    for (const start of [1, 2]) {
      const { store } = openFor(folder, new TestClock(), { registerLines: 10 });
      for (let n = 0; n < 8; n += 1)
        store.register.append({ ...ENTRY, detail: `${start} ${n} é – 'x' \u{1f514}` });
      store.close();
    }
    const { store } = openFor(folder, new TestClock(), { registerLines: 10 });
    const head = store.register.head();
    t.equal(foreignVerdict(t, folder, head), `ok ${store.register.lines(1, 1)[0]?.number} ${head.length}`);
    const shorter = { ...head, length: head.length + 1 };
    t.match(foreignVerdict(t, folder, shorter), /head signature/);
    store.close();
    const db = new DatabaseSync(join(folder, 'beffroi.db'));
    db.exec(`DROP TRIGGER register_keeps; DROP TRIGGER register_stays`);
    db.exec(`UPDATE register SET result = 'nothing' WHERE number = ${head.length - 1}`);
    t.equal(foreignVerdict(t, folder, head), `bad ${head.length - 1} hash`);
    db.exec(`DELETE FROM register WHERE number >= ${head.length - 1}`);
    t.equal(foreignVerdict(t, folder, head), `bad ${head.length} head`);
    db.close();
  },
);

t.test('the chain goes on over starts', async (t) => {
  const folder = temporaryFolder(t);
  for (let n = 0; n < 3; n += 1) {
    const { store } = openFor(folder);
    store.register.append(ENTRY);
    store.close();
  }
  const { store } = openFor(folder);
  t.match(verifyRegister(store.register.lines(1, 10), BOX_KEY), { first: 1, last: 3, bad: undefined });
  store.close();
});

t.test('the database itself refuses to alter or remove a line', async (t) => {
  const folder = temporaryFolder(t);
  const { store } = openFor(folder);
  store.register.append(ENTRY);
  store.close();
  const db = new DatabaseSync(join(folder, 'beffroi.db'));
  t.throws(() => db.exec("UPDATE register SET who = 'nobody'"), { message: /append-only/ });
  t.throws(() => db.exec('DELETE FROM register'), { message: /append-only/ });
  db.close();
});

t.test(
  'the register is bounded: the oldest lines make room, a line says so, and the rest is still a chain',
  async (t) => {
    const folder = temporaryFolder(t);
    const { store } = openFor(folder, new TestClock(), { registerLines: 100 });
    for (let n = 1; n <= 230; n += 1) store.register.append({ ...ENTRY, detail: 'x'.repeat(3000) });
    const lines = store.register.lines(0, 1000);
    t.ok(lines.length >= 100 && lines.length <= 107, String(lines.length));
    t.match(verifyRegister(lines, BOX_KEY), { last: store.register.head().length, bad: undefined });
    t.match(
      lines.filter(({ action }) => action === 'register.cut').at(-1)?.detail,
      /^lines up to \d+ were removed to make room$/,
    );
    t.equal(lines.at(-1)?.detail.length, 2000, 'a text is bounded too');
    store.close();
    const db = new DatabaseSync(join(folder, 'beffroi.db'));
    t.throws(() => db.exec('DELETE FROM register'), { message: /append-only/ }, 'those that stay are kept');
    db.close();
  },
);

t.test('any altered line is named', async (t) => {
  const lines = register(t, 5);
  const field = fc.constantFrom<keyof RegisterLine>(
    'number',
    'wallMs',
    'clock',
    'who',
    'action',
    'subject',
    'result',
    'detail',
    'previous',
    'hash',
    'signature',
  );
  fc.assert(
    fc.property(fc.nat({ max: 4 }), field, fc.string({ maxLength: 5 }), (index, key, text) => {
      const altered = lines.map((line, at) => {
        if (at !== index) return line;
        const value = typeof line[key] === 'number' ? line[key] + 1 + text.length : `x${text}${line[key]}`;
        return { ...line, [key]: value };
      });
      const { bad } = verifyRegister(altered, BOX_KEY);
      const shifted = index === 0 && key === 'number';
      return bad !== undefined && (shifted || bad.number === index + 1);
    }),
    { verbose: true },
  );
  t.pass();
});

t.test('a missing, a doubled, a moved and a foreign line are named', async (t) => {
  const lines = register(t, 4);
  const [a, b, c, d] = lines;
  if (!a || !b || !c || !d) throw new RangeError('four lines');
  const badNumber = (of: RegisterLine[]) => verifyRegister(of, BOX_KEY).bad?.number;
  t.equal(badNumber([a, c, d]), 2);
  t.equal(badNumber([a, b, b, c]), 3);
  t.equal(badNumber([a, c, b, d]), 2);
  t.equal(badNumber([a, b, ...register(t, 4, 'other').slice(2)]), 3);
  t.equal(verifyRegister(lines, generateKeyPairSync('ed25519').publicKey).bad?.number, 1);
  t.match(
    verifyRegister([c, d], BOX_KEY),
    { first: 3, last: 4, bad: undefined },
    'the rest of an older register',
  );
  t.match(verifyRegister([], BOX_KEY), { first: 0, last: 0, bad: undefined });
});

t.test('the register of a box is checked while its agent runs', async (t) => {
  const folder = temporaryFolder(t);
  t.equal(checkRegister(folder, BOX_KEY), undefined, 'nothing there yet');
  const { store } = openFor(folder);
  for (let n = 0; n < 5; n += 1) store.register.append(ENTRY);
  t.match(checkRegister(folder, BOX_KEY), { first: 1, last: 5, bad: undefined });
  const forged = new DatabaseSync(join(folder, 'beffroi.db'));
  forged.exec("DROP TRIGGER register_keeps; UPDATE register SET who = 'nobody' WHERE number = 3");
  forged.close();
  t.match(checkRegister(folder, BOX_KEY), { first: 1, last: 2, bad: { number: 3, reason: /hash/ } });
  store.close();
  writeFileSync(join(folder, 'beffroi.db'), 'no database, but long enough to be looked at as one');
  t.throws(() => checkRegister(folder, BOX_KEY), { code: 'store-damaged', message: /beffroi\.db/ });
});
