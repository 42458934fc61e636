/** Nothing is asked that need not be; the configuration knows no rarer pace. */
export const checksOff = {
  health: { probeIntervalS: 3600, pictureIntervalS: 0, vitalsSchedule: '0 0 1 1 *' },
};
/** As every box without a word in its configuration, but for the pictures. */
export const withoutPictures = { health: { pictureIntervalS: 0 } };
/** As every box without a word in its configuration: one picture per camera and minute. */
export const allChecks = { health: {} };
/** Five looks make a view: it need not take five minutes. More often, and one decoder does not keep up. */
export const learnViews = { health: { pictureIntervalS: 30 } };
