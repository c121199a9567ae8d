/** Builds `dist`: types, library, the default policy, and the same for browsers, where nothing resolves names of packages. */
import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';
import { policy, rules, types } from './generate.js';

const here = new URL('../', import.meta.url);

await rm(new URL('dist', here), { recursive: true, force: true });
await types();
execFileSync(
  process.execPath,
  [new URL('node_modules/typescript/bin/tsc', here).pathname, '--project', 'tsconfig.json'],
  {
    cwd: here,
    stdio: 'inherit',
  },
);
await mkdir(new URL('dist/generated', here), { recursive: true });
for (const name of ['policy.d.ts', 'default-policy.d.ts', 'rules.d.ts', 'rules-component.d.ts']) {
  await copyFile(new URL(`src/generated/${name}`, here), new URL(`dist/generated/${name}`, here));
}
for (const name of ['LICENSE-APACHE', 'LICENSE-MIT']) {
  await copyFile(new URL(`../../../${name}`, here), new URL(`dist/${name}`, here));
}
await writeFile(new URL('dist/generated/default-policy.js', here), await policy('policy'));
await writeFile(new URL('dist/generated/rules-component.js', here), await rules());
await build({
  absWorkingDir: here.pathname.slice(0, -1),
  entryPoints: ['dist/index.js', 'dist/worker.js'],
  outdir: 'dist/browser',
  bundle: true,
  splitting: true,
  format: 'esm',
  target: 'es2022',
  charset: 'utf8',
  logLevel: 'warning',
});
