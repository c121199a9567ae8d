/** What holds where a policy gives no answer. */
import { circuitFrom, decisionFrom, verdictFrom } from './audit.js';
import { PolicyFault } from './errors.js';
import { unanswered } from './generated/trial.js';
import type { Policy } from './policy.js';
import type { Decision, RefreshDecision } from './types.js';

/** What is answered in place of a policy that does not: as the host's, for which it is data. */
export const otherwise = {
  verdict: () => verdictFrom(unanswered.classify),
  decision: () => decisionFrom(unanswered.decide) as Decision,
  refresh: () => decisionFrom(unanswered.admit_refresh) as RefreshDecision,
  circuit: () => circuitFrom(unanswered.circuit),
};

/** What a policy is asked. */
export type Asked = Pick<Policy, 'identity' | 'classify' | 'decide' | 'admitRefresh' | 'circuit'>;

/** A policy that always has an answer: where it gives none, `unknown` and `give-up`. Facts that are none are thrown. */
export function answered(policy: Asked): Asked {
  const or = <T>(ask: () => T, substitute: () => T): T => {
    try {
      return ask();
    } catch (error) {
      if (error instanceof PolicyFault) return substitute();
      throw error;
    }
  };
  return {
    identity: policy.identity,
    classify: (failure) => or(() => policy.classify(failure), otherwise.verdict),
    decide: (attempt) => or(() => policy.decide(attempt), otherwise.decision),
    admitRefresh: (session) => or(() => policy.admitRefresh(session), otherwise.refresh),
    circuit: (scope) => or(() => policy.circuit(scope), otherwise.circuit),
  };
}
