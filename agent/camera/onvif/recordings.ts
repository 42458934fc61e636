import { childrenOf, textAt, type XmlElement } from './xml.ts';

/** What a camera says of the recordings on its own card. */
export interface CardRecordings {
  readonly recordings: number;
  /** The longest that it keeps them, days; undefined where it sets no end. */
  readonly keptDays: number | undefined;
}

/** @see ONVIF Recording Control Service Specification, GetRecordings */
export function readRecordings(content: XmlElement): CardRecordings {
  const items = childrenOf(content, 'RecordingItem');
  const days = items.map((item) => daysOf(textAt(item, 'Configuration', 'MaximumRetentionTime')));
  const known = days.flatMap((one) => (one === undefined ? [] : [one]));
  return {
    recordings: items.length,
    keptDays: known.length === items.length ? Math.max(0, ...known) : undefined,
  };
}

const DURATION =
  /^P(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,6})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,8})M)?(?:(\d{1,9})(?:\.\d+)?S)?)?$/;

/** Days of an `xs:duration`; undefined for zero, which means no end, and for what is none. */
function daysOf(text: string): number | undefined {
  const parts = DURATION.exec(text);
  if (!parts) return undefined;
  const [years = 0, months = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = parts
    .slice(1)
    .map((part) => Number(part ?? 0));
  const sum = years * 366 + months * 31 + days + hours / 24 + minutes / 1440 + seconds / 86_400;
  return sum > 0 ? sum : undefined;
}
