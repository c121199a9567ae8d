/**
 * Facts on their way into a policy. Nothing is converted silently: a wrong number would be another fact, and a misspelt key a
 * missing one.
 */
import { InvalidFacts } from './errors.js';
import type * as wit from './generated/policy.js';
import { absentOr, flag, oneOf, record, text, variant, whole } from './rules.js';
import type { Attempt, CircuitScope, Failure, FailureKind, SessionView, Verdict } from './types.js';

const u16 = whole(0, 0xffff);
const u32 = whole(0, 0xffff_ffff);
const safe = whole(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
const safeUnsigned = whole(0, Number.MAX_SAFE_INTEGER);

/** The longest message that a policy is shown, in bytes of UTF-8. */
const LONGEST_MESSAGE = 2_048;

const scope = variant<CircuitScope>({
  'token-endpoint': null,
  cloud: null,
  account: null,
  vehicle: null,
  other: text,
});

const failure = record<Failure>({
  cloud: text,
  operation: text,
  effect: oneOf({ read: 0, set: 0, actuation: 0, session: 0 }),
  phase: oneOf({
    'sign-in': 0,
    refresh: 0,
    registration: 0,
    pin: 0,
    status: 0,
    command: 0,
    confirmation: 0,
    unknown: 0,
  }),
  certainty: oneOf({ 'not-sent': 0, rejected: 0, ambiguous: 0, accepted: 0 }),
  transport: absentOr(oneOf({ 'not-sent': 0, interrupted: 0, denied: 0, other: 0 })),
  httpStatus: absentOr(u16),
  code: absentOr(text),
  subCode: absentOr(text),
  oauthError: absentOr(text),
  retryAfter: absentOr(u32),
  message: text,
  body: oneOf({ none: 0, json: 0, html: 0, other: 0 }),
  tokenAge: absentOr(u32),
  tokenLastWorked: absentOr(u32),
  endpoint: absentOr(text),
  redirect: absentOr(text),
  contentType: absentOr(text),
});

const verdict = record<Verdict>({
  kind: variant<FailureKind>({
    'token-expired': null,
    'token-refused-fresh': null,
    'device-unregistered': null,
    'control-token-expired': null,
    'credentials-rejected': null,
    'challenge-required': null,
    'client-refused': null,
    'rate-limited': null,
    busy: null,
    'battery-low': null,
    'no-data': null,
    'vehicle-unreachable': null,
    transient: null,
    unsupported: null,
    'invalid-request': null,
    malformed: null,
    unknown: null,
    other: text,
  }),
  rule: text,
  countsAgainst: absentOr(scope),
});

const attempt = record<Attempt>({
  failure,
  verdict,
  number: whole(1, 0xffff_ffff),
  refreshed: flag,
  superseded: flag,
  elapsed: u32,
  remaining: u32,
  retryBudget: u32,
  random: u32,
});

const session = record<SessionView>({
  cloud: text,
  reason: oneOf({ missing: 0, refused: 0, expiring: 0, unused: 0 }),
  generation: safeUnsigned,
  age: absentOr(u32),
  expiresIn: absentOr(safe),
  refreshExpiresIn: absentOr(safe),
  failures: u32,
  sinceFailure: absentOr(u32),
  retryAfter: absentOr(u32),
  refreshesLastHour: u32,
  random: u32,
});

/** The arguments of a policy's functions, checked and in the form in which they cross into the component. */
export const lower = {
  classify(value: Failure): wit.Failure {
    failure(value, 'failure');
    return withShortMessage(value);
  },
  decide(value: Attempt): wit.Attempt {
    attempt(value, 'attempt');
    return { ...value, failure: withShortMessage(value.failure) };
  },
  admitRefresh(value: SessionView): wit.SessionView {
    session(value, 'session');
    return {
      ...value,
      generation: BigInt(value.generation),
      expiresIn: wide(value.expiresIn),
      refreshExpiresIn: wide(value.refreshExpiresIn),
    };
  },
  circuit(value: CircuitScope): wit.CircuitScope {
    scope(value, 'scope');
    return value;
  },
};

function wide(value: number | null | undefined): bigint | undefined {
  return value == null ? undefined : BigInt(value);
}

function withShortMessage(value: Failure): Failure {
  const message = shortMessage(value.message);
  return message === value.message ? value : { ...value, message };
}

/** A message of at most 2,048 bytes, which ends with `…` where it was cut: as the host cuts it. */
export function shortMessage(message: string): string {
  if (message.length * 3 <= LONGEST_MESSAGE) return message;
  const bytes = new TextEncoder().encode(message);
  if (bytes.length <= LONGEST_MESSAGE) return message;
  let end = LONGEST_MESSAGE - 3;
  // Not within a character: its later bytes begin with 10.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return `${new TextDecoder().decode(bytes.subarray(0, end))}…`;
}

export { InvalidFacts };
