/** The package as a stranger gets it: packed, installed without a network, used in Node and by a bundler. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { expired, folder } from './support.js';

const run = promisify(execFile);
const here = fileURLToPath(new URL('../', import.meta.url));
const compiler = join(here, 'node_modules/typescript/bin/tsc');

/** A folder of somebody's program, with the package installed. */
let program;

before(async (t) => {
  program = await folder(t);
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', program], { cwd: here });
  const [{ filename, files }] = Object.values(JSON.parse(stdout));
  const paths = files.map(({ path }) => path);
  for (const wanted of ['README.md', 'dist/LICENSE-MIT', 'dist/browser/worker.js', 'playground/index.html']) {
    assert.ok(paths.includes(wanted), wanted);
  }
  assert.deepEqual(
    paths.filter((path) => !/^(dist\/|README\.md$|package\.json$|playground\/index\.html$)/.test(path)),
    [],
  );
  await writeFile(join(program, 'package.json'), '{"type":"module","private":true}');
  const install = ['install', '--offline', '--no-audit', '--no-fund', '--omit=peer', `./${filename}`];
  await run('npm', install, { cwd: program });
});

test('it is imported by its name', async () => {
  await writeFile(
    join(program, 'main.js'),
    `import { IsolatedPolicy, Policy } from 'vehicle-connector';
     import { recordedFailure } from 'vehicle-connector/cases';
     import { fromRecord } from 'vehicle-connector/audit';
     const isolated = await IsolatedPolicy.load();
     const failure = ${JSON.stringify(expired)};
     console.log((await Policy.load()).classify(failure).rule, (await isolated.classify(failure)).rule);
     console.log(typeof recordedFailure, typeof fromRecord);`,
  );
  const { stdout } = await run(process.execPath, ['main.js'], { cwd: program });
  assert.equal(stdout, 'expired expired\nfunction function\n');
});

test('its program says how to get what it needs for preparing', async () => {
  await copyFile(
    new URL('../../../../guest/dist/four-phrases.wasm', import.meta.url),
    join(program, 'new.wasm'),
  );
  const bin = join(program, 'node_modules/.bin/vehicle-connector');
  await assert.rejects(run(bin, ['prepare', 'new.wasm'], { cwd: program }), ({ code, stderr }) => {
    assert.equal(code, 1);
    assert.match(stderr, /npm install --save-dev @bytecodealliance\/jco-transpile@0\.13\.0/);
    return true;
  });
});

test('its types are complete without ours, for Node and for bundlers', async () => {
  await copyFile(new URL('types.ts', import.meta.url), join(program, 'types.ts'));
  for (const resolution of [
    ['--module', 'nodenext'],
    ['--module', 'esnext', '--moduleResolution', 'bundler'],
  ]) {
    const options = [
      '--noEmit',
      '--strict',
      '--target',
      'es2022',
      '--lib',
      'es2023',
      '--types',
      '',
      ...resolution,
    ];
    await run(process.execPath, [compiler, ...options, 'types.ts'], { cwd: program }).catch(({ stdout }) =>
      assert.fail(stdout),
    );
  }
});

test('a bundler for browsers finds nothing of Node in it', async () => {
  await writeFile(join(program, 'page.js'), "export { IsolatedPolicy, Policy } from 'vehicle-connector';");
  const { outputFiles } = await build({
    absWorkingDir: program,
    entryPoints: ['page.js'],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    logLevel: 'silent',
  });
  assert.doesNotMatch(outputFiles[0].text, /['"]node:/);
  const carried = JSON.parse(
    await readFile(join(program, 'node_modules/vehicle-connector/package.json'), 'utf8'),
  );
  assert.equal(carried.dependencies, undefined);
});
