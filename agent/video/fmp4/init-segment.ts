import type { Sps } from '../../camera/codec/sps.ts';
import { BoxWriter } from './box-writer.ts';
import { type CodecSets, writeAvcSampleEntry, writeHevcSampleEntry } from './sample-entry.ts';

/** Media time of every track, units per second: the RTP clock of H.264 and H.265. @see RFC 6184 §8.2.1 */
export const TIMESCALE = 90_000;
/** Every file has one track. */
export const TRACK_ID = 1;

/** Everything but the parameter sets, with room to spare. */
const FIXED_BYTES = 1024;

/**
 * The initialisation segment: `ftyp` and `moov` with `mvex`, no samples.
 * @see ISO/IEC 14496-12 §8.8, ISO/IEC 23000-19 §7.3.2
 */
export function initSegment(video: Sps, sets: CodecSets): Buffer {
  const to = new BoxWriter(FIXED_BYTES + setBytes(sets));
  writeFtyp(to);
  to.box('moov', () => {
    writeMvhd(to);
    to.box('trak', () => {
      writeTkhd(to, video);
      to.box('mdia', () => {
        writeMdhd(to);
        writeHdlr(to);
        writeMinf(to, video, sets);
      });
    });
    to.box('mvex', () => writeTrex(to));
  });
  return to.finish();
}

function setBytes(sets: CodecSets): number {
  return [...sets.vps, ...sets.sps, ...sets.pps].reduce((sum, nal) => sum + nal.length + 2, 0);
}

function writeFtyp(to: BoxWriter): void {
  to.box('ftyp', () => {
    to.text('iso6');
    to.u32(0);
    to.text('iso6cmfcmp41');
  });
}

/** The unity matrix. @see ISO/IEC 14496-12 §6.2.2 */
function writeMatrix(to: BoxWriter): void {
  for (const value of [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000]) to.u32(value);
}

function writeMvhd(to: BoxWriter): void {
  to.fullBox('mvhd', 0, 0, () => {
    to.zeros(8);
    to.u32(TIMESCALE);
    to.u32(0); // duration: in the fragments
    to.u32(0x00010000); // rate 1.0
    to.u16(0x0100); // volume 1.0
    to.zeros(10);
    writeMatrix(to);
    to.zeros(24);
    to.u32(TRACK_ID + 1); // next_track_ID
  });
}

const TRACK_ENABLED_IN_MOVIE = 3;

function writeTkhd(to: BoxWriter, video: Sps): void {
  to.fullBox('tkhd', 0, TRACK_ENABLED_IN_MOVIE, () => {
    to.zeros(8);
    to.u32(TRACK_ID);
    to.zeros(4);
    to.u32(0); // duration
    to.zeros(8);
    to.u32(0); // layer, alternate_group
    to.u32(0); // volume 0: no sound
    writeMatrix(to);
    to.u32(video.width * 0x10000);
    to.u32(video.height * 0x10000);
  });
}

function writeMdhd(to: BoxWriter): void {
  to.fullBox('mdhd', 0, 0, () => {
    to.zeros(8);
    to.u32(TIMESCALE);
    to.u32(0);
    to.u16(0x55c4); // language: undetermined
    to.u16(0);
  });
}

function writeHdlr(to: BoxWriter): void {
  to.fullBox('hdlr', 0, 0, () => {
    to.u32(0);
    to.text('vide');
    to.zeros(12);
    to.text('Beffroi\0');
  });
}

function writeMinf(to: BoxWriter, video: Sps, sets: CodecSets): void {
  to.box('minf', () => {
    to.fullBox('vmhd', 0, 1, () => to.zeros(8));
    to.box('dinf', () =>
      to.fullBox('dref', 0, 0, () => {
        to.u32(1);
        to.fullBox('url ', 0, 1, () => undefined);
      }),
    );
    to.box('stbl', () => {
      to.fullBox('stsd', 0, 0, () => {
        to.u32(1);
        if (video.codec === 'h264') writeAvcSampleEntry(to, video, sets);
        else writeHevcSampleEntry(to, video, sets);
      });
      to.fullBox('stts', 0, 0, () => to.u32(0));
      to.fullBox('stsc', 0, 0, () => to.u32(0));
      to.fullBox('stsz', 0, 0, () => to.zeros(8));
      to.fullBox('stco', 0, 0, () => to.u32(0));
    });
  });
}

function writeTrex(to: BoxWriter): void {
  to.fullBox('trex', 0, 0, () => {
    to.u32(TRACK_ID);
    to.u32(1); // default_sample_description_index
    to.zeros(12);
  });
}
