/**
 * What asking costs, beside the check of the replaced service: whether a message has one of four phrases. Processor time of
 * this process in microseconds, the median of the rounds; one run, so that the figures can be compared.
 *
 * The last rows tell where the time goes: the same question to the same code without the binding, and the binding with an empty
 * message, of which there is nothing to match.
 */
import { readFileSync } from 'node:fs';
import * as prepared from '../dist/generated/default-policy.js';
import { Keeper, Policy } from '../dist/index.js';
import { expired, firstAttempt, session } from '../test/support.js';

const ROUNDS = 15;

const PHRASES = [
  'token is expired',
  'key not authorized: token is expired',
  'authentication failed',
  'unauthorized',
];

/** The replaced service's check. */
function hasPhrase(message) {
  const text = message.toLowerCase();
  return PHRASES.some((phrase) => text.includes(phrase));
}

/** Processor time of one call in microseconds. */
function cost(calls, call) {
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const began = process.cpuUsage();
    for (let left = calls; left > 0; left -= 1) call();
    const { user, system } = process.cpuUsage(began);
    rounds.push((user + system) / calls);
  }
  return median(rounds);
}

/** Processor time of one operation of a keeper in microseconds. */
async function costOfKeeping(calls) {
  const keeper = await Keeper.create({
    policy,
    cloud: 'hyundai-kia-eu',
    facts: () => undefined,
    refresh: () => undefined,
  });
  const call = () => undefined;
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const began = process.cpuUsage();
    for (let left = calls; left > 0; left -= 1) await keeper.run(call);
    const { user, system } = process.cpuUsage(began);
    rounds.push((user + system) / calls);
  }
  return median(rounds);
}

function median(rounds) {
  return rounds.sort((one, other) => one - other)[Math.floor(rounds.length / 2)];
}

function row(name, microseconds, floor) {
  const verdict =
    floor === undefined
      ? ''
      : microseconds <= floor
        ? `  (floor ${floor}: held)`
        : `  (floor ${floor}: MISSED)`;
  process.stdout.write(`${name.padEnd(44)}${microseconds.toFixed(2).padStart(9)} µs${verdict}\n`);
}

/** The guest's own `classify`, with its argument written by hand: what no binding can be faster than. */
function guestAlone() {
  const { cores, interface: name } = prepared.vehicleConnectorPolicy;
  const [core] = Object.values(cores);
  const module = new WebAssembly.Module(Buffer.from(core, 'base64'));
  const encoder = new TextEncoder();
  let calls = 0;
  let exports;
  const view = () => new DataView(exports.memory.buffer);
  const text = (at, content) => {
    const bytes = encoder.encode(content);
    const place = exports.cabi_realloc(0, 0, 1, bytes.length);
    new Uint8Array(exports.memory.buffer).set(bytes, place);
    view().setUint32(at, place, true);
    view().setUint32(at + 4, bytes.length, true);
  };
  return () => {
    if (calls++ % 1_000 === 0) exports = new WebAssembly.Instance(module, {}).exports;
    // The offsets of `failure` in the canonical ABI.
    const at = exports.cabi_realloc(0, 0, 4, 136);
    new Uint8Array(exports.memory.buffer, at, 136).fill(0);
    text(at, expired.cloud);
    text(at + 8, expired.operation);
    view().setUint8(at + 16, 2);
    view().setUint8(at + 17, 5);
    view().setUint8(at + 18, 1);
    view().setUint8(at + 22, 1);
    view().setUint16(at + 24, expired.httpStatus, true);
    text(at + 72, expired.message);
    view().setUint8(at + 80, 1);
    view().setUint8(at + 84, 1);
    view().setUint32(at + 88, expired.tokenAge, true);
    exports[`cabi_post_${name}#classify`](exports[`${name}#classify`](at));
  };
}

const policy = await Policy.load();
const fresh = await Policy.load(undefined, { calls: 1 });
const verdict = policy.classify(expired);
const attempt = { ...firstAttempt, failure: expired, verdict };
const empty = { ...expired, message: '', httpStatus: undefined, transport: 'not-sent' };

const { version, arch } = process;
process.stdout.write(`Node ${version}, ${arch}, ${readFileSync('/proc/loadavg', 'utf8').trim()} (load)\n`);
for (let warming = 0; warming < 5_000; warming += 1) policy.judge(expired, firstAttempt);
row(
  'four phrases, the replaced check',
  cost(100_000, () => hasPhrase(expired.message)),
);
row(
  'classify',
  cost(2_000, () => policy.classify(expired)),
  30,
);
row(
  'decide',
  cost(5_000, () => policy.decide(attempt)),
);
row(
  'admitRefresh',
  cost(5_000, () => policy.admitRefresh(session)),
);
row(
  'judge: classify and decide',
  cost(2_000, () => policy.judge(expired, firstAttempt)),
);
row(
  'classify, a fresh instance each',
  cost(100, () => fresh.classify(expired)),
);
row('a keeper around what does not fail', await costOfKeeping(2_000));
row('  the guest’s own classify, no binding', cost(2_000, guestAlone()));
row(
  '  classify with nothing to match',
  cost(2_000, () => policy.classify(empty)),
);
