import { nalRules } from '../codec/nal.ts';
import { parseSps } from '../codec/sps.ts';
import { splitStartCodes, withoutTrailingZeros } from '../codec/start-codes.ts';
import type { ParameterSets, VideoCodec, VideoTrack } from '../types.ts';

/** The video track of a description, and how to ask for it. */
export interface DescribedVideo {
  readonly track: VideoTrack;
  readonly payloadType: number;
  /** `a=control` of the track; `*` when it has none. */
  readonly control: string;
  /** `a=control` of the whole presentation; `*` when it has none. */
  readonly sessionControl: string;
}

/** The track of a description that carries events, and how to ask for it. */
export interface DescribedMetadata {
  readonly payloadType: number;
  /** `a=control` of the track. */
  readonly control: string;
  readonly gzip: boolean;
}

/** RTP clock of H.264 and H.265. @see RFC 6184 §8.1, RFC 7798 §7.1 */
const VIDEO_CLOCK_RATE = 90_000;
/** No camera counts faster. Source: guess. */
const MAX_CLOCK_RATE = 1_000_000;
/** @see RFC 3550 §5.1 */
const MAX_PAYLOAD_TYPE = 127;

/** Lines of a description that are looked at. Source: guess; real ones have some fifty. */
const MAX_LINES = 2048;

/** Lines of one `m=` section, or of what stands before the first. */
interface Section {
  /** The value of `m=`, empty for the session part. */
  readonly media: string;
  readonly attributes: readonly (readonly [name: string, value: string])[];
}

const CODECS: ReadonlyMap<string, { readonly codec: VideoCodec }> = new Map([
  ['h264', { codec: 'h264' }],
  ['h265', { codec: 'h265' }],
  ['hevc', { codec: 'h265' }],
]);

/**
 * The first H.264 or H.265 track of a session description; undefined when there is none. Reads only what is needed
 * and tolerates the rest; parameter sets that make no sense are left out.
 * @see RFC 8866, RFC 6184 §8.2.1, RFC 7798 §7.2
 */
export function findVideo(sdp: string): DescribedVideo | undefined {
  const [session, ...media] = sections(sdp);
  for (const section of media.filter(({ media }) => /^video\b/i.test(media))) {
    const found = videoOf(section);
    if (found)
      return {
        ...found,
        track: { ...found.track, sound: media.some(isSound) },
        sessionControl: attribute(session, 'control') ?? '*',
      };
  }
  return undefined;
}

/** Sound of the camera; not that which it would play. */
function isSound({ media, attributes }: Section): boolean {
  return /^audio\b/i.test(media) && !attributes.some(([name]) => name === 'sendonly' || name === 'inactive');
}

const METADATA: ReadonlyMap<string, { readonly gzip: boolean }> = new Map([
  ['vnd.onvif.metadata', { gzip: false }],
  ['vnd.onvif.metadata.gzip', { gzip: true }],
  ['vnd.onvif.metadata+gzip', { gzip: true }],
]);

/**
 * The first metadata track that comes as text or in gzip; undefined when there is none, or when it cannot be told apart
 * from the presentation.
 * @see ONVIF Streaming Specification, section "RTSP describe"
 */
export function findMetadata(sdp: string): DescribedMetadata | undefined {
  for (const section of sections(sdp).filter(({ media }) => /^application\b/i.test(media))) {
    const control = attribute(section, 'control');
    const [format] = formats(section, METADATA);
    if (format && control !== undefined && control !== '*') return { ...format, control };
  }
  return undefined;
}

/** The payload types of a section that are among the known ones, with what is known of each. */
function formats<T extends object>(
  section: Section,
  known: ReadonlyMap<string, T>,
): (T & { payloadType: number; clockRate: number })[] {
  return section.attributes.flatMap(([name, value]) => {
    const [, type, encoding, rate] = /^(\d{1,3})\s+([^/\s]+)(?:\/(\d+))?/.exec(value) ?? [];
    const meant = name === 'rtpmap' ? known.get((encoding ?? '').toLowerCase()) : undefined;
    return meant && Number(type) <= MAX_PAYLOAD_TYPE
      ? [{ ...meant, payloadType: Number(type), clockRate: Number(rate ?? 0) }]
      : [];
  });
}

