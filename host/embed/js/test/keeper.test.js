/** What a keeper guarantees, whatever a policy says. What it does step by step is in `events.test.js`. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { Keeper, Latched, Policy, PolicyFault, UnreadableState } from 'vehicle-connector';
import { Answer, Cloud, facts } from './cloud.js';
import { Time } from './time.js';

/** A keeper before a cloud, and both before the same clock. */
async function keeperOf(cloud, time, more = {}) {
  return await Keeper.create({
    policy: await Policy.load(),
    cloud: 'hyundai-kia-eu',
    facts,
    refresh: () => cloud.renew(),
    now: () => time.now,
    sleep: (milliseconds) => time.sleep(milliseconds),
    ...more,
  });
}

/** A cloud that has refused a grant, its clock, and all that a keeper wanted remembered meanwhile. */
async function refused() {
  const time = new Time();
  const cloud = new Cloud(time);
  const states = [];
  const onState = (state) => states.push(state);
  const keeper = await keeperOf(cloud, time, { onState });
  cloud.expire();
  cloud.grantIsDead = true;
  await time.run(() =>
    assert.rejects(
      keeper.run(() => cloud.read()),
      Latched,
    ),
  );
  return { cloud, time, states, onState };
}

test('a refused grant stays refused over a restart, until a person acts', async () => {
  const { cloud, time, states } = await refused();
  const restarted = await keeperOf(cloud, time, { state: states.at(-1) });
  let reads = 0;
  const read = () => {
    reads += 1;
    return cloud.read();
  };
  await time.run(() =>
    assert.rejects(restarted.run(read), { name: 'Latched', why: 'Refresh token is invalid' }),
  );
  assert.deepEqual([reads, cloud.grants], [0, 1], 'nothing was sent');
  cloud.grantIsDead = false;
  restarted.lift();
  assert.equal(await time.run(() => restarted.run(read)), 'read');
});

for (const [what, spoil, why] of [
  [
    'one of another form',
    (state) => state.replace('"format":1', '"format":2'),
    /it has format 2, and these rules read format 1/,
  ],
  ['half of one', (state) => state.slice(0, state.length / 2), /EOF while parsing/],
  ['one that says no form', () => '{}', /missing field `format`/],
  ['a space', () => ' ', /EOF while parsing/],
]) {
  test(`a state that cannot be read is not taken for an empty one: ${what}`, async () => {
    const { cloud, time, states, onState } = await refused();
    const before = states.length;
    const start = keeperOf(cloud, time, { state: spoil(states.at(-1)), onState });
    await assert.rejects(start, (error) => {
      assert.ok(error instanceof UnreadableState);
      assert.match(error.message, why);
      assert.match(error.message, /begin without a state/);
      return true;
    });
    assert.equal(states.length, before, 'what is stored is not lost');
  });
}

test('an actuation that may have happened is not sent again', async () => {
  const time = new Time();
  const cloud = new Cloud(time);
  const lost = (error, asked) => ({
    ...asked,
    certainty: 'ambiguous',
    message: error.message,
    transport: 'interrupted',
    body: 'none',
  });
  const keeper = await keeperOf(cloud, time, { facts: lost });
  let sent = 0;
  const lock = () => {
    sent += 1;
    throw new Error('no answer');
  };
  await time.run(() =>
    assert.rejects(keeper.run(lock, { operation: 'lock', effect: 'actuation' }), /no answer/),
  );
  assert.equal(sent, 1);
});

test('a token that stays refused costs two attempts and one refresh, and what the client threw is thrown', async () => {
  const time = new Time();
  const cloud = new Cloud(time);
  let grants = 0;
  let reads = 0;
  const keeper = await keeperOf(cloud, time, {
    refresh: () => {
      grants += 1;
    },
  });
  cloud.expire();
  const read = () => {
    reads += 1;
    return cloud.read();
  };
  await time.run(() =>
    assert.rejects(keeper.run(read), (error) => {
      assert.ok(error instanceof Answer);
      assert.deepEqual(
        [error.judgement.verdict.kind.tag, error.judgement.done],
        ['token-refused-fresh', 'give up'],
      );
      return true;
    }),
  );
  assert.deepEqual([reads, grants], [2, 1]);
});

test('what is no failure of the cloud is thrown as it is', async () => {
  const time = new Time();
  const keeper = await keeperOf(new Cloud(time), time);
  for (let times = 0; times < 10; times += 1) {
    await assert.rejects(
      keeper.run(() => {
        throw new RangeError('mistaken');
      }),
      RangeError,
    );
  }
  assert.equal(keeper.generation, 1);
});

