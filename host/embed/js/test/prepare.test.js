/** `vehicle-connector prepare` and `replay`. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Policy } from '../dist/index.js';
import { folder, prepared, root } from './support.js';

const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url));

/** Runs the program. */
function run(...args) {
  return new Promise((resolve) => {
    execFile(process.execPath, [cli, ...args], (error, stdout, stderr) => {
      resolve({ code: error ? error.code : 0, stdout, stderr });
    });
  });
}

test('a component becomes a module that is loaded', async (t) => {
  const place = await folder(t);
  // As `npm init` leaves it: scripts are no modules there unless their name says so.
  await writeFile(join(place, 'package.json'), '{"type":"commonjs"}');
  const component = join(place, 'new.wasm');
  await copyFile(new URL('guest/dist/four-phrases.wasm', root), component);
  const { code, stdout, stderr } = await run('prepare', component);
  assert.equal(code, 0, stderr);
  const made = component.replace('.wasm', '.policy.mjs');
  assert.match(stdout, /new\.policy\.mjs: four-phrases \d+\.\d+\.\d+, SHA-256 [0-9a-f]{64}\n$/);
  assert.equal((await Policy.load(made)).identity.name, 'four-phrases');
});

test('what is no policy is refused, and it is said why', async (t) => {
  const other = join(await folder(t), 'other.wasm');
  await writeFile(other, 'no component');
  const refusal = async (file) => {
    const { code, stderr } = await run('prepare', file, '-o', `${other}.js`);
    assert.equal(code, 1);
    return stderr;
  };
  assert.match(await refusal(other), /other\.wasm is no component: /);
  const connector = fileURLToPath(new URL('guest/dist/example.wasm', root));
  assert.match(
    await refusal(connector),
    /example\.wasm imports .*, and a policy imports nothing; build it with its WASI stubbed/,
  );
  assert.match(await refusal(`${other}.missing`), /ENOENT/);
});

test('a replay finds the same answers, and other ones of another policy', async (t) => {
  const vectors = fileURLToPath(new URL('tests/fixtures/conformance/decisions.jsonl', root));
  const same = await run('replay', vectors);
  assert.deepEqual([same.code, same.stdout], [0, '']);
  assert.match(same.stderr, /^default \S+: 0 of \d{3,} answers would be different\n$/);
  const other = await run('replay', vectors, '--policy', await prepared(t, 'guest/dist/four-phrases.wasm'));
  assert.equal(other.code, 1);
  assert.match(other.stdout, /decisions\.jsonl:\d+: \{.*\}\n {4}would be \{/);
});

test('what is no record is said, with its line', async (t) => {
  const file = join(await folder(t), 'records.jsonl');
  await writeFile(file, '\n{"about":"weather"}\n');
  const { code, stderr } = await run('replay', file);
  assert.equal(code, 2);
  assert.match(
    stderr,
    /records\.jsonl:2: about is "weather", and not failure or refresh; each line is one object/,
  );
});

test('wrong arguments are said, with those that there are', async () => {
  for (const args of [[], ['prepare'], ['swap', 'x'], ['prepare', 'a', 'b'], ['prepare', '--what', 'x']]) {
    const { code, stderr } = await run(...args);
    assert.equal(code, 2, args.join(' '));
    assert.match(stderr, /Usage:\n {2}vehicle-connector prepare FILE\.wasm/);
  }
  assert.equal((await run('--help')).code, 0);
});
