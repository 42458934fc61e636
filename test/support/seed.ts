/**
 * The one seed of a run, from which whatever the tests draw by chance follows: `npm test` has always the same, so that what it
 * says of a state of the code is said again of the same state; `npm run test:long` draws a fresh one and sets `BEFFROI_SEED`.
 */
export const SEED = whole('BEFFROI_SEED', 20_261_122);

/** How many times as many cases each property is tried on as in `npm test`. */
export const TIMES = whole('BEFFROI_TIMES', 1);

function whole(variable: string, otherwise: number): number {
  const value = Number(process.env[variable] ?? otherwise);
  if (Number.isInteger(value) && value > 0 && value < 2 ** 31) return value;
  throw new RangeError(
    `${variable}: expected a whole number from 1 to ${2 ** 31 - 1}, came ${process.env[variable]}`,
  );
}
