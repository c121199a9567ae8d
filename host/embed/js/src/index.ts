/**
 * Policies of vehicle-connector: what a failure of a vehicle cloud means, and what should follow.
 *
 * ```ts
 * import { Policy } from 'vehicle-connector';
 *
 * const policy = await Policy.load();
 * const verdict = policy.classify({ cloud: 'hyundai-kia-eu', operation: 'lock', … });
 * ```
 *
 * @module
 */
export {
  type FaultKind,
  InvalidFacts,
  Latched,
  NotAPolicy,
  NotNow,
  PolicyFault,
  UnreadableState,
} from './errors.js';
export { shortMessage } from './facts.js';
export { type IsolatedLimits, IsolatedPolicy } from './isolated.js';
export { type Asked, type Judged, Keeper, type KeeperOptions, type OperationOptions } from './keeper.js';
export { Policy } from './policy.js';
export { type Generation, PolicySlot, type SlotEvents } from './slot.js';
export { INTERFACE, type Limits, type Prepared, type Source } from './source.js';
export { Refused } from './trial.js';
export type * from './types.js';
export { decisionSentence, kindSentence, refreshSentence } from './words.js';
