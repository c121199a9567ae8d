import type { Latch } from './types.js';

/** Facts that are none: an unknown key, a number out of its range, a word that the interface does not have. */
export class InvalidFacts extends TypeError {
  override readonly name = 'InvalidFacts';

  constructor(
    /** Where it is, for instance `failure.httpStatus`. */
    readonly place: string,
    what: string,
  ) {
    super(`${place}: ${what}`);
  }
}

/** Why there is no answer. */
export type FaultKind =
  /** The policy stopped itself: unreachable code, an access out of bounds, a stack overflow. */
  | 'trap'
  /** It has taken more memory than it may. */
  | 'memory'
  /** It did not answer in time and was ended. Only of a policy in a worker. */
  | 'out-of-time'
  /** What it answered is no answer of the interface. */
  | 'nonsense'
  /** Its worker could not be started, or has ended by itself. */
  | 'gone';

/** A policy gave no answer. The next call finds a fresh instance. */
export class PolicyFault extends Error {
  override readonly name = 'PolicyFault';

  constructor(
    readonly kind: FaultKind,
    /** The function that was called, for instance `classify`. */
    readonly call: string,
    what: string,
    options?: ErrorOptions,
  ) {
    super(`the policy gave no answer to ${call}: ${what}`, options);
  }
}

/** A file or module that is no prepared policy. */
export class NotAPolicy extends Error {
  override readonly name = 'NotAPolicy';
}

/** Nothing is sent for this account until a person acts. `Keeper.lift` ends it. */
export class Latched extends Error {
  override readonly name = 'Latched';

  constructor(
    /** What is wanted. */
    readonly latch: Latch,
    /** Why, in words. */
    readonly why: string,
    cause?: unknown,
  ) {
    super(`a person must act (${latch.tag === 'other' ? latch.val : latch.tag}): ${why}`, { cause });
  }
}

/** What was given to a keeper as `state` is none that its rules can read. Nothing was sent or stored. */
export class UnreadableState extends Error {
  override readonly name = 'UnreadableState';

  constructor(why: string) {
    super(
      `the state that was kept of the account cannot be read: ${why}. A refused grant may be on record in it, so it is not taken ` +
        'for an empty one. Give it to the version of vehicle-connector that has written it; or, if the account’s credentials are ' +
        'good, begin without a state',
    );
  }
}

/** Nothing is sent now. */
export class NotNow extends Error {
  override readonly name = 'NotNow';

  constructor(
    /** Why, in words. */
    readonly why: string,
    /** Milliseconds after which it may be different; none if only a person can change it. */
    readonly retryIn: number | undefined,
    /** Whether an operation that has the time waits so long. */
    readonly worthWaiting: boolean,
    cause?: unknown,
  ) {
    super(retryIn === undefined ? why : `${why}; the next try is due in ${retryIn / 1000} s`, { cause });
  }
}
