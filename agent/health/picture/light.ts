import type { PictureNumbers } from '../../contract/picture.ts';

export const LIGHTS = ['day', 'night', 'infrared'] as const;
export type Light = (typeof LIGHTS)[number];

/** A picture without colour is greyer than this; grey scenes keep the tint of the light. Source: guess. */
const COLOURLESS = 1;
/** Between the mean luma of day and of night. Source: guess. */
const DAY_LEVEL = 60;

/** The light that a picture was taken in. @param seenColour whether the camera ever showed colour */
export function lightOf({ mean, chroma }: PictureNumbers, seenColour: boolean): Light {
  if (chroma < COLOURLESS && seenColour) return 'infrared';
  return mean >= DAY_LEVEL ? 'day' : 'night';
}

export function hasColour({ chroma }: { readonly chroma: number }): boolean {
  return chroma >= COLOURLESS;
}
