/**
 * What is made of other parts of the repository: the types of `wit/policy.wit` with its documentation, its sentences about kinds
 * of failure, the host's trial, and the default policy.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { generateHostTypes } from '@bytecodealliance/jco-transpile';

const root = new URL('../../../../', import.meta.url);
const generated = new URL('../src/generated/', import.meta.url);

/** Writes what the compiler needs. */
export async function types() {
  await mkdir(generated, { recursive: true });
  const files = await generateHostTypes(new URL('wit', root).pathname, { worldName: 'policy-module' });
  const [, source] = Object.entries(files).find(([name]) => name.endsWith('vehicle-connector-policy.d.ts'));
  await writeFile(new URL('policy.d.ts', generated), source);
  await writeFile(new URL('kinds.ts', generated), await kinds());
  await writeFile(new URL('trial.ts', generated), await trial());
  await writeFile(
    new URL('default-policy.d.ts', generated),
    [
      "import type { Prepared } from '../source.js';",
      '/** The default policy, prepared. */',
      "export declare const vehicleConnectorPolicy: Prepared['vehicleConnectorPolicy'];",
      "export declare const instantiate: Prepared['instantiate'];",
      '',
    ].join('\n'),
  );
}

/** Prepares a component of `guest/dist`, with what the compiler has made. */
export async function policy(name) {
  const { prepare } = await import('../dist/prepare.js');
  return await prepare(await readFile(new URL(`guest/dist/${name}.wasm`, root)), `${name}.wasm`);
}

async function trial() {
  const document = await readFile(new URL('tests/fixtures/conformance/policy.json', root), 'utf8');
  const { trial, unanswered } = JSON.parse(document);
  return [
    '/** The questions of the trial with what is demanded, and what is answered in place of a policy: as the host has them. */',
    `export const trial = ${JSON.stringify(trial)};`,
    `export const unanswered = ${JSON.stringify(unanswered)};`,
    '',
  ].join('\n');
}

async function kinds() {
  const wit = await readFile(new URL('wit/policy.wit', root), 'utf8');
  const [, body] = /variant failure-kind \{\n(.*?)\n {4}\}/s.exec(wit);
  const cases = [...body.matchAll(/((?: *\/\/\/.*\n)+) *([a-z-]+),/g)].map(([, doc, name]) => {
    const sentence = doc
      .replace(/^ *\/\/\/ ?/gm, '')
      .replace(/\n(?=.)/g, ' ')
      .trim();
    return `  ${JSON.stringify(name)}: ${JSON.stringify(sentence)},`;
  });
  return [
    "import type { FailureKind } from './policy.js';",
    '/** What the kinds of failure are, in the words of `wit/policy.wit`. */',
    "export const kinds: Readonly<Record<Exclude<FailureKind['tag'], 'other'>, string>> = {",
    ...cases,
    '};',
    '',
  ].join('\n');
}
