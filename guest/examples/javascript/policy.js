// A policy: five pure functions. The same question has the same answer, whenever it is asked.
//
// What each type means, in which units, and who enforces what is in wit/policy.wit. An absent value is `null` here
// and `undefined` in other engines: compare with `== null`.

const CONFIRM = 5_000; // When to ask what became of a command, in milliseconds.
const PAUSE = 1_000; // Before a read is tried a second time, in milliseconds; it doubles.
const TRIES = 3; // How often a read is tried.
const REST = 30_000; // After a refresh that failed, in milliseconds.

// What your cloud says of a token that is no longer good, in lower case.
const EXPIRED = ['token is expired', 'token has expired'];

// componentize-qjs gives a whole number of 32 bits a sign: 4294967295 arrives as -1. This takes it away.
const u32 = (number) => number >>> 0;

const verdict = (kind, rule, scope) => ({
  kind: { tag: kind },
  rule,
  countsAgainst: scope ? { tag: scope } : null,
});

export const policy = {
  describe: () => ({ name: 'my-policy', version: '0.1.0' }),

  classify(failure) {
    const status = failure.httpStatus ?? 0;
    const text = failure.message.toLowerCase();
    const session = failure.phase === 'sign-in' || failure.phase === 'refresh';
    const scope = session ? 'token-endpoint' : 'cloud';
    if (failure.transport === 'denied') return verdict('invalid-request', 'denied');
    if (failure.transport != null) return verdict('transient', 'transport', scope);
    if (status === 429) return verdict('rate-limited', 'http-429', 'account');
    if (status >= 500) return verdict('transient', 'http-5xx', scope);
    // Whatever the words are: a sign-in or a refresh that is refused is not helped by a refresh.
    if (session) {
      return [400, 401, 403].includes(status) ? verdict('credentials-rejected', 'session-refused') : verdict('unknown', 'none');
    }
    // Nor is a registration; what it was refused for, its words do not tell.
    if (failure.phase === 'registration') return verdict('unknown', 'none');
    if (EXPIRED.some((words) => text.includes(words))) return verdict('token-expired', 'expired');
    if (status === 401) return verdict('token-expired', 'http-401');
    return verdict('unknown', 'none');
  },

  decide(attempt) {
    const { failure } = attempt;
    const kind = attempt.verdict.kind.tag;
    const isRead = failure.effect === 'read';
    const mayHaveActed =
      failure.certainty === 'accepted' ||
      (failure.certainty === 'ambiguous' && !isRead && failure.effect !== 'session');
    if (kind === 'credentials-rejected') return { tag: 'latch', val: { tag: 'auth-required' } };
    if (mayHaveActed) {
      return CONFIRM < u32(attempt.remaining) ? { tag: 'confirm', val: { after: CONFIRM, within: null } } : { tag: 'give-up' };
    }
    if (kind === 'token-expired' && !attempt.refreshed) return { tag: 'refresh-and-retry' };
    if (kind === 'transient' && isRead && u32(attempt.number) < TRIES) {
      // Half of the pause is chance, so that callers that failed together spread out.
      const least = PAUSE * attempt.number;
      const pause = Math.max(least + (u32(attempt.random) % least), u32(failure.retryAfter ?? 0));
      if (u32(attempt.retryBudget) > 0 && pause < u32(attempt.remaining)) return { tag: 'retry', val: pause };
    }
    return { tag: 'give-up' };
  },

  admitRefresh(session) {
    const since = session.sinceFailure == null ? REST : u32(session.sinceFailure);
    return u32(session.failures) > 0 && since < REST ? { tag: 'wait', val: REST - since } : { tag: 'refresh' };
  },

  circuit: (_scope) => ({
    consecutiveFailures: 5,
    failureRatio: 0,
    minimumCalls: 20,
    window: 60_000,
    openFor: 60_000,
    probes: 1,
    probeLease: 60_000,
  }),
};
