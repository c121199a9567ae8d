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
