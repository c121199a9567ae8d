/** The library in a page, as a browser loads it from files: no bundler, no import map. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { document, preparedText, records } from '../support.js';
import { serve, skip, start } from './support.js';

let browser;
let server;
let page;

before(async () => {
  if (skip) return;
  browser = await start();
  server = await serve(new URL('../../dist/', import.meta.url), {
    '/page.html': '<!doctype html><title>page</title>',
    '/spinning.js': await preparedText('tests/fixtures/policies/spinning.wasm'),
  });
  page = await browser.newPage();
  await page.goto(`${server.address}/page.html`);
});

after(async () => {
  await browser?.close();
  server?.close();
});

test('every vector has the same kind, rule and decision, in the page and in a worker', { skip }, async () => {
  const vectors = await records();
  const differing = await page.evaluate(async (vectors) => {
    const { IsolatedPolicy, Policy } = await import('/browser/index.js');
    const { askAgain, fromRecord, recorded } = await import('/audit.js');
    const isolated = await IsolatedPolicy.load();
    const differing = [];
    for (const policy of [await Policy.load(), isolated]) {
      for (const record of vectors) {
        const decided = fromRecord(record);
        const [then, now] = [recorded(decided), await askAgain(decided, policy)].map((it) =>
          JSON.stringify(it),
        );
        if (then !== now) differing.push([record.operation, then, now]);
      }
    }
    isolated.close();
    return differing;
  }, vectors);
  assert.deepEqual(differing, []);
});

test('circuits are the same', { skip }, async () => {
  const { circuits } = await document();
  const answers = await page.evaluate(async (scopes) => {
    const { Policy } = await import('/browser/index.js');
    const { circuitFrom, scopeFrom } = await import('/audit.js');
    const policy = await Policy.load();
    return scopes.map(({ scope, settings }) => [policy.circuit(scopeFrom(scope)), circuitFrom(settings)]);
  }, circuits);
  assert.equal(answers.length, circuits.length);
  for (const [now, then] of answers) assert.deepEqual(now, then);
});

test('a policy that spins is ended, and the page goes on', { skip }, async () => {
  const outcome = await page.evaluate(async () => {
    const { IsolatedPolicy } = await import('/browser/index.js');
    const policy = await IsolatedPolicy.load('/spinning.js', { answerWithin: 200 });
    const failure = {
      cloud: 'c',
      operation: 'lock',
      effect: 'actuation',
      phase: 'command',
      certainty: 'rejected',
      httpStatus: 401,
      message: '',
      body: 'none',
    };
    const ended = await policy.classify(failure).catch(({ kind }) => kind);
    const next = await policy.classify({ ...failure, tokenAge: 3_600_000 });
    policy.close();
    return [ended, next.kind.tag];
  });
  assert.deepEqual(outcome, ['out-of-time', 'token-expired']);
});
