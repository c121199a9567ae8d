/** A policy in a worker. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, rm } from 'node:fs/promises';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { InvalidFacts, IsolatedPolicy, NotAPolicy, PolicyFault } from '../dist/index.js';
import { expired, firstAttempt, prepared, session, wild } from './support.js';

const fault = (kind) => (error) => error instanceof PolicyFault && error.kind === kind;

test('it answers like one in this thread', async (t) => {
  const policy = await IsolatedPolicy.load();
  t.after(() => policy.close());
  assert.equal(policy.identity.name, 'default');
  const { verdict, decision } = await policy.judge(expired, firstAttempt);
  assert.deepEqual([verdict.rule, decision.tag], ['expired', 'refresh-and-retry']);
  assert.deepEqual(await policy.admitRefresh(session), { tag: 'refresh' });
  assert.equal((await policy.circuit({ tag: 'cloud' })).probes, 1);
  await assert.rejects(policy.classify({ ...expired, httpStatus: 65_937 }), InvalidFacts);
});

test('a question has the facts of the moment when it was asked', async (t) => {
  const policy = await IsolatedPolicy.load();
  t.after(() => policy.close());
  const facts = { ...expired };
  const first = policy.classify(facts);
  const second = policy.classify(facts);
  facts.message = 'Too Many Requests';
  facts.httpStatus = 429;
  facts.phase = 'no word';
  assert.deepEqual([(await first).rule, (await second).rule], ['expired', 'expired']);
});

test('one that spins is ended, costs that answer, and the next question finds a new worker', async (t) => {
  const path = await prepared(t, 'tests/fixtures/policies/spinning.wasm');
  const starting = once(process, 'worker');
  const policy = await IsolatedPolicy.load(path, { answerWithin: 100 });
  t.after(() => policy.close());
  const [spinning] = await starting;
  const ended = once(spinning, 'exit');
  // Asked together, and each has its own time.
  const began = performance.now();
  const results = await Promise.allSettled([policy.classify(wild), policy.classify(wild)]);
  for (const { reason } of results) assert.ok(fault('out-of-time')(reason), `${reason}`);
  assert.match(
    results[0].reason.message,
    /gave no answer to classify: it took longer than 100 ms and was ended/,
  );
  assert.ok(performance.now() - began >= 200);
  // The thread is gone. It does not keep the process alive by itself.
  spinning.ref();
  await ended;
  assert.equal((await policy.classify(expired)).kind.tag, 'token-expired');
});

test('a reply that is there is taken, although this thread was too busy to look', async (t) => {
  const policy = await IsolatedPolicy.load(undefined, { answerWithin: 100 });
  t.after(() => policy.close());
  await policy.classify(expired);
  // Where this thread looks at timers next, and at what came from workers after that.
  await new Promise((resolve) => setImmediate(resolve));
  const answer = policy.classify(expired);
  // Until the question is put, which takes turns of promises and none of the event loop.
  for (let turn = 0; turn < 10; turn += 1) await null;
  for (const began = performance.now(); performance.now() - began < 500; );
  assert.equal((await answer).rule, 'expired');
});

test('one that traps or takes memory costs that answer', async (t) => {
  for (const [name, kind] of [
    ['trapping', 'trap'],
    ['hoarding', 'memory'],
  ]) {
    const policy = await IsolatedPolicy.load(await prepared(t, `tests/fixtures/policies/${name}.wasm`));
    t.after(() => policy.close());
    await assert.rejects(policy.classify(wild), fault(kind), name);
    assert.equal((await policy.classify(expired)).kind.tag, 'token-expired');
  }
});

test('after a worker was ended, it is the same policy or none', async (t) => {
  const path = await prepared(t, 'tests/fixtures/policies/spinning.wasm');
  const policy = await IsolatedPolicy.load(path, { answerWithin: 100 });
  t.after(() => policy.close());
  const spin = () => assert.rejects(policy.classify(wild), fault('out-of-time'));
  await spin();
  await copyFile(await prepared(t, 'guest/dist/policy.wasm'), path);
  await assert.rejects(policy.classify(expired), {
    name: 'PolicyFault',
    kind: 'gone',
    message: /where it was there is another policy now; load that/,
  });
  await rm(path);
  await assert.rejects(policy.classify(expired), fault('gone'));
  await copyFile(await prepared(t, 'tests/fixtures/policies/spinning.wasm'), path);
  assert.equal((await policy.classify(expired)).kind.tag, 'token-expired');
});

test('what cannot be loaded in a worker is said', async () => {
  await assert.rejects(IsolatedPolicy.load({}), NotAPolicy);
  await assert.rejects(IsolatedPolicy.load('missing.js'), NotAPolicy);
  await assert.rejects(
    IsolatedPolicy.load('data:text/javascript,export const x = 1'),
    /is no prepared policy/,
  );
});

test('a closed one answers nothing', async () => {
  const policy = await IsolatedPolicy.load();
  const open = policy.classify(expired);
  policy.close();
  await assert.rejects(open, fault('gone'));
  await assert.rejects(policy.classify(expired), fault('gone'));
});

test('a worker without a question does not keep the process alive', async () => {
  const index = new URL('../dist/index.js', import.meta.url);
  const program = `
    const { IsolatedPolicy } = await import(${JSON.stringify(index)});
    const policy = await IsolatedPolicy.load();
    console.log((await policy.classify(${JSON.stringify(expired)})).rule);`;
  const args = ['--input-type=module', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 20_000 });
  assert.equal(stdout, 'expired\n');
});
