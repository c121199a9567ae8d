/** Sentences for people. */
import { nameOf } from './audit.js';
import { kinds } from './generated/kinds.js';
import type { Decision, FailureKind, Latch, RefreshDecision } from './types.js';

/** What a kind of failure is: the sentence of `wit/policy.wit`. */
export function kindSentence(kind: FailureKind): string {
  return kind.tag === 'other' ? `The policy's own kind “${kind.val}”.` : kinds[kind.tag];
}

/** What a decision wants done, in a sentence. */
export function decisionSentence(decision: Decision): string {
  switch (decision.tag) {
    case 'refresh-and-retry':
      return 'Refresh the session, unless somebody else already did, and repeat this step once.';
    case 'sign-in-again':
      return 'The session is over: sign in anew with the password, and repeat this step once.';
    case 'discard-and-retry':
      return `Forget the ${decision.val}, obtain it anew, and repeat this step once.`;
    case 'retry':
      return `Repeat this step after ${duration(decision.val)}.`;
    case 'confirm': {
      const { after, within } = decision.val;
      const asking = within === undefined ? '' : `, for ${duration(within)} at most`;
      return `Do not send again: ask after ${duration(after)} what became of it${asking}.`;
    }
    case 'give-up':
      return 'The operation has failed; nothing is repeated.';
    case 'latch':
      return `The operation has failed, and so will all others until ${latchEnds(decision.val)}.`;
    default:
      return `A decision that this version has no name for, “${decision.val}”: give up.`;
  }
}

/** What a decision about a refresh wants done, in a sentence. */
export function refreshSentence(decision: RefreshDecision): string {
  switch (decision.tag) {
    case 'refresh':
      return 'Refresh the session now.';
    case 'adopt':
      return 'Take the session as it is.';
    case 'wait':
      return `Do not refresh before ${duration(decision.val)} have passed.`;
    case 'stop':
      return `Do not refresh until ${latchEnds(decision.val)}.`;
    default:
      return `A decision that this version has no name for, “${decision.val}”: do not refresh.`;
  }
}

function latchEnds(latch: Latch): string {
  switch (latch.tag) {
    case 'auth-required':
      return 'a person gives new credentials';
    case 'otp-required':
      return 'a person answers with a one-time code';
    case 'consent-required':
      return 'a person accepts the terms in the vendor’s app or site';
    case 'blocked':
      return 'the vendor lets this client in again, for which only silence helps';
    case 'client-refused':
      return 'there is a version of this program that the vendor takes';
    default:
      return `a person acts (${nameOf(latch)})`;
  }
}

/** A duration for people: `250 ms`, `2.4 s`, `15 min`, `1 h 30 min`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${milliseconds} ms`;
  const seconds = milliseconds / 1_000;
  if (seconds < 60) return `${Number(seconds.toFixed(1))} s`;
  const whole = Math.round(seconds);
  const parts = [
    [Math.floor(whole / 3_600), 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ] as const;
  return parts
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ');
}
