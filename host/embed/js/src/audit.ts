/**
 * Records of decisions, in the form of `vehicle-connector audit --json`: keys with `_`, cases of variants by their names. What
 * is written here can be asked again of any policy with `vehicle-connector policy replay`.
 */
import type { Policy } from './policy.js';
import type {
  Attempt,
  CircuitScope,
  CircuitSettings,
  Circumstances,
  Decision,
  Failure,
  FailureKind,
  Latch,
  RefreshDecision,
  SessionView,
  Verdict,
} from './types.js';

/** A question and its answer. */
export type Decided =
  | { about: 'failure'; attempt: Attempt; decision: Decision }
  | { about: 'refresh'; session: SessionView; decision: RefreshDecision };

/** An answer in words, as `policy replay` compares it. */
export interface Answer {
  /** Kind of the failure; absent for a refresh. */
  kind?: string;
  /** Rule by which the policy recognised it; absent for a refresh. */
  rule?: string;
  /** The decision. */
  decision: string;
}

/** A line that is no record. */
export class NotARecord extends Error {
  override readonly name = 'NotARecord';
}

type Json = { [key: string]: unknown };

/** Reads a record. What it has beside question and answer (account, number, time) is left out. */
export function fromRecord(record: unknown): Decided {
  const { about, attempt, session, decision } = object(record, 'a record');
  if (about === 'failure') {
    const { failure, circumstances } = questionFrom(attempt);
    const verdict = verdictFrom(object(attempt, 'attempt').verdict);
    return {
      about,
      attempt: { failure, verdict, ...circumstances },
      decision: decisionFrom(decision) as Decision,
    };
  }
  if (about === 'refresh') {
    return {
      about,
      session: camel(object(session, 'session')) as unknown as SessionView,
      decision: decisionFrom(decision) as RefreshDecision,
    };
  }
  throw new NotARecord(`about is ${JSON.stringify(about)}, and not failure or refresh`);
}

/** The question of a recorded attempt: all of it but the verdict. */
export function questionFrom(attempt: unknown): { failure: Failure; circumstances: Circumstances } {
  const { failure, verdict, ...circumstances } = object(attempt, 'attempt');
  return {
    failure: camel(object(failure, 'failure')) as unknown as Failure,
    circumstances: camel(circumstances) as unknown as Circumstances,
  };
}

/** A recorded verdict. */
export function verdictFrom(verdict: unknown): Verdict {
  const { kind, rule, counts_against: scope } = object(verdict, 'verdict');
  return {
    kind: named(KINDS, kind) as FailureKind,
    rule: rule as string,
    ...(scope == null ? {} : { countsAgainst: scopeFrom(scope) }),
  };
}

/** A recorded scope. */
export function scopeFrom(scope: unknown): CircuitScope {
  return named(SCOPES, scope) as CircuitScope;
}

/** Recorded settings of a circuit. */
export function circuitFrom(settings: unknown): CircuitSettings {
  return camel(object(settings, 'settings')) as unknown as CircuitSettings;
}

/** The fields of a record that hold question and answer; the caller adds the others. */
export function toRecord(decided: Decided): Json {
  if (decided.about === 'refresh') {
    return { about: 'refresh', session: snake(decided.session), decision: decisionTo(decided.decision) };
  }
  const { failure, verdict, ...rest } = decided.attempt;
  return {
    about: 'failure',
    attempt: { failure: snake(failure), verdict: verdictTo(verdict), ...snake(rest) },
    decision: decisionTo(decided.decision),
  };
}

/** Puts the question of a record to a policy. */
export async function askAgain(
  decided: Decided,
  policy: Pick<Policy, 'classify' | 'decide' | 'admitRefresh'> | AsyncPolicy,
): Promise<Answer> {
  if (decided.about === 'refresh') return inWords(await policy.admitRefresh(decided.session));
  const verdict = await policy.classify(decided.attempt.failure);
  return inWords(await policy.decide({ ...decided.attempt, verdict }), verdict);
}

/** A policy in another thread. */
interface AsyncPolicy {
  classify(failure: Failure): Promise<Verdict>;
  decide(attempt: Attempt): Promise<Decision>;
  admitRefresh(session: SessionView): Promise<RefreshDecision>;
}

