import type { z } from 'zod';

/** What a schema missed, as `path: what was expected`, at most ten, without the content. */
export function issuesOf(error: z.ZodError): string {
  return error.issues
    .slice(0, 10)
    .map((issue) => `${issue.path.map(String).join('.') || '(root)'}: ${wordsOf(issue)}`)
    .join('; ');
}

/** Names of unknown keys come from outside: they are cut and quoted. */
function wordsOf(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'unrecognized_keys') return issue.message;
  return `unknown ${issue.keys
    .slice(0, 5)
    .map((key) => JSON.stringify(key.slice(0, 40)))
    .join(', ')}`;
}
