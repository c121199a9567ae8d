// A layer: one wording more than the policy of the host, which answers everything else.
//
// What each type means is in wit/policy.wit.

import * as base from 'vehicle:connector/policy@0.2.0';

// What your cloud says of a token that is no longer good, in lower case.
const EXPIRED = ['access card no longer honoured'];

export const policy = {
  describe: () => ({ name: 'my-policy', version: '0.1.0' }),

  classify(failure) {
    // None of these is helped by a refresh.
    const session = ['sign-in', 'refresh', 'registration'].includes(failure.phase);
    const text = failure.message.toLowerCase();
    if (!session && EXPIRED.some((words) => text.includes(words))) {
      return { kind: { tag: 'token-expired' }, rule: 'my-wording', countsAgainst: null };
    }
    return base.classify(failure);
  },

  decide: (attempt) => base.decide(attempt),
  admitRefresh: (session) => base.admitRefresh(session),
  circuit: (scope) => base.circuit(scope),
};
