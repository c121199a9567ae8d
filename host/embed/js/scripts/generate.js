/**
 * What is made of other parts of the repository: the types of `wit/policy.wit` with its documentation, its sentences about kinds
 * of failure, the host's trial, and the default policy.
 */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateHostTypes } from '@bytecodealliance/jco-transpile';

const root = new URL('../../../../', import.meta.url);
const generated = new URL('../src/generated/', import.meta.url);

/** Writes what the compiler needs. */
export async function types() {
  await mkdir(generated, { recursive: true });
  const files = await generateHostTypes(new URL('wit', root).pathname, { worldName: 'policy-module' });
  const [, source] = Object.entries(files).find(([name]) => name.endsWith('vehicle-connector-policy.d.ts'));
  await writeFile(new URL('policy.d.ts', generated), source);
  await rulesTypes();
  await writeFile(
    new URL('rules-component.d.ts', generated),
    [
      "import type { Prepared } from '../source.js';",
      '/** The rules, prepared. */',
      "export declare const vehicleConnectorPolicy: Prepared['vehicleConnectorPolicy'];",
      "export declare const instantiate: Prepared['instantiate'];",
      '',
    ].join('\n'),
  );
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

/** Writes the types of the rules. The interface is beside its crate, and takes types from that of the policy. */
async function rulesTypes() {
  const folder = await mkdtemp(join(tmpdir(), 'rules-'));
  try {
    await mkdir(join(folder, 'deps'));
    await cp(new URL('guest/rules/wit/rules.wit', root).pathname, join(folder, 'rules.wit'));
    const wit = new URL('wit/', root).pathname;
    for (const name of (await readdir(wit)).filter((name) => name.endsWith('.wit'))) {
      await cp(join(wit, name), join(folder, 'deps', 'connector', name));
    }
    const files = await generateHostTypes(folder, { worldName: 'vehicle:rules/rules' });
    const [, source] = Object.entries(files).find(([name]) => name.endsWith('vehicle-rules-keeper.d.ts'));
    // The policy's types are those that the package has anyway.
    const text = new TextDecoder().decode(
      typeof source === 'string' ? new TextEncoder().encode(source) : source,
    );
    await writeFile(
      new URL('rules.d.ts', generated),
      text.replaceAll('./vehicle-connector-policy.js', './policy.js'),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Prepares the component of the rules. */
export async function rules() {
  const { prepare } = await import('../dist/prepare.js');
  const component = await readFile(new URL('guest/dist/rules.wasm', root));
  return await prepare(component, 'rules.wasm', 'vehicle:rules/keeper@0.1.0');
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
