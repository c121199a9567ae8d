/** What the tests share. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepare } from '../dist/prepare.js';

/** The repository. */
export const root = new URL('../../../../', import.meta.url);

/** Reads a file of the repository. */
export async function read(path) {
  return await readFile(new URL(path, root), 'utf8');
}

/** The records that every host is held to. */
export async function records() {
  const lines = (await read('tests/fixtures/conformance/decisions.jsonl')).trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line));
}

/** What is not in records: circuits, decisions about verdicts that the default policy never gives, the trial. */
export async function document() {
  return JSON.parse(await read('tests/fixtures/conformance/policy.json'));
}

/** A component of the repository, prepared. */
export async function preparedText(path) {
  return await prepare(await readFile(new URL(path, root)), path);
}

/** A component of the repository, prepared in a file of its own until the test ends. */
export async function prepared(test, path) {
  const file = join(await folder(test), 'policy.mjs');
  await writeFile(file, await preparedText(path));
  return file;
}

/** A folder until the test ends. */
export async function folder(test) {
  const made = await mkdtemp(join(tmpdir(), 'vehicle-connector-'));
  test.after(() => rm(made, { recursive: true, force: true }));
  return made;
}

/** A failed command: the cloud says that the token has ended. */
export const expired = {
  cloud: 'hyundai-kia-eu',
  operation: 'lock',
  effect: 'actuation',
  phase: 'command',
  certainty: 'rejected',
  httpStatus: 401,
  message: 'Key not authorized: Token is expired',
  body: 'json',
  tokenAge: 3_600_000,
};

/** The same of a younger token: what the policies of `tests/fixtures/policies` misbehave about after their trial. */
export const wild = { ...expired, tokenAge: 60_000 };

/** The first attempt of an operation. */
export const firstAttempt = {
  number: 1,
  refreshed: false,
  superseded: false,
  elapsed: 1_000,
  remaining: 59_000,
  retryBudget: 3,
  random: 7,
};

/** A session whose token was refused. */
export const session = {
  cloud: 'hyundai-kia-eu',
  reason: 'refused',
  generation: 1,
  age: 3_600_000,
  failures: 0,
  refreshesLastHour: 0,
  random: 7,
};
