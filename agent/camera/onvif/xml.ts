import { PeerProtocolError } from '../../base/errors.ts';
import { quoted } from '../../base/text.ts';

/** One element, names without their prefixes. */
export interface XmlElement {
  readonly name: string;
  /** URI of the namespace, empty when there is none. */
  readonly namespace: string;
  /** By local name, without the declarations of namespaces. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** Trimmed. */
  readonly text: string;
  /** The URI of a prefix as it holds at this element; the default namespace has the prefix ''. */
  readonly scope: Scope;
}

/** Namespaces at one element. */
interface Scope {
  get(prefix: string): string | undefined;
}

/** ONVIF answers nest about 15 deep. Source: guess. */
const MAX_DEPTH = 64;

/** A recorder with 64 profiles answers with about 7,000 elements. Source: guess. */
const MAX_ELEMENTS = 50_000;

/**
 * Parses one document. Document types and entities of its own are refused, depth and number of elements are bounded.
 * @param from who sent it, for messages
 * @throws PeerProtocolError `camera-protocol`
 */
export async function parseXml(text: string, from: string): Promise<XmlElement> {
  checkShape(text, from);
  const { Parser } = await import('xml2js'); // the video process reads none, as a rule
  const parser = new Parser({ explicitRoot: false, explicitChildren: true, preserveChildrenOrder: true });
  let root: RawElement | null;
  try {
    root = await parser.parseStringPromise(text);
  } catch (cause) {
    throw broken(from, `expected XML, came ${quoted(text)}`, cause);
  }
  if (root === null || typeof root !== 'object') throw broken(from, 'expected XML, came nothing');
  return element(root, NO_NAMESPACES);
}

/** The first child with this local name. */
export function child(parent: XmlElement | undefined, name: string): XmlElement | undefined {
  return parent?.children.find((one) => one.name === name);
}

/** Every child with this local name. */
export function childrenOf(parent: XmlElement | undefined, name: string): XmlElement[] {
  return parent?.children.filter((one) => one.name === name) ?? [];
}

/** The element at the end of a path of local names. */
export function at(parent: XmlElement | undefined, ...path: string[]): XmlElement | undefined {
  return path.reduce((inner, name) => child(inner, name), parent);
}

/** The text at the end of a path of local names; empty when there is none. */
export function textAt(parent: XmlElement | undefined, ...path: string[]): string {
  return at(parent, ...path)?.text ?? '';
}

/** Text made safe for the content or an attribute of an XML document; what XML cannot carry is left out. */
export function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
    .replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/**
 * The element as a document of its own, with its namespaces declared, and `extra` as further attributes. Each element
 * names its namespace anew: what came as little may become any length.
 * @param most characters
 * @returns undefined when there would be more
 */
export function serializeXml(one: XmlElement, most: number, extra = ''): string | undefined {
  const attributes = Object.entries(one.attributes).map(([name, value]) => ` ${name}="${escapeXml(value)}"`);
  const [name, declared] =
    one.namespace === '' ? [one.name, ''] : [`e:${one.name}`, ` xmlns:e="${escapeXml(one.namespace)}"`];
  let text = `<${name}${declared}${attributes.join('')}${extra}>${escapeXml(one.text)}`;
  for (const each of one.children) {
    const inner = serializeXml(each, most - text.length);
    if (inner === undefined) return undefined;
    text += inner;
  }
  text += `</${name}>`;
  return text.length <= most ? text : undefined;
}

/** What xml2js makes of an element under the options above. */
interface RawElement {
  readonly '#name': string;
  readonly _?: unknown;
  readonly $?: Readonly<Record<string, string>>;
  readonly $$?: readonly RawElement[];
}

const NO_NAMESPACES: Scope = new Map();

/** What an element declares, before what holds around it: a copy for each would take any memory. */
class InnerScope implements Scope {
  readonly #own: ReadonlyMap<string, string>;
  readonly #outer: Scope;

  constructor(own: ReadonlyMap<string, string>, outer: Scope) {
    this.#own = own;
    this.#outer = outer;
  }

  get(prefix: string): string | undefined {
    return this.#own.get(prefix) ?? this.#outer.get(prefix);
  }
}

function element(raw: RawElement, outer: Scope): XmlElement {
  const all = Object.entries(raw.$ ?? {});
  const declared = all
    .filter(([name]) => isDeclaration(name))
    .map(([name, uri]) => [name.slice('xmlns:'.length), uri] as const);
  const scope = declared.length === 0 ? outer : new InnerScope(new Map(declared), outer);
  const [prefix, name] = split(raw['#name']);
  return {
    name,
    namespace: scope.get(prefix) ?? '',
    attributes: Object.fromEntries(
      all.filter(([key]) => !isDeclaration(key)).map(([key, value]) => [split(key)[1], value]),
    ),
    children: (raw.$$ ?? []).map((each) => element(each, scope)),
    text: typeof raw._ === 'string' ? raw._.trim() : '',
    scope,
  };
}

function isDeclaration(attribute: string): boolean {
  return attribute === 'xmlns' || attribute.startsWith('xmlns:');
}

function split(name: string): [prefix: string, local: string] {
  const colon = name.indexOf(':');
  return colon < 0 ? ['', name] : [name.slice(0, colon), name.slice(colon + 1)];
}

/** Looks at the tags alone, before anything is built in memory. */
function checkShape(text: string, from: string): void {
  let depth = 0;
  let elements = 0;
  for (let open = text.indexOf('<'); open >= 0; ) {
    const skipped = skipAside(text, open);
    if (skipped !== undefined) {
      open = text.indexOf('<', skipped);
      continue;
    }
    if (text[open + 1] === '!') throw broken(from, 'expected XML without a document type or entities');
    const close = endOfTag(text, open + 1);
    if (text[open + 1] === '/') depth -= 1;
    else {
      elements += 1;
      if (text[close - 1] !== '/') depth += 1;
    }
    if (depth > MAX_DEPTH) throw broken(from, `expected XML at most ${MAX_DEPTH} deep`);
    if (elements > MAX_ELEMENTS) throw broken(from, `expected XML of at most ${MAX_ELEMENTS} elements`);
    open = text.indexOf('<', close);
  }
}

const ASIDES = [
  ['<!--', '-->'],
  ['<![CDATA[', ']]>'],
  ['<?', '?>'],
] as const;

/** Where a comment, CDATA section or processing instruction that begins at `open` ends; undefined when none does. */
function skipAside(text: string, open: number): number | undefined {
  for (const [start, end] of ASIDES) {
    if (!text.startsWith(start, open)) continue;
    const found = text.indexOf(end, open + start.length);
    return found < 0 ? text.length : found + end.length;
  }
  return undefined;
}

function endOfTag(text: string, from: number): number {
  let quote = '';
  for (let i = from; i < text.length; i += 1) {
    const c = text[i];
    if (quote !== '') quote = c === quote ? '' : quote;
    else if (c === '"' || c === "'") quote = c;
    else if (c === '>') return i;
  }
  return text.length;
}

function broken(from: string, message: string, cause?: unknown): PeerProtocolError {
  return new PeerProtocolError('camera-protocol', `${from}: ${message}`, { cause });
}
