/** The vectors that every host is held to, whatever language it is written in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askAgain, circuitFrom, fromRecord, recorded, scopeFrom, toRecord } from '../dist/audit.js';
import { IsolatedPolicy, Policy } from '../dist/index.js';
import { document, prepared, records } from './support.js';

test('every vector has the same kind, rule, scope and decision', async () => {
  const policy = await Policy.load();
  const vectors = await records();
  assert.ok(vectors.length >= 300, `${vectors.length}`);
  for (const record of vectors)
    assert.deepEqual(answered(policy, record), answerOf(record), record.operation);
});

test('decisions about verdicts that the default policy never gives are the same', async () => {
  const policy = await Policy.load();
  const { decisions } = await document();
  assert.ok(decisions.length > 0);
  for (const record of decisions) {
    const decided = fromRecord(record);
    const decision = policy.decide(decided.attempt);
    assert.deepEqual(toRecord({ ...decided, decision }).decision, record.decision);
  }
});

test('circuits are the same, that of an unknown scope too', async () => {
  const policy = await Policy.load();
  const { circuits } = await document();
  assert.deepEqual(scopeFrom(circuits.at(-1).scope).tag, 'other');
  for (const { scope, settings } of circuits) {
    assert.deepEqual(policy.circuit(scopeFrom(scope)), circuitFrom(settings), scope);
  }
});

test('a policy in a worker answers as it does here', async () => {
  const policy = await IsolatedPolicy.load();
  for (const record of await records()) {
    const decided = fromRecord(record);
    assert.deepEqual(await askAgain(decided, policy), recorded(decided), record.operation);
  }
  policy.close();
});

test('the vectors tell another policy', async (t) => {
  const other = await Policy.load(await prepared(t, 'guest/dist/four-phrases.wasm'));
  const differs = async (record) => {
    const decided = fromRecord(record);
    const { rule, ...now } = await askAgain(decided, other);
    const { rule: before, ...then } = recorded(decided);
    return JSON.stringify(now) !== JSON.stringify(then);
  };
  let different = 0;
  for (const record of await records()) if (await differs(record)) different += 1;
  assert.ok(different > 100, `${different}`);
});

test('a record is read and written without a loss', async () => {
  for (const record of await records()) {
    const { about, decision, attempt, session } = record;
    const written = JSON.parse(JSON.stringify(toRecord(fromRecord(record))));
    assert.deepEqual(withoutNulls(written), withoutNulls({ about, decision, attempt, session }));
  }
});

/** The answer to a record's question, in its form. */
function answered(policy, record) {
  const decided = fromRecord(record);
  if (decided.about === 'refresh') {
    return answerOf(toRecord({ ...decided, decision: policy.admitRefresh(decided.session) }));
  }
  const { verdict: _, failure, ...circumstances } = decided.attempt;
  const { verdict, decision } = policy.judge(failure, circumstances);
  return answerOf(toRecord({ about: 'failure', attempt: { ...decided.attempt, verdict }, decision }));
}

function answerOf({ attempt, decision }) {
  return attempt ? { verdict: attempt.verdict, decision } : { decision };
}

/** An option that is absent is `null` in a record, or not there. */
function withoutNulls(value) {
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== null && inner !== undefined);
  return Object.fromEntries(entries.map(([key, inner]) => [key, withoutNulls(inner)]));
}