/** The patterns match any character to the end: one that could fail there would try every blank before it anew. */
function sections(sdp: string): Section[] {
  const all: { media: string; attributes: [name: string, value: string][] }[] = [
    { media: '', attributes: [] },
  ];
  for (const line of sdp.split(/[\r\n\0]+/, MAX_LINES)) {
    const [, type, value] = /^\s*([a-z])\s*=\s*(.*)$/is.exec(line) ?? [];
    if (type === 'm') all.push({ media: value ?? '', attributes: [] });
    if (type !== 'a') continue;
    const [, name, rest] = /^([^:]*):?(.*)$/s.exec(value ?? '') ?? [];
    all.at(-1)?.attributes.push([(name ?? '').trim().toLowerCase(), (rest ?? '').trim()]);
  }
  return all;
}

function attribute(section: Section | undefined, name: string): string | undefined {
  const value = section?.attributes.find(([key]) => key === name)?.[1];
  return value === '' ? undefined : value;
}

function videoOf(
  section: Section,
): (Omit<DescribedVideo, 'sessionControl' | 'track'> & { track: Omit<VideoTrack, 'sound'> }) | undefined {
  const [format] = formats(section, CODECS);
  if (!format) return undefined;
  const { codec, payloadType } = format;
  const clockRate = clockRateOf(format.clockRate);
  const parameterSets = readParameterSets(codec, formatOf(section, payloadType));
  const control = attribute(section, 'control') ?? '*';
  return { track: { codec, clockRate, parameterSets }, payloadType, control };
}

function clockRateOf(said: number): number {
  return said > 0 && said <= MAX_CLOCK_RATE ? said : VIDEO_CLOCK_RATE;
}

/** The `a=fmtp` parameters of a payload type, names in lower case. */
function formatOf(section: Section, payloadType: number): ReadonlyMap<string, string> {
  const params = new Map<string, string>();
  for (const [name, value] of section.attributes) {
    const [, type, rest] = /^(\d{1,3})\s+(.*)$/s.exec(value) ?? [];
    if (name !== 'fmtp' || Number(type) !== payloadType) continue;
    for (const part of (rest ?? '').split(';')) {
      const at = part.indexOf('=');
      if (at > 0) params.set(part.slice(0, at).trim().toLowerCase(), part.slice(at + 1).trim());
    }
  }
  return params;
}

const SPROPS = ['sprop-parameter-sets', 'sprop-vps', 'sprop-sps', 'sprop-pps'];

function readParameterSets(codec: VideoCodec, format: ReadonlyMap<string, string>): ParameterSets {
  const rules = nalRules(codec);
  const sets: { vps?: Buffer; sps?: Buffer; pps?: Buffer } = {};
  for (const nal of SPROPS.flatMap((name) => decodeSprop(format.get(name) ?? ''))) {
    const kind = rules.kind(nal);
    if (kind !== 'vps' && kind !== 'sps' && kind !== 'pps') continue;
    if (nal.length <= rules.headerBytes || ((nal[0] ?? 0) & 0x80) !== 0) continue;
    if (kind === 'sps' && !parseSps(codec, nal)) continue;
    sets[kind] ??= nal;
  }
  return sets;
}

/** Parameter sets of one description, and characters of them, that are looked at. Source: guesses; real ones: three, 200. */
const MAX_SPROPS = 16;
const MAX_SPROP_CHARS = 64 * 1024;

/** Cameras leave start codes in front of, between and behind the parameter sets. */
function decodeSprop(value: string): Buffer[] {
  const sprops = value.slice(0, MAX_SPROP_CHARS).split(',', MAX_SPROPS);
  const units = sprops.flatMap((part) => splitStartCodes(Buffer.from(part.trim(), 'base64'), MAX_SPROPS));
  return units.map(withoutTrailingZeros).map((unit) => Buffer.from(unit));
}
