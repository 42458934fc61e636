import type { z } from 'zod';
import { quoted } from '../base/text.ts';

/** More errors than this help nobody; the count still says how many there were. */
const MAX_ISSUES = 50;

/**
 * Every issue as `path: what was expected`, at most 50. Key names from outside are quoted and cut. Of what has the wrong
 * type nothing else is said: a text is not a list that is too long.
 */
export function describeIssues(error: z.ZodError): string[] {
  const wrongType = new Set(error.issues.filter(isWrongType).map(({ path }) => pathText(path)));
  const told = error.issues.filter((issue) => isWrongType(issue) || !wrongType.has(pathText(issue.path)));
  return told.flatMap(describeIssue).slice(0, MAX_ISSUES);
}

function isWrongType({ code }: z.core.$ZodIssue): boolean {
  return code === 'invalid_type';
}

function describeIssue(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => `${pathText([...issue.path, key])}: unknown key`);
  }
  return [`${pathText(issue.path)}: ${issue.message}`];
}

function pathText(path: readonly PropertyKey[]): string {
  const parts = path.map((part) => {
    const text = String(part);
    return /^[A-Za-z0-9_-]{1,80}$/.test(text) ? text : quoted(text, 40);
  });
  return parts.join('.') || '(root)';
}
