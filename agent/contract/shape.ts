/**
 * A JSON Schema with the few keywords that the schemas of the contract come down to. Who checks messages by shapes need
 * not load zod, which takes a quarter of the memory of the video process.
 */
export interface Shape {
  readonly $ref?: string;
  readonly oneOf?: readonly Shape[];
  readonly type?: 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean';
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: false | Shape;
  readonly propertyNames?: Shape;
  readonly items?: Shape;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
}

/** A shape with those that it refers to by name. */
export interface ShapeDocument extends Shape {
  readonly $defs: Readonly<Record<string, Shape>>;
}

/** More faults than this help nobody. */
const MAX_FAULTS = 50;
/** Names of keys come from outside. */
const PLAIN_KEY = /^[A-Za-z0-9_-]{1,80}$/;

/** A key that has one value. */
type Constant = readonly [key: string, value: unknown];
type Tell = (path: string, expected: string) => void;

/** Checks values against one shape. */
export class ShapeCheck<T> {
  readonly #document: ShapeDocument;
  readonly #patterns = new Map<string, RegExp>();
  readonly #constants = new Map<Shape, readonly Constant[]>();

  constructor(document: ShapeDocument) {
    this.#document = document;
  }

  /** @returns the value itself, or what is wrong with it, as `path: what was expected` without the content */
  check(value: unknown): { readonly value: T } | { readonly faults: readonly string[] } {
    const faults: string[] = [];
    const tell: Tell = (path, expected) => {
      if (faults.length < MAX_FAULTS) faults.push(`${path || '(root)'}: ${expected}`);
    };
    this.#look(this.#document, value, '', tell);
    return faults.length > 0 ? { faults } : { value: value as T };
  }

  #look(shape: Shape, value: unknown, path: string, tell: Tell): void {
    if (shape.$ref !== undefined) this.#look(this.#named(shape.$ref), value, path, tell);
    if (shape.oneOf) this.#lookAtKind(shape.oneOf, value, path, tell);
    if (shape.type !== undefined && !isOfType(value, shape.type)) tell(path, `expected ${shape.type}`);
    else if (typeof value === 'string') this.#lookAtText(shape, value, path, tell);
    else if (typeof value === 'number') lookAtNumber(shape, value, path, tell);
    else if (Array.isArray(value)) this.#lookAtItems(shape, value, path, tell);
    else if (shape.type === 'object') this.#lookAtKeys(shape, value as object, path, tell);
    if (shape.const !== undefined && value !== shape.const) tell(path, `expected ${String(shape.const)}`);
    if (shape.enum && !shape.enum.includes(value)) tell(path, wordsOf(shape.enum));
  }

  #named(reference: string): Shape {
    return this.#document.$defs[reference.slice('#/$defs/'.length)] ?? {};
  }

  /** The one whose constants the value has is meant. */
  #lookAtKind(kinds: readonly Shape[], value: unknown, path: string, tell: Tell): void {
    const meant = kinds.find(
      (kind) => isOfType(value, 'object') && this.#hasConstants(kind, value as object),
    );
    if (meant) this.#look(meant, value, path, tell);
    else tell(path, 'expected one of the known kinds');
  }

  #lookAtText(shape: Shape, text: string, path: string, tell: Tell): void {
    const { minLength = 0, maxLength = text.length, pattern } = shape;
    if (text.length < 2 * minLength && charactersOf(text) < minLength)
      tell(path, `expected at least ${minLength} characters`);
    if (text.length > maxLength && charactersOf(text) > maxLength)
      tell(path, `expected at most ${maxLength} characters`);
    if (pattern !== undefined && !this.#pattern(pattern).test(text)) tell(path, `expected ${pattern}`);
  }

  #lookAtItems(shape: Shape, items: readonly unknown[], path: string, tell: Tell): void {
    const { minItems = 0, maxItems = items.length } = shape;
    if (items.length < minItems) tell(path, `expected at least ${minItems} items`);
    if (items.length > maxItems) tell(path, `expected at most ${maxItems} items`);
    const each = shape.items;
    if (!each || items.length > maxItems) return;
    for (const [i, item] of items.entries()) this.#look(each, item, below(path, String(i)), tell);
  }

  #lookAtKeys(shape: Shape, value: object, path: string, tell: Tell): void {
    const { properties = {}, required = [], additionalProperties: others, propertyNames } = shape;
    const entries = value as Readonly<Record<string, unknown>>;
    for (const key of required)
      if (!Object.hasOwn(entries, key) || entries[key] === undefined) tell(below(path, key), 'is missing');
    for (const key of Object.keys(entries)) {
      const one = entries[key];
      if (one === undefined) continue;
      const named = Object.hasOwn(properties, key) ? properties[key] : others;
      if (named === false) tell(below(path, key), 'unknown key');
      else if (named) this.#look(named, one, below(path, key), tell);
      if (propertyNames) this.#look(propertyNames, key, below(path, key), tell);
    }
  }

  #hasConstants(kind: Shape, value: object): boolean {
    const known = this.#constants.get(kind) ?? constantsOf(kind);
    this.#constants.set(kind, known);
    return known.every(([key, one]) => (value as Record<string, unknown>)[key] === one);
  }

  #pattern(source: string): RegExp {
    const known = this.#patterns.get(source);
    if (known) return known;
    const pattern = new RegExp(source, 'u');
    this.#patterns.set(source, pattern);
    return pattern;
  }
}

/** As zod and JSON Schema count them: what takes two places in memory may be one. */
function charactersOf(text: string): number {
  return [...text].length;
}

function isOfType(value: unknown, type: NonNullable<Shape['type']>): boolean {
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'integer') return Number.isSafeInteger(value);
  if (type === 'number') return Number.isFinite(value);
  return typeof value === type;
}

function constantsOf({ properties = {} }: Shape): readonly Constant[] {
  return Object.entries(properties).flatMap(([key, one]) =>
    one.const === undefined ? [] : [[key, one.const]],
  );
}

/** Long lists are those of codes. */
function wordsOf(words: readonly unknown[]): string {
  return words.length > 12 ? 'expected one of the known words' : `expected one of ${words.join(', ')}`;
}

function lookAtNumber({ minimum, maximum }: Shape, value: number, path: string, tell: Tell): void {
  if (minimum !== undefined && value < minimum) tell(path, `expected at least ${minimum}`);
  if (maximum !== undefined && value > maximum) tell(path, `expected at most ${maximum}`);
}

function below(path: string, key: string): string {
  const name = PLAIN_KEY.test(key) ? key : JSON.stringify(key.slice(0, 40));
  return path === '' ? name : `${path}.${name}`;
}
