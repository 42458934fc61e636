import { z } from 'zod';
import { ALL_CODES } from '../base/codes.ts';
import { count, text } from './envelope.ts';

/** What is looked at of a camera, from the wire up: each has a verdict of its own. */
export const LAYERS = [
  'ping',
  'tcp',
  'onvif',
  'clock',
  'time_source',
  'login_onvif',
  'login_stream',
  'identity',
  'profiles',
  'described',
  'flowing',
] as const;
export type Layer = (typeof LAYERS)[number];

const LAYER_VERDICTS = ['ok', 'fault', 'not-verifiable', 'not-asked', 'unknown'] as const;
export type LayerVerdict = (typeof LAYER_VERDICTS)[number];

const verdict = (description: string) => z.enum(LAYER_VERDICTS).meta({ description });
const cause = z.enum(ALL_CODES).optional();

/** The verdicts and their numbers, of the state `layers` of a camera. */
export const layerFields = {
  ping: verdict(
    'ICMP echo; not-verifiable: the box may not send it, or a camera that answers otherwise does not answer to it. Of every layer: not-verifiable is an answer of its own and never ok, not-asked: the configuration gives nothing to look at, unknown: not looked at yet, or too long ago',
  ),
  ping_cause: cause,
  tcp: verdict('the stream port takes connections'),
  tcp_cause: cause,
  onvif: verdict('the device service answers over HTTP'),
  onvif_cause: cause,
  clock: verdict('offset within health.clockOffsetLimitMs, certain of it'),
  clock_cause: cause,
  clock_offset_ms: z.number().optional(),
  clock_uncertainty_ms: z.number().min(0).optional(),
  time_source: verdict('the camera takes its time from health.timeServers (GetNTP)'),
  time_source_cause: cause,
  time_servers: text.optional().meta({ description: 'as the camera says, joined by ", "' }),
  login_onvif: verdict('the login by ONVIF'),
  login_onvif_cause: cause,
  login_stream: verdict('the login by RTSP'),
  login_stream_cause: cause,
  identity: verdict('the device is the expected one, by its serial number'),
  identity_cause: cause,
  profiles: verdict('the camera has profiles with video, and the one that is configured'),
  profiles_cause: cause,
  profiles_count: count.optional(),
  described: verdict('the camera describes its stream'),
  described_cause: cause,
  flowing: verdict('pictures arrive; of a camera of a partner asked on a lease alone'),
  flowing_cause: cause,
};
