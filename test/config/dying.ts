/**
 * A keeper in a process of its own, whose rooms end the process with SIGKILL while they take over one version:
 * `dying.ts BOX-FILE VERSION [ORDER-FILE]`. Takes the order, or only starts; then says what was reported.
 */
import { sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { systemClock } from '../../agent/base/clock.ts';
import { createLog } from '../../agent/base/log.ts';
import { readBoxFile } from '../../agent/config/box-file.ts';
import { readBoxKeys } from '../../agent/config/box-keys.ts';
import { PartnerMemory } from '../../agent/config/consent/memory.ts';
import { lookUp } from '../../agent/config/consent/names.ts';
import { PartnersConsent } from '../../agent/config/consent/partners-consent.ts';
import { ConfigurationKeeper } from '../../agent/config/keeper.ts';
import { openStore } from '../../agent/store/open-store.ts';

const [boxFile = '', deadly = '', orderFile] = process.argv.slice(2);
const box = await readBoxFile(boxFile);
const keys = await readBoxKeys(box);
const log = createLog('error', { write: () => undefined });
const clock = systemClock;
const clockTrust = () => 'synced' as const;
const store = openStore(box.stateFolder, {
  ...{ clock, clockTrust, log },
  sign: (bytes) => sign(null, bytes, keys.signKey.privateKey),
});
const reported: object[] = [];
const keeper = new ConfigurationKeeper({
  ...{ site: box.site, clock, clockTrust, log, store },
  keyring: keys.keyring,
  sealKey: keys.sealKey,
  refusals: { refuse: () => true, countAgain: () => undefined },
  reporter: {
    state: (_key, _entity, fields) => {
      reported.push(fields);
    },
  },
  consent: new PartnersConsent({
    ...{ site: box.site, clock, clockTrust, log, lookup: lookUp },
    keyring: keys.keyring,
    register: store.register,
    memory: new PartnerMemory(store.memory, box.stateFolder, log),
  }),
  consumer: {
    apply: async ({ version }) => {
      if (version === Number(deadly)) process.kill(process.pid, 'SIGKILL');
    },
  },
});
await keeper.start();
if (orderFile) await keeper.receive(await readFile(orderFile));
await keeper.stop();
store.close();
console.log(JSON.stringify(reported));
