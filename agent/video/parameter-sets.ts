import { nalRules } from '../camera/codec/nal.ts';
import { parseSps, type Sps } from '../camera/codec/sps.ts';
import type { AccessUnit, VideoTrack } from '../camera/types.ts';
import type { CodecSets } from './fmp4/sample-entry.ts';

/** Most parameter sets of one kind that are kept: more than any camera sends. Source: guess. */
const MAX_SETS_PER_KIND = 16;
/** Longest parameter set. Source: guess; real ones have tens of bytes. */
const MAX_SET_BYTES = 4096;

type Kind = keyof CodecSets;

/** What a decoder needs before the first picture. */
export interface StreamSetup {
  readonly sets: CodecSets;
  readonly sps: Sps;
}

/** The parameter sets in force: those of DESCRIBE, then those that the camera sends in band. */
export class ParameterSetKeeper {
  readonly #codec: VideoTrack['codec'];
  readonly #isSet: (nal: Buffer) => boolean;
  #sets: CodecSets;
  #setup: StreamSetup | undefined;

  constructor(track: VideoTrack) {
    this.#codec = track.codec;
    const { kind } = nalRules(track.codec);
    this.#isSet = (nal) => isSetKind(kind(nal));
    const { vps, sps, pps } = track.parameterSets;
    this.#sets = { vps: usable(vps), sps: usable(sps), pps: usable(pps) };
    this.#setup = this.#complete();
  }

  /** Undefined until every kind is there and the sequence parameter set makes sense. */
  get setup(): StreamSetup | undefined {
    return this.#setup;
  }

  /** Takes the parameter sets out of an access unit; `setup` is another object when they changed something. */
  take(unit: AccessUnit): void {
    if (!unit.nals.some(this.#isSet)) return;
    const found = this.#inBand(unit);
    const next: CodecSets = {
      vps: found.vps.length > 0 ? found.vps : this.#sets.vps,
      sps: found.sps.length > 0 ? found.sps : this.#sets.sps,
      pps: found.pps.length > 0 ? found.pps : this.#sets.pps,
    };
    if (sameSets(next, this.#sets)) return;
    this.#sets = next;
    this.#setup = this.#complete() ?? this.#setup;
  }

  #inBand(unit: AccessUnit): Record<Kind, Buffer[]> {
    const { kind: kindOf } = nalRules(this.#codec);
    const found: Record<Kind, Buffer[]> = { vps: [], sps: [], pps: [] };
    for (const nal of unit.nals) {
      const kind = kindOf(nal);
      if (!isSetKind(kind)) continue;
      const list = found[kind];
      const isNew = nal.length <= MAX_SET_BYTES && !list.some((other) => other.equals(nal));
      if (isNew && list.length < MAX_SETS_PER_KIND) list.push(Buffer.from(nal));
    }
    return found;
  }

  #complete(): StreamSetup | undefined {
    const [first] = this.#sets.sps;
    if (!first || this.#sets.pps.length === 0) return undefined;
    if (this.#codec === 'h265' && this.#sets.vps.length === 0) return undefined;
    const sps = parseSps(this.#codec, first);
    return sps && { sets: this.#sets, sps };
  }
}

/** Whether a decoder that was told of one needs not be told of the other. */
export function isSameSetup(a: StreamSetup, b: StreamSetup | undefined): boolean {
  return b !== undefined && a.sps.codec === b.sps.codec && sameSets(a.sets, b.sets);
}

function isSetKind(kind: string): kind is Kind {
  return kind === 'vps' || kind === 'sps' || kind === 'pps';
}

function usable(set: Buffer | undefined): Buffer[] {
  return set && set.length > 0 && set.length <= MAX_SET_BYTES ? [set] : [];
}

function sameSets(a: CodecSets, b: CodecSets): boolean {
  return a === b || (sameList(a.vps, b.vps) && sameList(a.sps, b.sps) && sameList(a.pps, b.pps));
}

function sameList(a: readonly Buffer[], b: readonly Buffer[]): boolean {
  return a.length === b.length && a.every((nal, index) => b[index]?.equals(nal));
}
