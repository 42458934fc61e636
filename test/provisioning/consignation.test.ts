import t from 'tap';
import { readConsignation } from '../../provisioning/viewing/consignation.ts';
import { SITE } from '../trust/support.ts';
import { OPEN, Play } from '../viewing/model.ts';
import { BOX_KEY, World } from '../viewing/world.ts';

/** What somebody on the way would like the partner to read. */
const OTHERWISE: Record<string, unknown> = {
  ...{ action: 'view.opened', channel: 'a'.repeat(22), camera: 'cam-parvis', who: 'w'.repeat(43) },
  ...{
    operator: 'somebody else',
    on_behalf_of: 'nobody',
    recipient: 'dipn',
    reason: 'none',
    partner: 'other',
  },
  ...{ start: 1, end: 9e15, bytes: 123_456_789, frames: 999_999, lost_frames: 77, closed_by: 'hours' },
  ...{ cause: 'internal', detail: 'autre chose', refused: 5, refused_first: 1, refused_last: 2 },
  ...{ line: 999, line_ts: 5, line_subject: 'x', line_detail: '{}', line_hash: '0'.repeat(64) },
};

t.test(
  'partner: a line is believed when the box signed it and all that is told beside it says the same',
  async (t) => {
    const world = await World.create();
    t.teardown(() => world.end());
    await new Play(world).run([
      OPEN,
      { do: 'close', by: 'followup' },
      { do: 'wait', ms: 15_000 },
      { do: 'open', minutes: 5, flaw: 'operator' },
    ]);
    const lines = world.events('consignation');
    t.same(lines.map(({ action }) => action).sort(), [
      ...['lease.closed', 'lease.followup', 'lease.opened', 'lease.refused'],
    ]);
    const boxes = [{ site: SITE, sign: BOX_KEY.publicJwk }];
    const read = (line: object, from = boxes) => readConsignation(Buffer.from(JSON.stringify(line)), from);
    for (const line of lines) {
      t.equal(read(line)?.verified, true, String(line.action));
      t.equal(read(line, [])?.verified, false, 'of a box that it does not know');
      for (const [key, value] of Object.entries(OTHERWISE))
        t.equal(read({ ...line, [key]: value })?.verified, false, `${line.action} with another ${key}`);
    }
  },
);