/** The recorded answer. */
export function recorded(decided: Decided): Answer {
  return decided.about === 'refresh'
    ? inWords(decided.decision)
    : inWords(decided.decision, decided.attempt.verdict);
}

/** An answer in words: those of `policy replay`. */
export function inWords(decision: Decision | RefreshDecision, verdict?: Verdict): Answer {
  const answer = { decision: decisionInWords(decision) };
  return verdict ? { kind: nameOf(verdict.kind), rule: verdict.rule, ...answer } : answer;
}

/** Name of a case; for `other`, the name that the policy gave it. */
export function nameOf(variant: FailureKind | CircuitScope | Latch): string {
  return variant.tag === 'other' ? variant.val : variant.tag;
}

function decisionInWords(decision: Decision | RefreshDecision): string {
  switch (decision.tag) {
    case 'discard-and-retry':
      return `discard-and-retry ${decision.val}`;
    case 'retry':
      return `retry after ${decision.val} ms`;
    case 'confirm': {
      const { after, within } = decision.val;
      return `confirm after ${after} ms${within == null ? '' : `, for ${within} ms`}`;
    }
    case 'latch':
      return `latch ${nameOf(decision.val)}`;
    case 'wait':
      return `wait ${decision.val} ms`;
    case 'stop':
      return `stop ${nameOf(decision.val)}`;
    case 'other':
      return `other ${decision.val}`;
    default:
      return decision.tag;
  }
}

function decisionTo(decision: Decision | RefreshDecision): unknown {
  if (decision.tag === 'latch' || decision.tag === 'stop') return { [decision.tag]: nameOf(decision.val) };
  if (decision.tag === 'confirm') {
    return { confirm: { after: decision.val.after, within: decision.val.within ?? null } };
  }
  return 'val' in decision ? { [decision.tag]: decision.val } : decision.tag;
}

/** A recorded decision, of either kind. */
export function decisionFrom(value: unknown): { tag: string; val?: unknown } {
  if (typeof value === 'string') return { tag: value };
  const [[tag, val] = [], ...more] = Object.entries(object(value, 'decision'));
  if (tag === undefined || more.length > 0) throw new NotARecord('decision is no case with one value');
  if (tag === 'latch' || tag === 'stop') return { tag, val: named(LATCHES, val) };
  if (tag === 'confirm') {
    const { after, within } = object(val, 'decision.confirm');
    return { tag, val: within == null ? { after } : { after, within } };
  }
  return { tag, val };
}

function verdictTo(verdict: Verdict): Json {
  const scope = verdict.countsAgainst;
  return {
    kind: nameOf(verdict.kind),
    rule: verdict.rule,
    counts_against: scope === undefined ? null : nameOf(scope),
  };
}

/** The names of a variant that has `other` besides. */
type Names<T extends { tag: string }> = Record<Exclude<T['tag'], 'other'>, 0>;

const KINDS: Names<FailureKind> = {
  'token-expired': 0,
  'token-refused-fresh': 0,
  'device-unregistered': 0,
  'control-token-expired': 0,
  'credentials-rejected': 0,
  'challenge-required': 0,
  'client-refused': 0,
  'rate-limited': 0,
  busy: 0,
  'battery-low': 0,
  'no-data': 0,
  'vehicle-unreachable': 0,
  transient: 0,
  unsupported: 0,
  'invalid-request': 0,
  malformed: 0,
  unknown: 0,
};
const SCOPES: Names<CircuitScope> = { 'token-endpoint': 0, cloud: 0, account: 0, vehicle: 0 };
const LATCHES: Names<Latch> = {
  'auth-required': 0,
  'otp-required': 0,
  'consent-required': 0,
  blocked: 0,
  'client-refused': 0,
};

function named(names: object, name: unknown): { tag: string; val?: string } {
  if (typeof name !== 'string') throw new NotARecord(`${JSON.stringify(name)} is no name of a case`);
  return Object.hasOwn(names, name) ? { tag: name } : { tag: 'other', val: name };
}

function camel(fields: Json): Json {
  const words = (key: string) => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const entries = Object.entries(fields).filter(([, value]) => value !== null);
  return Object.fromEntries(entries.map(([key, value]) => [words(key), value]));
}

function snake(fields: object): Json {
  const words = (key: string) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [words(key), value]));
}

function object(value: unknown, name: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw new NotARecord(`${name} is no object`);
}
