/** The failure that a person describes. */
import { effectOf, recordedFailure } from '../../src/cases.js';
import type { BodyKind, Certainty, Circumstances, Failure, Phase, Transport } from '../../src/types.js';
import { byId } from './dom.js';

/** What is asked of the policies. */
export interface Asked {
  failure: Failure;
  circumstances: Circumstances;
}

const form = byId('failure', HTMLFormElement);

/** The field of this name. */
export function field(name: string): HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement {
  const found = form.elements.namedItem(name);
  if (
    found instanceof HTMLInputElement ||
    found instanceof HTMLSelectElement ||
    found instanceof HTMLTextAreaElement
  ) {
    return found;
  }
  throw new Error(`the form has no field ${name}`);
}

/** Reads the form. Codes that are not given are looked for in the text, as for recorded failures. */
export function read(): Asked {
  const phase = field('phase').value as Phase;
  const operation = field('operation').value.trim() || OPERATIONS[phase];
  const seen = { cloud: field('cloud').value.trim(), operation, phase, text: field('text').value };
  const found = recordedFailure({ ...seen, status: whole('status') }, json(seen.text));
  const body = field('body').value as BodyKind | '';
  const failure = given<Failure>(found, {
    effect: effectOf(phase),
    certainty: field('certainty').value as Certainty,
    transport: optional('transport') as Transport | undefined,
    code: optional('code'),
    subCode: optional('sub-code'),
    oauthError: optional('oauth-error'),
    retryAfter: seconds('retry-after'),
    tokenAge: seconds('token-age'),
    body: body || undefined,
  });
  return {
    failure,
    circumstances: {
      number: whole('number') ?? 1,
      refreshed: (field('refreshed') as HTMLInputElement).checked,
      superseded: false,
      elapsed: 1_000,
      remaining: 59_000,
      retryBudget: 3,
      // In the middle, so that the same form has the same answer.
      random: 0x8000_0000,
    },
  };
}

/** Puts a failure into the form. */
export function write(failure: Partial<Failure>): void {
  form.reset();
  const set = (name: string, value: string | number | undefined) => {
    field(name).value = value === undefined ? '' : String(value);
  };
  set('text', failure.message);
  set('status', failure.httpStatus);
  set('code', failure.code);
  set('sub-code', failure.subCode);
  set('oauth-error', failure.oauthError);
  set('cloud', failure.cloud ?? 'hyundai-kia-eu');
  set('operation', failure.operation);
  set('transport', failure.transport);
  set('body', failure.body);
  set('retry-after', failure.retryAfter === undefined ? undefined : failure.retryAfter / 1_000);
  set('token-age', failure.tokenAge === undefined ? undefined : failure.tokenAge / 1_000);
  if (failure.phase) set('phase', failure.phase);
  if (failure.certainty) set('certainty', failure.certainty);
}

/** Tells of every change. */
export function onChange(listener: () => void): void {
  form.addEventListener('input', listener);
  form.addEventListener('submit', (event) => event.preventDefault());
}

/** An operation of each step, where none is named. */
const OPERATIONS: Readonly<Record<Phase, string>> = {
  'sign-in': 'login',
  refresh: 'refresh',
  registration: 'login',
  pin: 'lock',
  status: 'status',
  command: 'lock',
  confirmation: 'lock',
  unknown: 'unknown',
};

function given<T extends object>(found: T, fields: { [K in keyof T]?: T[K] | undefined }): T {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return { ...found, ...Object.fromEntries(entries) };
}

function optional(name: string): string | undefined {
  return field(name).value.trim() || undefined;
}

function whole(name: string): number | undefined {
  const text = optional(name);
  return text === undefined ? undefined : Number(text);
}

function seconds(name: string): number | undefined {
  const amount = whole(name);
  return amount === undefined ? undefined : Math.round(amount * 1_000);
}

function json(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}
