/**
 * The trial of a policy before it answers for others: the host's own, whose questions and demands are data. It has to answer
 * each, and what is undisputed has to be right.
 */
import { nameOf, questionFrom } from './audit.js';
import { trial } from './generated/trial.js';
import type { CircuitScope, Circumstances, Failure, Judgement, SessionView } from './types.js';

/** A policy, in this thread or another. */
export interface Answering {
  judge(failure: Failure, circumstances: Circumstances): Judgement | Promise<Judgement>;
  admitRefresh(session: SessionView): unknown;
  circuit(scope: CircuitScope): unknown;
}

/** A policy that has answered the trial wrongly. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

/** What an answer has to be, or must not be. */
interface Demands {
  readonly kind?: string;
  readonly decision?: string;
  readonly not_kind?: readonly string[];
  readonly not_decision?: readonly string[];
}

const session: SessionView = {
  cloud: 'hyundai-kia-eu',
  reason: 'refused',
  generation: 1,
  age: 3_600_000,
  failures: 0,
  refreshesLastHour: 0,
  random: 0,
};

/**
 * Tries a policy.
 *
 * @throws Refused for an answer that is wrong
 * @throws PolicyFault for one that is missing
 */
export async function passes(policy: Answering): Promise<void> {
  for (const known of trial) {
    const { failure, circumstances } = questionFrom(known.attempt);
    judge(known.case, known.demands, await policy.judge(failure, circumstances));
  }
  await policy.admitRefresh(session);
  for (const tag of ['token-endpoint', 'cloud', 'account', 'vehicle'] as const) await policy.circuit({ tag });
}

function judge(name: string, demands: Demands, { verdict, decision }: Judgement): void {
  const kind = nameOf(verdict.kind);
  if ((demands.kind ?? kind) !== kind || demands.not_kind?.includes(kind)) {
    throw new Refused(`the policy is refused: it takes ${name} for ${kind}`);
  }
  if ((demands.decision ?? decision.tag) !== decision.tag || demands.not_decision?.includes(decision.tag)) {
    throw new Refused(`the policy is refused: after ${name} it wants ${decision.tag}`);
  }
}
