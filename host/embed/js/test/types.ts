/** What the types of the published package allow, and what they do not. Compiled, never run. */
import {
  type Decision,
  type Failure,
  IsolatedPolicy,
  Keeper,
  Latched,
  NotNow,
  Policy,
  PolicySlot,
  type SessionView,
} from 'vehicle-connector';
import { fromRecord } from 'vehicle-connector/audit';

const policy: Policy = await Policy.load();
const failure: Failure = {
  cloud: 'hyundai-kia-eu',
  operation: 'lock',
  effect: 'actuation',
  phase: 'command',
  certainty: 'rejected',
  httpStatus: 401,
  message: 'Key not authorized: Token is expired',
  body: 'json',
};

// @ts-expect-error: a word that the interface does not have
policy.classify({ ...failure, phase: 'sign in' });
// @ts-expect-error: an unknown key
policy.classify({ ...failure, http_status: 401 });
// @ts-expect-error: a number is wanted
policy.classify({ ...failure, retryAfter: '60' });
// @ts-expect-error: what is not optional
policy.classify({ cloud: 'hyundai-kia-eu' });

const session: SessionView = {
  cloud: 'hyundai-kia-eu',
  reason: 'expiring',
  generation: 3,
  expiresIn: -1,
  failures: 0,
  refreshesLastHour: 0,
  random: 0,
};
// @ts-expect-error: no bigint anywhere
policy.admitRefresh({ ...session, generation: 3n });

const circumstances = {
  number: 1,
  refreshed: false,
  superseded: false,
  elapsed: 0,
  remaining: 60_000,
  retryBudget: 3,
  random: 0,
};
const { decision } = policy.judge(failure, circumstances);

/** Every decision, with the value that it has. */
export function pauseOf(decision: Decision): number | undefined {
  switch (decision.tag) {
    case 'retry':
      return decision.val;
    case 'confirm':
      return decision.val.after;
    case 'discard-and-retry':
      return decision.val.length;
    case 'refresh-and-retry':
    case 'sign-in-again':
    case 'give-up':
      return undefined;
    case 'latch':
      return decision.val.tag === 'other' ? decision.val.val.length : undefined;
    case 'other':
      return undefined;
  }
  // The compiler takes this for never: there is no other case.
  return decision satisfies never;
}

pauseOf(decision);

const keeper = await Keeper.create({
  policy,
  cloud: 'hyundai-kia-eu',
  facts: (error, asked) =>
    error instanceof RangeError
      ? { ...asked, certainty: 'rejected', message: error.message, body: 'json' }
      : undefined,
  refresh: async () => {},
});
/** The result has the type of the call's, whether it is a promise or not. */
export const results: [string, number] = [
  await keeper.run(async () => 'parked', { operation: 'status', vehicle: 'car' }),
  await keeper.run(() => 7, { effect: 'actuation', milliseconds: 5_000 }),
];
// @ts-expect-error: a number, and no text
export const text: string = await keeper.run(() => 7);
// @ts-expect-error: an effect that the interface does not have
await keeper.run(() => 7, { effect: 'lock' });
// @ts-expect-error: a keeper is made by `create`, since the rules have to be loaded
new Keeper({});
// @ts-expect-error: the facts of a failure and nothing else
await Keeper.create({ policy, cloud: 'hyundai-kia-eu', facts: () => 401, refresh: () => {} });

/** What a caller does about an error of a keeper's. */
export function due(error: unknown): number | string | undefined {
  if (error instanceof NotNow) return error.retryIn;
  if (error instanceof Latched) return error.latch.tag;
  return undefined;
}

const slot = new PolicySlot(await IsolatedPolicy.load());
// @ts-expect-error: a slot's answers come later
slot.classify(failure).rule;
export const recorded = fromRecord({}).about;
