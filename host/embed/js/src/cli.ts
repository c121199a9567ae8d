#!/usr/bin/env node
/** `vehicle-connector prepare FILE.wasm [-o OUT.js]` and `vehicle-connector replay FILE [--policy PREPARED]`. */
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { askAgain, type Decided, fromRecord, recorded } from './audit.js';
import { Policy } from './policy.js';
import { prepare } from './prepare.js';

const USAGE = `Usage:
  vehicle-connector prepare FILE.wasm [-o OUT.policy.mjs]   make a module of a component
  vehicle-connector replay FILE.jsonl [--policy PREPARED]  ask again what was recorded, and show what differs

Exit codes: 0 done, or the same answers; 1 refused, or other answers; 2 the arguments or the records are wrong.
`;

class Misused extends Error {}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      output: { type: 'string', short: 'o' },
      policy: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const [verb, file, ...more] = positionals;
  if (!verb || !file || more.length > 0) throw new Misused('a verb and one file are wanted');
  if (verb === 'prepare') return await prepareFile(file, values.output);
  if (verb === 'replay') return await replay(file, values.policy);
  throw new Misused(`${verb} is unknown`);
}

async function prepareFile(file: string, output: string | undefined): Promise<number> {
  const out = output ?? file.replace(/(\.wasm)?$/, '.policy.mjs');
  await writeFile(out, await prepare(await readFile(file), file));
  const { identity } = await Policy.load(out);
  process.stdout.write(`${out}: ${identity.name} ${identity.version}, SHA-256 ${identity.digest}\n`);
  return 0;
}

async function replay(file: string, prepared: string | undefined): Promise<number> {
  const policy = await Policy.load(prepared);
  const lines = (await readFile(file, 'utf8')).split('\n');
  let asked = 0;
  let different = 0;
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const decided = recordIn(line, `${file}:${index + 1}`);
    const before = JSON.stringify(recorded(decided));
    const now = JSON.stringify(await askAgain(decided, policy));
    asked += 1;
    if (before === now) continue;
    different += 1;
    process.stdout.write(`${file}:${index + 1}: ${before}\n    would be ${now}\n`);
  }
  const { name, version } = policy.identity;
  process.stderr.write(`${name} ${version}: ${different} of ${asked} answers would be different\n`);
  return different === 0 ? 0 : 1;
}

function recordIn(line: string, place: string): Decided {
  try {
    return fromRecord(JSON.parse(line));
  } catch (error) {
    const what = (error as Error).message;
    const wanted = 'each line is one object as `vehicle-connector audit --json` of the host prints it';
    throw new Misused(`${place}: ${what}; ${wanted}`);
  }
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: Error & { code?: string }) => {
    const misused = error instanceof Misused || error.code?.startsWith('ERR_PARSE_ARGS');
    process.stderr.write(`${error.message}\n${misused ? `\n${USAGE}` : ''}`);
    process.exitCode = misused ? 2 : 1;
  },
);
