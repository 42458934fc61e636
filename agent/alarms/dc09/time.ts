/** `HH:MM:SS,MM-DD-YYYY`, UTC. @see ANSI/SIA DC-09 §5.5.1.9 */
const FORM = /^([0-9]{2}):([0-9]{2}):([0-9]{2}),([0-9]{2})-([0-9]{2})-([0-9]{4})$/;

/** @returns Unix ms; undefined for another form or a date that there is not, such as one of month 00 */
export function readTime(text: string): number | undefined {
  const match = FORM.exec(text.trim());
  if (!match) return undefined;
  const [hour, minute, second, month, day, year] = match.slice(1).map(Number) as Six;
  const ms = Date.UTC(year, month - 1, day, hour, minute, second);
  return writeTime(ms) === text.trim() ? ms : undefined;
}

type Six = [number, number, number, number, number, number];

export function writeTime(wallMs: number): string {
  const iso = new Date(wallMs).toISOString();
  return `${iso.slice(11, 19)},${iso.slice(5, 7)}-${iso.slice(8, 10)}-${iso.slice(0, 4)}`;
}
