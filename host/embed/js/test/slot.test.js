/** The place of the policy: swapped under calls, gone back from, never without an answer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvalidFacts, IsolatedPolicy, Policy, PolicyFault, PolicySlot, Refused } from '../dist/index.js';
import { document, expired, firstAttempt, prepared, wild } from './support.js';

const fixture = (t, name) => prepared(t, `tests/fixtures/policies/${name}.wasm`);

test('a swap takes effect with the next question, and goes back once', async (t) => {
  const changes = [];
  const slot = new PolicySlot(await Policy.load(await prepared(t, 'guest/dist/four-phrases.wasm')), {
    onChange: (active, because) => changes.push([active.number, active.identity.name, because]),
  });
  const reworded = { ...expired, message: 'the access token has run out, obtain another one' };
  assert.equal((await slot.judge(reworded, firstAttempt)).decision.tag, 'give-up');
  await slot.swap(await Policy.load());
  const after = await slot.judge(reworded, firstAttempt);
  assert.deepEqual([after.decision.tag, after.generation.number], ['refresh-and-retry', 2]);
  assert.equal(slot.previous?.identity.name, 'four-phrases');
  slot.rollback();
  assert.equal((await slot.judge(reworded, firstAttempt)).decision.tag, 'give-up');
  assert.throws(() => slot.rollback(), { message: 'there is no policy to go back to' });
  assert.deepEqual(changes, [
    [2, 'default', 'swap'],
    [1, 'four-phrases', 'rollback'],
  ]);
});

test('both answers about a failure are of one generation, although it is swapped between them', async (t) => {
  const first = await IsolatedPolicy.load(await fixture(t, 'other'));
  t.after(() => first.close());
  const slot = new PolicySlot(first);
  const next = await Policy.load();
  const judging = slot.judge(wild, firstAttempt);
  // Takes no turn of the event loop, so it comes before any answer of a worker.
  await slot.swap(next);
  const { generation, decision } = await judging;
  assert.deepEqual([generation.number, slot.active.number], [1, 2]);
  assert.deepEqual(decision, { tag: 'other', val: 'ask-the-neighbours' });
});

test('a policy that does not pass the trial changes nothing', async (t) => {
  const slot = new PolicySlot(await Policy.load());
  const next = (name) => fixture(t, name).then((path) => Policy.load(path));
  const outdated = await Policy.load(await prepared(t, 'guest/dist/four-phrases.wasm'));
  await assert.rejects(slot.swap(outdated), {
    name: 'Refused',
    message:
      /the policy is refused: it takes "Key not authorized: token has expired" \(HTTP 401\) for unknown/,
  });
  await assert.rejects(slot.swap(await next('repeating')), Refused);
  const closed = await IsolatedPolicy.load();
  closed.close();
  await assert.rejects(slot.swap(closed), PolicyFault);
  assert.deepEqual([slot.active.number, slot.active.identity.name, slot.previous], [1, 'default', undefined]);
});

test('an answer that was not given is the one that the host gives in its place', async (t) => {
  const { unanswered } = await document();
  const faults = [];
  const slot = new PolicySlot(await Policy.load(await fixture(t, 'trapping')), {
    onFault: ({ call, kind }) => faults.push(`${call}: ${kind}`),
  });
  const verdict = await slot.classify(wild);
  assert.deepEqual([verdict.kind.tag, verdict.rule], [unanswered.classify.kind, unanswered.classify.rule]);
  assert.equal((await slot.judge(wild, firstAttempt)).decision.tag, unanswered.decide);
  assert.deepEqual(faults, ['classify: trap', 'classify: trap']);
});

test('facts that are none are no fault of the policy', async () => {
  const slot = new PolicySlot(await Policy.load(), { onFault: assert.fail });
  await assert.rejects(slot.classify({ ...expired, phase: 'x' }), InvalidFacts);
});

test('the third fault of a new generation brings the one before back', async (t) => {
  const changes = [];
  const slot = new PolicySlot(await Policy.load(), {
    onChange: ({ number }, because) => changes.push([number, because]),
  });
  await slot.swap(await Policy.load(await fixture(t, 'trapping')));
  for (let call = 0; call < 2; call += 1) await slot.classify(wild);
  assert.equal(slot.active.number, 2);
  await slot.classify(wild);
  assert.equal(slot.active.number, 1);
  assert.deepEqual(changes, [
    [2, 'swap'],
    [1, 'faults'],
  ]);
  assert.equal((await slot.classify(expired)).rule, 'expired');
  const again = await Policy.load(await fixture(t, 'trapping'));
  await assert.rejects(slot.swap(again), {
    name: 'Refused',
    message: /trapping has lost this place for its faults/,
  });
  slot.forgive(again.identity.digest);
  assert.equal((await slot.swap(again)).number, 3);
});

test('after a hundred calls faults do not cost the place', async (t) => {
  const slot = new PolicySlot(await Policy.load());
  await slot.swap(await Policy.load(await fixture(t, 'trapping')));
  for (let call = 0; call < 98; call += 1) await slot.classify(expired);
  for (let call = 0; call < 10; call += 1) await slot.classify(wild);
  assert.equal(slot.active.number, 2);
});
