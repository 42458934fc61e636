import t from 'tap';
import { Tally } from '../../agent/viewing/tally.ts';
import * as fc from '../support/properties.ts';

/** What one start of the video process counts: ever more. */
const counting = fc.array(fc.nat(1000), { minLength: 1, maxLength: 5 });

t.test(
  'tally: each start of the video process counts once, whatever the agent forgets between',
  async (t) => {
    const property = fc.property(fc.array(counting, { maxLength: 5 }), fc.nat(3), (starts, every) => {
      let tally = new Tally();
      let taken = 0;
      for (const [start, steps] of starts.entries()) {
        let frames = 0;
        for (const step of steps) {
          frames += step;
          tally.take(`start-${start}`, { bytes: 2 * frames, frames });
          taken += 1;
          if (every > 0 && taken % every === 0) tally = new Tally(JSON.parse(JSON.stringify(tally.kept)));
        }
      }
      const frames = starts.flat().reduce((sum, step) => sum + step, 0);
      const { total } = tally;
      return total.frames === frames && total.bytes === 2 * frames;
    });
    t.doesNotThrow(() => fc.assert(property));
  },
);
