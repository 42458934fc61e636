import t from 'tap';
import { BeffroiError } from '../../agent/base/errors.ts';
import { Options } from '../../provisioning/arguments.ts';
import { findCommand } from '../../provisioning/commands.ts';
import { brokerOf, brokersOf } from '../../provisioning/desk.ts';
import { orderId } from '../../provisioning/sign.ts';

/** The message of the refusal, whose code is always that of a wrong command line. */
function refusalOf(work: () => unknown): string {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof BeffroiError && thrown.code === 'command-line-invalid') return thrown.message;
    throw thrown;
  }
  return '';
}

const KINDS = { site: 'one', broker: 'many', json: 'flag', wait: 'one' } as const;

t.test('provisioning: options are taken as they are declared', async (t) => {
  const options = Options.parse(
    ['--site', 's', '--broker', 'a', '--broker=b', '--json', '--wait', '5'],
    KINDS,
  );
  t.equal(options.required('site'), 's');
  t.strictSame(options.list('broker'), ['a', 'b']);
  t.equal(options.flag('json'), true);
  t.equal(options.number('wait', 1, 10), 5);
});

t.test('provisioning: what was not given is absent, or said to be missing', async (t) => {
  const options = Options.parse([], KINDS);
  t.equal(options.optional('site'), undefined);
  t.equal(options.flag('json'), false);
  t.equal(options.number('wait', 1, 10), undefined);
  t.equal(
    refusalOf(() => options.required('site')),
    '--site is missing',
  );
  t.equal(
    refusalOf(() => options.list('broker')),
    '--broker is missing',
  );
});

t.test('provisioning: what is not declared is refused', async (t) => {
  t.match(
    refusalOf(() => Options.parse(['--user', 'x'], KINDS)),
    /--user/,
  );
  t.match(
    refusalOf(() => Options.parse(['reboot'], KINDS)),
    /reboot/,
  );
});

for (const text of ['0', '11', '1.5', '1e1', 'five', ' 5']) {
  t.test(`provisioning: ${JSON.stringify(text)} is no whole number from 1 to 10`, async (t) => {
    const options = Options.parse(['--wait', text], KINDS);
    t.match(
      refusalOf(() => options.number('wait', 1, 10)),
      /^--wait: expected a whole number from 1 to 10/,
    );
  });
}

t.test('provisioning: a choice is one of its list', async (t) => {
  const options = Options.parse(['--site', 'ntp'], KINDS);
  t.equal(options.choice('site', ['chrony', 'ntp']), 'ntp');
  t.match(
    refusalOf(() => options.choice('site', ['chrony', 'host'])),
    /expected chrony or host, came "ntp"/,
  );
});

t.test('provisioning: the words of a command come first', async (t) => {
  t.strictSame(findCommand(['box', 'add', '--site', 's']).rest, ['--site', 's']);
  t.strictSame(findCommand(['watch', '--json']).rest, ['--json']);
  t.match(
    refusalOf(() => findCommand(['box', '--site', 's'])),
    /expected init, box add/,
  );
  t.match(
    refusalOf(() => findCommand(['constructor'])),
    /came constructor/,
  );
});

t.test('provisioning: a wrong address of a broker is a wrong command line, not a wrong box', async (t) => {
  for (const url of ['localhost:8883', 'https://localhost', 'mqtt://csu.example.fr', ''])
    t.match(
      refusalOf(() => brokerOf(Options.parse([`--broker=${url}`], { broker: 'one' }))),
      /^--broker/,
      url,
    );
  const both = Options.parse(['--backup-broker', 'mqtts://a', '--backup-broker', 'nowhere'], {
    'backup-broker': 'many',
  });
  t.match(
    refusalOf(() => brokersOf(both, 'backup-broker')),
    /^--backup-broker: .*nowhere.*expected mqtts/,
  );
});

t.test('options: no id of an order could be taken for one', async (t) => {
  const ids = Array.from({ length: 2_000 }, orderId);
  t.same(
    ids.filter((id) => !/^\w[\w-]{21}$/.test(id)),
    [],
  );
  t.equal(new Set(ids).size, ids.length);
});