const closed = { name: 'NotNow', why: 'its keeper is closed', retryIn: undefined };

test('who waits for another attempt when a keeper is closed is told so at once, and so is who comes', async () => {
  const time = new Time();
  const cloud = new Cloud(time);
  cloud.unwell(10);
  let reads = 0;
  const read = () => {
    reads += 1;
    return cloud.read();
  };
  let paused;
  const pausing = new Promise((resolve) => {
    paused = resolve;
  });
  // A pause that nothing but the closing ends.
  const keeper = await keeperOf(cloud, time, { sleep: () => new Promise(() => paused()) });
  const waiting = assert.rejects(
    keeper.run(read),
    (error) => error.why === closed.why && error.cause instanceof Answer,
  );
  await time.run(() => pausing);
  await keeper.close();
  await waiting;
  await assert.rejects(keeper.run(read), closed);
  assert.equal(reads, 1);
  await keeper.close();
});

test('a refresh under way is waited for when a keeper is closed, and what wanted it is not repeated', async () => {
  const time = new Time();
  const cloud = new Cloud(time);
  const keeper = await keeperOf(cloud, time);
  cloud.expire();
  const held = cloud.hold('refresh', 1);
  const waiting = assert.rejects(
    keeper.run(() => cloud.read()),
    closed,
  );
  await time.run(() => held.arrived);
  let isClosed = false;
  const closing = keeper.close().then(() => {
    isClosed = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isClosed, false);
  held.release();
  await Promise.all([closing, waiting]);
  assert.deepEqual([cloud.grants, keeper.generation], [1, 2]);
});

test('a call under way when a keeper is closed goes on', async () => {
  const time = new Time();
  const cloud = new Cloud(time);
  const keeper = await keeperOf(cloud, time);
  const held = cloud.hold('read', 1);
  const reading = keeper.run(() => cloud.read());
  await time.run(() => held.arrived);
  await keeper.close();
  held.release();
  assert.equal(await reading, 'read');
});

test('a pause that a closed keeper has left keeps no program from ending', async () => {
  const keeper = await Keeper.create({
    policy: await Policy.load(),
    cloud: 'hyundai-kia-eu',
    facts,
    refresh: () => {},
  });
  const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
  const before = timers();
  const refused = assert.rejects(
    keeper.run(() => {
      throw new Answer(503, 'Service Unavailable');
    }),
    closed,
  );
  while (timers() === before) await new Promise((resolve) => setImmediate(resolve));
  await keeper.close();
  await refused;
  assert.equal(timers(), before);
});

/** A policy that gives no answer to one question, as one that traps. */
function silent(policy, question, about = () => true) {
  const ask = (asked) => {
    if (about(asked)) throw new PolicyFault('trap', question, 'unreachable');
    return policy[question](asked);
  };
  const asks = (name) => (asked) => policy[name](asked);
  return {
    identity: { ...policy.identity, digest: `${policy.identity.digest}-${question}` },
    classify: asks('classify'),
    decide: asks('decide'),
    admitRefresh: asks('admitRefresh'),
    circuit: asks('circuit'),
    [question]: ask,
  };
}

test('a refused grant is refused once, also where the policy says nothing of refreshes', async () => {
  const time = new Time();
  const cloud = new Cloud(time);
  const policy = silent(await Policy.load(), 'classify', (failure) => failure.phase === 'refresh');
  const keeper = await keeperOf(cloud, time, { policy });
  cloud.expire();
  cloud.grantIsDead = true;
  for (let times = 0; times < 10; times += 1) {
    await time.run(() =>
      assert.rejects(
        keeper.run(() => cloud.read()),
        (error) => error instanceof Latched,
      ),
    );
  }
  assert.equal(cloud.grants, 1);
});

test('a policy without an answer repeats nothing, and what the client threw is thrown', async () => {
  for (const question of ['classify', 'decide', 'circuit']) {
    const time = new Time();
    const cloud = new Cloud(time);
    const keeper = await keeperOf(cloud, time, { policy: silent(await Policy.load(), question) });
    cloud.expire();
    let reads = 0;
    const read = () => {
      reads += 1;
      return cloud.read();
    };
    const run = () => keeper.run(read);
    if (question === 'circuit') {
      assert.equal(await time.run(run), 'read');
    } else {
      await time.run(() => assert.rejects(run(), Answer));
      assert.deepEqual([reads, cloud.grants], [1, 0], question);
    }
  }
});
