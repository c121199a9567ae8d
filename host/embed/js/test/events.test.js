/**
 * Event scripts: the keeper does what the host does, refresh by refresh, repeat by repeat, latch by latch. The host is held to
 * the same file by `tests/integration/keepers.rs`.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import test from 'node:test';
import { Keeper, Latched, NotNow, Policy } from 'vehicle-connector';
import { Answer, Cloud, facts } from './cloud.js';
import { prepared, root } from './support.js';
import { Time } from './time.js';

const lines = await readFile(new URL('tests/fixtures/conformance/events.jsonl', root), 'utf8');

/** A keeper before a cloud. */
class Home {
  audit = [];

  static async start(test, time) {
    const home = new Home();
    home.test = test;
    home.time = time;
    home.cloud = new Cloud(time);
    home.keeper = await Keeper.create({
      policy: await Policy.load(),
      cloud: 'hyundai-kia-eu',
      facts,
      refresh: () => home.cloud.renew(),
      audit: (record) => home.audit.push(record),
      now: () => time.now,
      sleep: (milliseconds) => time.sleep(milliseconds),
      sessionAge: 0,
    });
    return home;
  }

  async follow(step, place) {
    switch (step.do) {
      case 'expire-in-flight':
        return this.cloud.expireInFlight(step.requests);
      case 'expire':
        return this.cloud.expire();
      case 'words':
        this.cloud.words = step.text;
        return;
      case 'refuse-grants':
        this.cloud.grantIsDead = true;
        return;
      case 'unwell':
        return this.cloud.unwell(step.answers);
      case 'wait':
        return await this.time.sleep(step.seconds * 1_000);
      case 'swap':
        this.keeper.policy = await (step.policy === 'default'
          ? Policy.load()
          : Policy.load(await prepared(this.test, `tests/fixtures/policies/${step.policy}.wasm`)));
        return;
      case 'repeat':
        for (let time = 0; time < step.times; time += 1) {
          for (const inner of step.steps) await this.follow(inner, `${place}, time ${time}`);
        }
        return;
      case 'call': {
        const before = this.audit.length;
        const found = await this.call(step.callers, step.held, place);
        const made = this.audit.slice(before).map(summary);
        assert.deepEqual([counted(found), counted(made)], [step.ended, step.decided], place);
        return;
      }
      default:
        throw new Error(`${place}: there is no step ${step.do}`);
    }
  }

  /** Has callers read. Once the cloud has the requests that it is to hold, the steps are done, and they go on. */
  async call(callers, held, place) {
    if (!held) return await this.read(callers);
    const hold = this.cloud.hold(held.what, held.requests);
    const reads = this.read(callers);
    await hold.arrived;
    for (const step of held.meanwhile) await this.follow(step, `${place}, meanwhile`);
    hold.release();
    return await reads;
  }

  /** Has callers read, as many of them at once as the host lets: eight for each of two cars. */
  async read(callers) {
    const ends = [];
    let left = callers;
    const place = async () => {
      while (left > 0) {
        left -= 1;
        ends.push(await this.one());
      }
    };
    await Promise.all(Array.from({ length: 16 }, place));
    return ends;
  }

  async one() {
    try {
      await this.keeper.run(() => this.cloud.read(), { operation: 'refresh_cached' });
      return 'succeeded';
    } catch (error) {
      if (error instanceof Latched) return 'latched';
      if (error instanceof NotNow) return 'not-now';
      if (error instanceof Answer) return 'failed';
      throw error;
    }
  }
}

/** A decision in the words of the scripts: what it was about, and what was done, without reasons and numbers. */
function summary({ about, done }) {
  const words = done
    .split(':')[0]
    .split(' ')
    .map((word) => (/^\d+$/.test(word) ? 'N' : word));
  return `${about}: ${words.join(' ')}`;
}

function counted(words) {
  const counts = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

for (const line of lines.trim().split('\n')) {
  const script = JSON.parse(line);
  test(`the keeper does what the host does: ${script.name}`, async (test) => {
    const time = new Time();
    const home = await Home.start(test, time);
    await time.run(async () => {
      for (const [at, step] of script.steps.entries()) await home.follow(step, `step ${at}`);
    });
  });
}
