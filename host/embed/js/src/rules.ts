/** Rules that a value has to meet. Their types are exact, so the compiler finds a rule that is not that of `wit/policy.wit`. */
import { InvalidFacts } from './errors.js';

/** Throws {@link InvalidFacts} for a value that is no `T`; `place` is its name in the message. */
export interface Rule<in out T> {
  (value: unknown, place: string): void;
  /** Never there: keeps a rule of one type from being taken for that of another. */
  readonly of?: (value: T) => T;
}

/** A text. */
export const text: Rule<string> = (value, place) => {
  if (typeof value !== 'string') throw wrong(place, value, 'a text');
};

/** `true` or `false`. */
export const flag: Rule<boolean> = (value, place) => {
  if (typeof value !== 'boolean') throw wrong(place, value, 'true or false');
};

/** A whole number within a range. */
export function whole(least: number, most: number): Rule<number> {
  return (value, place) => {
    if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
      throw wrong(place, value, `a whole number from ${least} to ${most}`);
    }
  };
}

/** A value that may be left out; `null` counts as left out, since JSON has no other word for it. */
export function absentOr<T>(rule: Rule<T>): Rule<T | undefined> {
  return (value, place) => {
    if (value != null) rule(value, place);
  };
}

/** One of some words. */
export function oneOf<T extends string>(words: Record<T, 0>): Rule<T> {
  const known: ReadonlySet<unknown> = new Set(Object.keys(words));
  return (value, place) => {
    if (!known.has(value)) throw wrong(place, value, `one of ${[...known].join(', ')}`);
  };
}

/** An object with these keys and no others. */
export function record<T extends object>(fields: { [K in keyof T]-?: Rule<T[K]> }): Rule<T> {
  const rules = new Map(Object.entries(fields) as [string, Rule<unknown>][]);
  return (value, place) => {
    if (typeof value !== 'object' || value === null) throw wrong(place, value, 'an object');
    for (const key of Object.keys(value)) {
      if (!rules.has(key)) throw unknownKey(place, key, [...rules.keys()]);
    }
    for (const [key, rule] of rules) rule((value as Record<string, unknown>)[key], `${place}.${key}`);
  };
}

/** The rules of a variant's cases; `null` for a case without a value. */
type Cases<T extends { tag: string }> = {
  [C in T as C['tag']]: C extends { val: infer V } ? Rule<V> : null;
};

/** A case of a variant: `{ tag }`, or `{ tag, val }` where the case has a value. */
export function variant<T extends { tag: string }>(cases: Cases<T>): Rule<T> {
  const rules = new Map(Object.entries(cases) as [string, Rule<unknown> | null][]);
  return (value, place) => {
    if (typeof value !== 'object' || value === null) throw wrong(place, value, 'an object with a tag');
    const { tag, val } = value as { tag?: unknown; val?: unknown };
    const rule = rules.get(tag as string);
    if (rule === undefined) throw wrong(`${place}.tag`, tag, `one of ${[...rules.keys()].join(', ')}`);
    for (const key of Object.keys(value)) {
      if (key !== 'tag' && key !== 'val') throw unknownKey(place, key, ['tag', 'val']);
    }
    if (rule) rule(val, `${place}.val`);
    else if (val !== undefined) throw wrong(`${place}.val`, val, `nothing: ${tag} has no value`);
  };
}

function wrong(place: string, value: unknown, wanted: string): InvalidFacts {
  return new InvalidFacts(place, `${show(value)} is not ${wanted}`);
}

function unknownKey(place: string, key: string, known: string[]): InvalidFacts {
  const plain = (name: string) => name.replace(/[^a-z]/gi, '').toLowerCase();
  const near = known.find((name) => plain(name) === plain(key));
  const hint = near ? `it is ${near} here` : `there is ${known.join(', ')}`;
  return new InvalidFacts(`${place}.${key}`, `an unknown key; ${hint}`);
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return String(value);
}
