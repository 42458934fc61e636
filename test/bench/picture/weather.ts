import { FRAME, MARGIN } from './stills.ts';

/** Simulated time between two moments at which a picture may be looked at. */
export const STEP_S = 20;
const STEPS_PER_MINUTE = 60 / STEP_S;

interface Place {
  readonly x: number;
  readonly y: number;
}

/** What stands before the camera at one moment. */
export interface Moment {
  /** Shares of the light of noon, evening and night over what was before. */
  readonly noon: number;
  readonly evening: number;
  readonly night: number;
  readonly brightness: number;
  readonly contrast: number;
  readonly shake: Place;
  readonly bus: Place | undefined;
  readonly lorry: Place | undefined;
  readonly headlights: Place | undefined;
  /** People and cars: left, top, width, height and colour. */
  readonly passers: readonly (Place & {
    readonly width: number;
    readonly height: number;
    readonly colour: string;
  })[];
  readonly rain: number;
}

export interface Day {
  /** Hour at which the course begins. */
  readonly beginHour: number;
  readonly steps: number;
  /** The camera switches to infra-red at dusk and back at dawn, from one picture to the next. */
  readonly infrared: boolean;
  /** Weather and traffic; without, the light alone changes. */
  readonly busy: boolean;
}

interface Spell {
  readonly from: number;
  readonly to: number;
  readonly strength: number;
}

type Random = () => number;

/** The moments of a course, the same for the same random numbers. */
export function momentsOf(day: Day, random: Random): Moment[] {
  const spells = (perDay: number, minutes: number) =>
    day.busy ? spellsOf(day, random, perDay, minutes) : [];
  const [rain, fog, flicker] = [spells(3, 40), spells(1, 60), spells(2, 10)];
  const [buses, parked] = [spells(30, 0.5), spells(4, 4)];
  let cloud = 0;
  return Array.from({ length: day.steps }, (_, step) => {
    cloud = Math.max(-1, Math.min(1, cloud + (random() - 0.5) * (random() < 0.02 ? 2 : 0.15)));
    const hour = (day.beginHour + (step * STEP_S) / 3600) % 24;
    const light = lightAt(hour, day.infrared);
    const [wet, foggy, blinking] = [at(rain, step), at(fog, step), at(flicker, step)];
    const unsteady = blinking && step % 2 ? 0.07 : 0;
    return {
      ...light,
      brightness: light.brightness + 0.06 * cloud + unsteady,
      contrast: (1 + 0.1 * cloud) * (1 - 0.25 * wet) * (1 - 0.6 * foggy),
      shake: { x: jitter(random), y: jitter(random) },
      bus: placeIn(buses, step),
      lorry: placeIn(parked, step),
      headlights: day.busy && light.night > 0.5 && random() < 0.2 ? anywhere(random, 240, 120) : undefined,
      passers: day.busy ? passersBy(random) : [],
      rain: 0.6 * wet,
    };
  });
}

type LightOfDay = Pick<Moment, 'noon' | 'evening' | 'night' | 'brightness'>;

function lightAt(hour: number, infrared: boolean): LightOfDay {
  const noon = ramp(hour, 8, 11);
  const evening = ramp(hour, 15, 18);
  if (!infrared)
    return { noon, evening, night: ramp(hour, 19, 19.6) + 1 - ramp(hour, 5.4, 6), brightness: 0 };
  const isNight = hour >= 19.6 || hour < 5.4;
  const dusk = isNight ? 0 : ramp(hour, 19, 19.6) + 1 - ramp(hour, 5.4, 6);
  return { noon, evening, night: isNight ? 1 : 0, brightness: -0.22 * dusk };
}

function ramp(hour: number, from: number, to: number): number {
  return Math.max(0, Math.min(1, (hour - from) / (to - from)));
}

function spellsOf(day: Day, random: Random, perDay: number, minutes: number): Spell[] {
  const expected = (perDay * day.steps * STEP_S) / 86_400;
  const count = Math.floor(expected + random());
  return Array.from({ length: count }, () => {
    const from = Math.floor(random() * day.steps);
    const length = Math.max(1, Math.round(minutes * STEPS_PER_MINUTE * (0.5 + random())));
    return { from, to: from + length, strength: 0.3 + 0.7 * random() };
  });
}

/** Spells of weather come and go slowly. */
function at(spells: readonly Spell[], step: number): number {
  const strengths = spells.map(({ from, to, strength }) => {
    const rim = Math.max(1, (to - from) / 5);
    return strength * Math.max(0, Math.min(1, (step - from) / rim, (to - step) / rim));
  });
  return Math.max(0, ...strengths);
}

/** Those that stop in front stand still meanwhile. */
function placeIn(spells: readonly Spell[], step: number): Place | undefined {
  const spell = spells.find(({ from, to }) => step >= from && step < to);
  if (!spell) return undefined;
  const share = (spell.strength - 0.3) / 0.7;
  return { x: Math.round(-60 + share * (FRAME.width - 320)), y: Math.round(30 + share * 60) };
}

function jitter(random: Random): number {
  return MARGIN + Math.round((random() - 0.5) * 3);
}

function anywhere(random: Random, width: number, height: number): Place {
  return {
    x: Math.round(random() * (FRAME.width - width)),
    y: Math.round(random() * (FRAME.height - height)),
  };
}

const COLOURS = ['0x202428', '0xb03020', '0x3050a0', '0xd0d0c8', '0x505850'];

function passersBy(random: Random): Moment['passers'] {
  return Array.from({ length: 3 }, () => {
    const height = Math.round(20 + random() * 90);
    const width = Math.round(height * (random() < 0.5 ? 0.4 : 1.6));
    const shown = random() < 0.6 ? anywhere(random, width, height) : { x: FRAME.width, y: FRAME.height };
    return { ...shown, width, height, colour: COLOURS[Math.floor(random() * COLOURS.length)] ?? '0x202428' };
  });
}
