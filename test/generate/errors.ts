import { CODES, type Code, type CodeEntry } from '../../agent/base/codes.ts';
import type { Side } from '../../agent/contract/messages.ts';
import { sideOf } from '../../agent/contract/side.ts';
import { sideOfCamera } from '../../agent/health/side.ts';

const FAULTS: Record<string, string> = {
  configuration: 'the box file or what is installed with it',
  device: 'a camera or its link',
  peer: 'a device that breaks its protocol',
  uplink: 'the backbone or the broker',
  order: 'who gave the order',
  ourselves: 'the box or the program',
};

const ANSWERS = ['yes', 'no', 'unknown'] as const;

/** Each side that a cause can be on, in the words of the health of a camera; of its own camera first. */
export function sidesOf(code: Code): Side[] {
  if (!/^(camera|picture)-/.test(code)) return [sideOf(code)];
  const alone = { consequenceOf: undefined };
  const found = (['commune', 'partner'] as const).flatMap((owner) =>
    ANSWERS.map((neighboursAnswer) => sideOfCamera(code, { owner, neighboursAnswer, ...alone })),
  );
  return [...new Set(found)];
}

/** `docs/reference/errors.md`. */
export function errorsPage(): string {
  const rows = Object.entries<CodeEntry>(CODES).map(
    ([code, entry]) =>
      `| \`${code}\` | ${entry.fault} | ${sidesOf(code as Code).join(', ')} | ${entry.retryable ? 'yes' : 'no'} | ${entry.means} | ${entry.remedy} |`,
  );
  const faults = Object.entries(FAULTS).map(([fault, who]) => `- \`${fault}\`: ${who}`);
  return `# Error codes

Generated from \`agent/base/codes.ts\`; do not edit. A code names one cause, and each cause has one side at fault:

${faults.join('\n')}

The side is where the party stands that answers for it, seen from the box: \`camera\` (and its own cable), \`local-network\`
(the capillary network of the commune), \`box\`, \`backbone\`, \`centre\` (of the metropole), \`partner\`. Where several
stand, the first is that of a camera whose neighbours answer, \`local-network\` that of one whose neighbours fall silent
too, \`unknown\` that of one without neighbours, and \`partner\` that of a partner's camera. A camera whose segment is down
is on the side of that segment whatever its own cause.

| code | fault | side | retried by itself | what happened | what to do |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}
`;
}
