/** Facts that are none: each is an error that names its place, and none becomes another fact. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvalidFacts, Policy } from '../dist/index.js';
import { expired, firstAttempt, session } from './support.js';

const policy = await Policy.load();
const verdict = policy.classify(expired);
const attempt = { ...firstAttempt, failure: expired, verdict };

const noWholes = [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '401', 401n, true, {}, []];
const u32 = [...noWholes, 2 ** 32];

function refuses(place, ask) {
  assert.throws(ask, (error) => {
    assert.ok(error instanceof InvalidFacts, `${place}: ${error}`);
    assert.equal(error.place, place);
    assert.ok(error.message.startsWith(`${place}: `), error.message);
    return true;
  });
}

test('a number out of its range is not another number', () => {
  const places = {
    httpStatus: [...noWholes, 65_536, 65_937],
    retryAfter: u32,
    tokenAge: u32,
    tokenLastWorked: u32,
  };
  for (const [key, values] of Object.entries(places)) {
    for (const value of values)
      refuses(`failure.${key}`, () => policy.classify({ ...expired, [key]: value }));
  }
  for (const key of ['elapsed', 'remaining', 'retryBudget', 'random']) {
    for (const value of [...u32, undefined, null]) {
      refuses(`attempt.${key}`, () => policy.decide({ ...attempt, [key]: value }));
    }
  }
  for (const value of [...u32, 0])
    refuses('attempt.number', () => policy.decide({ ...attempt, number: value }));
  for (const key of ['age', 'failures', 'sinceFailure', 'retryAfter', 'refreshesLastHour', 'random']) {
    for (const value of u32)
      refuses(`session.${key}`, () => policy.admitRefresh({ ...session, [key]: value }));
  }
  for (const key of ['expiresIn', 'refreshExpiresIn']) {
    for (const value of [1.5, 2 ** 53, -(2 ** 53), 1n, '1']) {
      refuses(`session.${key}`, () => policy.admitRefresh({ ...session, [key]: value }));
    }
  }
  for (const value of [-1, 2 ** 53, 1n, undefined]) {
    refuses('session.generation', () => policy.admitRefresh({ ...session, generation: value }));
  }
});

test('a word that the interface does not have is refused, with those that it has', () => {
  for (const key of ['effect', 'phase', 'certainty', 'transport', 'body']) {
    for (const value of ['', 'no word', 'constructor', 3, {}]) {
      refuses(`failure.${key}`, () => policy.classify({ ...expired, [key]: value }));
    }
  }
  refuses('session.reason', () => policy.admitRefresh({ ...session, reason: 'bored' }));
  assert.throws(() => policy.classify({ ...expired, phase: 'sign in' }), {
    message:
      'failure.phase: "sign in" is not one of sign-in, refresh, registration, pin, status, command, confirmation, unknown',
  });
});

test('a key that is unknown is refused, with the one that was meant', () => {
  refuses('failure.http_status', () => policy.classify({ ...expired, http_status: 401 }));
  refuses('attempt.retry_budget', () => policy.decide({ ...attempt, retry_budget: 3 }));
  refuses('attempt.failure.status', () =>
    policy.decide({ ...attempt, failure: { ...expired, status: 401 } }),
  );
  refuses('attempt.verdict.because', () =>
    policy.decide({ ...attempt, verdict: { ...verdict, because: '' } }),
  );
  refuses('session.expires', () => policy.admitRefresh({ ...session, expires: 3 }));
  refuses('scope.scope', () => policy.circuit({ tag: 'cloud', scope: 3 }));
  assert.throws(() => policy.classify({ ...expired, http_status: 401 }), {
    message: 'failure.http_status: an unknown key; it is httpStatus here',
  });
});

test('what is missing is refused, and what is optional may be left out or null', () => {
  for (const key of ['cloud', 'operation', 'effect', 'phase', 'certainty', 'message', 'body']) {
    const { [key]: _, ...rest } = expired;
    refuses(`failure.${key}`, () => policy.classify(rest));
    refuses(`failure.${key}`, () => policy.classify({ ...expired, [key]: null }));
  }
  for (const value of [undefined, null, 'failure', 3]) refuses('failure', () => policy.classify(value));
  assert.deepEqual(policy.classify({ ...expired, code: null, transport: undefined }), verdict);
});

test('a variant is one of its cases, with the value that the case has', () => {
  refuses('scope.tag', () => policy.circuit({ tag: 'satellite' }));
  refuses('scope.tag', () => policy.circuit({ tag: 'toString' }));
  refuses('scope', () => policy.circuit('cloud'));
  refuses('scope.val', () => policy.circuit({ tag: 'other' }));
  refuses('scope.val', () => policy.circuit({ tag: 'cloud', val: 'x' }));
  refuses('attempt.verdict.kind.tag', () =>
    policy.decide({ ...attempt, verdict: { ...verdict, kind: { tag: 'x' } } }),
  );
  assert.equal(policy.circuit({ tag: 'other', val: 'satellite' }).probes, 1);
});
