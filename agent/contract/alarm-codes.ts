/** The least first. */
export const SEVERITIES = ['info', 'warning', 'major', 'critical'] as const;
type Severity = (typeof SEVERITIES)[number];

/** What alarms are about. */
export const ALARM_CATEGORIES = [
  'fire',
  'panic',
  'medical',
  'gas',
  'intrusion',
  'tamper',
  'water',
  'temperature',
  'technical',
  'power',
  'battery',
  'communication',
  'equipment',
  'test',
  'program',
  'opening',
  'unknown',
] as const;
export type AlarmCategory = (typeof ALARM_CATEGORIES)[number];

/** What a code of an alarm panel means. */
export interface AlarmCode {
  readonly means: string;
  readonly category: AlarmCategory;
  readonly severity: Severity;
  /** SIA codes (DC-03) that raise it; the first is the one shown for its Contact ID. */
  readonly raised: readonly string[];
  /** SIA codes that clear it; none where it is a report that nothing follows. */
  readonly cleared: readonly string[];
  /** Contact ID events (DC-05): qualifiers 1 and 6 raise, 3 clears. */
  readonly contactId: readonly string[];
}

/**
 * Codes of alarm panels. `docs/reference/alarms.md` is generated from this table. Severity is ours: a guess that each
 * point can overrule.
 * @see ANSI/SIA DC-03 (SIA codes), SIA DC-05 (Contact ID)
 */
export const ALARM_CODES = [
  code('fire', 'fire', 'critical', 'FA', 'FH FR', '110 111 112 114 115 117 118'),
  code(
    'panic button, hold-up, duress',
    'panic',
    'critical',
    'PA HA',
    'PH PR HH HR',
    '120 121 122 123 124 125',
  ),
  code('call for medical help', 'medical', 'critical', 'MA', 'MH MR', '100 101 102'),
  code('gas', 'gas', 'critical', 'GA', 'GH GR', '151 162'),
  code('intrusion', 'intrusion', 'critical', 'BA BV', 'BH BR', '130 131 132 133 134 135 136 139'),
  code('tampering with an enclosure or a sensor', 'tamper', 'major', 'TA', 'TR', '137 144 145'),
  code('water', 'water', 'major', 'WA', 'WH WR', '113 154'),
  code('high temperature', 'temperature', 'major', 'KA', 'KH KR', '158'),
  code('low temperature', 'temperature', 'major', 'ZA', 'ZH ZR', '159'),
  code('technical alarm of a zone without a type', 'technical', 'major', 'UA', 'UH UR', '150'),
  code('mains lost', 'power', 'major', 'AT', 'AR', '301'),
  code('battery low', 'battery', 'warning', 'YT', 'YR', '302'),
  code(
    'communication of the panel lost',
    'communication',
    'major',
    'YC',
    'YK',
    '350 351 352 353 354 355 356 357',
  ),
  code('trouble of an expansion module', 'equipment', 'warning', 'ET', 'ER', '143 333'),
  code('manual test', 'test', 'info', 'RX', '', '601'),
  code('periodic test', 'test', 'info', 'RP', '', '602'),
  code('programming or parameters changed', 'program', 'info', 'YG LB LX RB', '', '305 306 412 627 628'),
  code('refused user codes or logins', 'tamper', 'warning', 'JA', '', '461'),
  code('opening or closing by a user', 'opening', 'info', 'OP CL', '', '401'),
] as const;

function code(
  means: string,
  category: AlarmCategory,
  severity: Severity,
  raised: string,
  cleared: string,
  contactId: string,
): AlarmCode {
  const list = (text: string) => text.split(' ').filter((word) => word !== '');
  return {
    means,
    category,
    severity,
    raised: list(raised),
    cleared: list(cleared),
    contactId: list(contactId),
  };
}

export interface CodeMeaning {
  readonly entry: AlarmCode;
  /** `report`: told, and nothing stays. */
  readonly transition: 'raised' | 'cleared' | 'report';
}

/** @returns undefined for a code that the table does not hold */
export function meaningOfSia(sia: string): CodeMeaning | undefined {
  const entry = ALARM_CODES.find(({ raised, cleared }) => raised.includes(sia) || cleared.includes(sia));
  return entry && { entry, transition: transitionOf(entry, entry.cleared.includes(sia)) };
}

/** @returns undefined for a code that the table does not hold */
export function meaningOfContactId(event: string, qualifier: '1' | '3' | '6'): CodeMeaning | undefined {
  const entry = ALARM_CODES.find(({ contactId }) => contactId.includes(event));
  return entry && { entry, transition: transitionOf(entry, qualifier === '3') };
}

function transitionOf(entry: AlarmCode, clears: boolean): CodeMeaning['transition'] {
  if (entry.cleared.length === 0) return 'report';
  return clears ? 'cleared' : 'raised';
}

/** Categories on which lives depend. */
export const LIFE_SAFETY: readonly AlarmCategory[] = ['fire', 'panic', 'medical', 'gas'];

/** Categories that no schedule disarms: who could set the schedule could else open the way. */
export const ALWAYS_ARMED: readonly AlarmCategory[] = [...LIFE_SAFETY, 'tamper'];

/** SIA codes that a point of a contact may be given: those of the table that raise an alarm. */
export const POINT_CODES = ALARM_CODES.filter(({ cleared }) => cleared.length > 0).flatMap(
  ({ raised }) => raised,
);
