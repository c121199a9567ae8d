/**
 * The values that a policy is asked and answers, as `wit/policy.wit` has them.
 *
 * Records are objects with camel-case keys, enums are strings, and a variant is `{ tag, val }`: `{ tag: "retry", val: 5000 }`.
 * What is optional may be left out. Durations are numbers of milliseconds; no number here is a `bigint`.
 */
import type * as wit from './generated/policy.js';

/** The 64-bit integers of the interface as numbers. */
type Numbers<T> = { [K in keyof T]: T[K] extends bigint | undefined ? Exclude<T[K], bigint> | number : T[K] };

export type {
  Attempt,
  BodyKind,
  Certainty,
  CircuitScope,
  CircuitSettings,
  Confirmation,
  Decision,
  Effect,
  Failure,
  FailureKind,
  Latch,
  Manifest,
  Milliseconds,
  Phase,
  RefreshDecision,
  RefreshReason,
  Transport,
  Verdict,
} from './generated/policy.js';

/**
 * The session as the caller of `admitRefresh` sees it. Generations and times until an end are safe integers
 * (`Number.isSafeInteger`).
 */
export interface SessionView extends Numbers<wit.SessionView> {}

/** What `decide` needs to know beside the failure and its verdict. */
export type Circumstances = Omit<wit.Attempt, 'failure' | 'verdict'>;

/** The answers of a policy to one failure. */
export interface Judgement {
  /** What the failure is. */
  verdict: wit.Verdict;
  /** What should follow. */
  decision: wit.Decision;
}

/** Who has answered. */
export interface Identity extends wit.Manifest {
  /** SHA-256 of the component, in hexadecimal. */
  digest: string;
}
