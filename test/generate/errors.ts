import { CODES, type CodeEntry } from '../../agent/base/codes.ts';

const FAULTS: Record<string, string> = {
  configuration: 'the box file or what is installed with it',
  device: 'a camera or its link',
  peer: 'a device that breaks its protocol',
  uplink: 'the backbone or the broker',
  order: 'who gave the order',
  ourselves: 'the box or the program',
};

/** `docs/reference/errors.md`. */
export function errorsPage(): string {
  const rows = Object.entries<CodeEntry>(CODES).map(
    ([code, entry]) =>
      `| \`${code}\` | ${entry.fault} | ${entry.retryable ? 'yes' : 'no'} | ${entry.means} | ${entry.remedy} |`,
  );
  const faults = Object.entries(FAULTS).map(([fault, who]) => `- \`${fault}\`: ${who}`);
  return `# Error codes

Generated from \`agent/base/codes.ts\`; do not edit. A code names one cause, and each cause has one side at fault:

${faults.join('\n')}

| code | fault | retried by itself | what happened | what to do |
| --- | --- | --- | --- | --- |
${rows.join('\n')}
`;
}
