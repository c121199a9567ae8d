/** A policy in this thread. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { NotAPolicy, Policy, PolicyFault, shortMessage } from '../dist/index.js';
import { expired, firstAttempt, folder, prepared, root, session, wild } from './support.js';

test('the default policy is the one of guest/dist', async () => {
  const { identity } = await Policy.load();
  const component = await readFile(new URL('guest/dist/policy.wasm', root));
  assert.equal(identity.name, 'default');
  assert.equal(identity.digest, createHash('sha256').update(component).digest('hex'));
});

test('an expired token is refreshed and the command repeated', async () => {
  const { verdict, decision } = (await Policy.load()).judge(expired, firstAttempt);
  assert.deepEqual([verdict.kind, verdict.rule], [{ tag: 'token-expired' }, 'expired']);
  assert.deepEqual(decision, { tag: 'refresh-and-retry' });
});

test('numbers go in and come out, and none is a bigint', async () => {
  const policy = await Policy.load();
  const late = { ...session, generation: Number.MAX_SAFE_INTEGER, expiresIn: -1, refreshExpiresIn: 2 ** 40 };
  assert.deepEqual(policy.admitRefresh(late), { tag: 'refresh' });
  const waiting = policy.admitRefresh({ ...session, failures: 3, sinceFailure: 0, retryAfter: 90_000 });
  assert.equal(waiting.tag, 'wait');
  assert.equal(typeof waiting.val, 'number');
  for (const setting of Object.values(policy.circuit({ tag: 'cloud' })))
    assert.equal(typeof setting, 'number');
});

test('a message is cut as the host cuts it, and may be anything', async () => {
  assert.equal(shortMessage('é'.repeat(1_024)), 'é'.repeat(1_024));
  assert.equal(shortMessage('é'.repeat(1_025)), `${'é'.repeat(1_022)}…`);
  assert.equal(Buffer.byteLength(shortMessage('😀'.repeat(5_000))), 2_047);
  const policy = await Policy.load();
  for (const message of ['x'.repeat(100_000), '\ud800', '\u0000', '']) {
    assert.ok(policy.classify({ ...expired, message }).rule.length > 0);
  }
});

test('a hundred thousand calls take no more memory than one policy may have', async () => {
  const policy = await Policy.load(undefined, { memory: 3 * 1024 * 1024 });
  const long = { ...expired, message: 'x '.repeat(1_000) };
  for (let call = 0; call < 100_000; call += 1) policy.classify(call % 50 ? expired : long);
});

test('a policy that traps or takes memory costs one answer, and the next has a fresh instance', async (t) => {
  for (const [name, kind] of [
    ['trapping', 'trap'],
    ['hoarding', 'memory'],
  ]) {
    const policy = await Policy.load(await prepared(t, `tests/fixtures/policies/${name}.wasm`));
    for (let call = 0; call < 3; call += 1) {
      assert.throws(
        () => policy.classify(wild),
        (error) => error instanceof PolicyFault && error.kind === kind,
        name,
      );
      assert.equal(policy.classify(expired).kind.tag, 'token-expired');
    }
  }
});

test('a policy cannot have more memory than it may, not even within a call', async (t) => {
  const hoarding = await prepared(t, 'tests/fixtures/policies/hoarding.wasm');
  const policy = await Policy.load(hoarding);
  assert.throws(() => policy.classify(wild), { message: /it wanted more than its 8192 KiB of memory/ });
  await assert.rejects(Policy.load(hoarding, { memory: 65_536 }), {
    name: 'NotAPolicy',
    message:
      /policy\.core\.wasm cannot be used: it has 128 KiB of memory from the beginning, and may have 64 KiB/,
  });
});

test('nothing is remembered between calls, unless the program allows it', async (t) => {
  const remembering = await prepared(t, 'tests/fixtures/policies/remembering.wasm');
  const kinds = async (limits) => {
    const policy = await Policy.load(remembering, limits);
    return [policy.classify(wild), policy.classify(wild), policy.classify(wild)].map(({ kind }) => kind.tag);
  };
  const [fresh] = await kinds();
  assert.notEqual(fresh, 'busy');
  assert.deepEqual(await kinds(), [fresh, fresh, fresh]);
  assert.ok((await kinds({ calls: 3 })).includes('busy'));
});

test('a file is loaded again when it was replaced', async (t) => {
  const place = join(await folder(t), 'policy.mjs');
  await copyFile(await prepared(t, 'guest/dist/four-phrases.wasm'), place);
  assert.equal((await Policy.load(place)).identity.name, 'four-phrases');
  await copyFile(await prepared(t, 'guest/dist/policy.wasm'), place);
  assert.equal((await Policy.load(place)).identity.name, 'default');
  assert.equal((await Policy.load(pathToFileURL(place))).identity.name, 'default');
  assert.equal((await Policy.load(await import(place))).identity.name, 'default');
});

test('what is no prepared policy is said, with the way to one', async (t) => {
  const place = join(await folder(t), 'other.js');
  const refuses = (source, words) =>
    assert.rejects(Policy.load(source), (error) => {
      assert.ok(error instanceof NotAPolicy, `${error}`);
      assert.match(error.message, words);
      return true;
    });
  await writeFile(place, 'export const x = 1;');
  await refuses(place, /other\.js is no prepared policy; .*npx vehicle-connector prepare new\.wasm/);
  await writeFile(place, 'export const = 1;');
  await refuses(place, /other\.js is no module: /);
  await refuses(`${place}.missing`, /missing cannot be read: ENOENT/);
  await refuses(
    new URL('guest/dist/policy.wasm', root),
    /is a component; prepare it first: npx vehicle-connector prepare /,
  );
  const module = await import(await prepared(t, 'guest/dist/policy.wasm'));
  const facts = { ...module.vehicleConnectorPolicy, interface: 'vehicle:connector/policy@0.1.0' };
  await refuses(
    { ...module, vehicleConnectorPolicy: facts },
    /was prepared for .*@0\.1\.0, and this is .*@0\.2\.0; prepare it again/,
  );
});
