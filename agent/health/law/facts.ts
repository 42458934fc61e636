import type { MaskList } from '../../camera/onvif/masks.ts';
import type { CardRecordings } from '../../camera/onvif/recordings.ts';
import type { LawRole } from '../../contract/law.ts';

/** What the law asks of a camera; the entry of the central configuration fits. */
export interface LegalProfile {
  readonly role?: LawRole | undefined;
  readonly faceThumbnails: boolean;
  readonly masksSha256?: string | undefined;
  readonly cardDays?: number | undefined;
  readonly authorisation?:
    | { readonly reference: string; readonly until: string; readonly warnDays: number }
    | undefined;
}

/** What the camera said by ONVIF when it was last asked; undefined: it did not say. */
export interface SaidOfLaw {
  readonly soundProfiles: number | undefined;
  readonly masks: MaskList | undefined;
  readonly card: CardRecordings | undefined;
}

/** What is known of a camera that its legal profile is about. */
export interface LawEvidence {
  readonly width: number | undefined;
  readonly height: number | undefined;
  /** Pictures per second over the last whole window, and whether that is too few for two in a row. */
  readonly fps: number | undefined;
  readonly fpsBefore: number | undefined;
  readonly clockOffsetMs: number | undefined;
  readonly clockOff: boolean;
  readonly clockUncertaintyMs?: number | undefined;
  /** It was measured too long ago to be believed. */
  readonly clockIsOld?: boolean;
  /** Whether the stream comes with sound, as it was described. */
  readonly streamSound?: boolean | undefined;
  /** Undefined until the camera was asked; null where it speaks no ONVIF. */
  readonly said: SaidOfLaw | null | undefined;
  /** It said so too long ago to be believed. */
  readonly saidIsOld?: boolean;
  /** The day in Europe/Paris; undefined while the clock of the box cannot be believed. */
  readonly today: string | undefined;
}

/** What the arrêté of 3 August 2007, article 2, asks of the pictures. */
export const ROLE_LIMITS: Readonly<
  Record<LawRole, { readonly width: number; readonly height: number; readonly fps: number }>
> = {
  'narrow-fast': { width: 704, height: 576, fps: 12 },
  narrow: { width: 704, height: 576, fps: 6 },
  wide: { width: 352, height: 288, fps: 6 },
  traffic: { width: 352, height: 288, fps: 6 },
};
