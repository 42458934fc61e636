/** What the variables of a UPS say, as far as alarms and measures need it. */
export interface UpsReading {
  /** `ups.status` as it came, cut. */
  readonly status: string;
  /** Undefined while the UPS does not say where its power comes from. */
  readonly onBattery: boolean | undefined;
  readonly batteryLow: boolean | undefined;
  readonly replaceBattery: boolean | undefined;
  readonly numbers: UpsNumbers;
}

interface UpsNumbers {
  readonly charge_percent?: number;
  readonly runtime_s?: number;
  readonly load_percent?: number;
  readonly input_v?: number;
  readonly output_v?: number;
  readonly battery_v?: number;
  readonly temperature_c?: number;
}

/** Names of NUT variables. @see NUT developer guide, appendix "NUT command and variable naming scheme" */
const NUMBERS = {
  charge_percent: 'battery.charge',
  runtime_s: 'battery.runtime',
  load_percent: 'ups.load',
  input_v: 'input.voltage',
  output_v: 'output.voltage',
  battery_v: 'battery.voltage',
  temperature_c: 'ups.temperature',
} as const satisfies Record<keyof UpsNumbers, string>;

const STATUS_MAX = 80;

export function readingOf(variables: ReadonlyMap<string, string>): UpsReading {
  const status = variables.get('ups.status') ?? '';
  const flags = new Set(status.split(/\s+/));
  const powered = flags.has('OL') || flags.has('OB');
  return {
    status: status.slice(0, STATUS_MAX),
    onBattery: powered ? flags.has('OB') : undefined,
    // A forced shutdown is what the server orders when the battery will not last.
    batteryLow: powered ? flags.has('LB') || flags.has('FSD') : undefined,
    replaceBattery: powered ? flags.has('RB') : undefined,
    numbers: numbersOf(variables),
  };
}

/** What is no number, or not given, is absent. */
function numbersOf(variables: ReadonlyMap<string, string>): UpsNumbers {
  const entries = Object.entries(NUMBERS).flatMap(([name, variable]) => {
    const number = plainNumber(variables.get(variable));
    return number === undefined ? [] : [[name, number]];
  });
  return Object.fromEntries(entries) as UpsNumbers;
}

function plainNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^-?\d{1,9}(\.\d{1,6})?$/.test(text.trim())) return undefined;
  return Number(text);
}
