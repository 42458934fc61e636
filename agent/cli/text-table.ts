import { stripVTControlCharacters } from 'node:util';

const COLOURS: Record<string, number> = {
  ok: 32,
  degraded: 33,
  down: 31,
  unknown: 90,
  maintenance: 36,
  disabled: 90,
  raised: 31,
  cleared: 32,
};

/** The text in the colour of a state, where colours are wanted. */
export function paint(state: string, text: string, { colour }: { readonly colour: boolean }): string {
  return colour ? `\u001b[${COLOURS[state] ?? 0}m${text}\u001b[0m` : text;
}

/** Columns as wide as their widest cell. @param rightAligned which columns hold numbers */
export function table(rows: readonly string[][], rightAligned: readonly number[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => width(row[column] ?? ''))));
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const space = ' '.repeat((widths[column] ?? 0) - width(cell));
        return rightAligned.includes(column) ? space + cell : cell + space;
      })
      .join('  ')
      .trimEnd(),
  );
}

/** Sweden writes date and time as ISO 8601 does. */
export function localTime(wallMs: number): string {
  return new Date(wallMs).toLocaleString('sv-SE');
}

/** Text of a device or a person that can do nothing to a terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, ' ');
}

function width(cell: string): number {
  return [...stripVTControlCharacters(cell)].length;
}
