/** The limit that is written into a module. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PAGE, withMemoryOf } from '../dist/memory.js';

/** A module that has one memory, of this many pages, and exports it as `m`. */
function module(...limits) {
  const memories = [1, ...limits];
  const head = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  return Uint8Array.of(...head, 5, memories.length, ...memories, 7, 5, 1, 1, 0x6d, 2, 0);
}

/** How many pages it can have. */
async function most(bytes) {
  const { instance } = await WebAssembly.instantiate(bytes);
  const { m } = instance.exports;
  try {
    for (;;) m.grow(1);
  } catch {
    return m.buffer.byteLength / PAGE;
  }
}

test('a memory cannot grow beyond the limit', async () => {
  assert.equal(await most(withMemoryOf(4 * PAGE, module(0, 1))), 4);
  assert.equal(await most(withMemoryOf(4 * PAGE + 1, module(0, 1))), 4);
  assert.equal(await most(withMemoryOf(200 * PAGE, module(0, 1))), 200);
});

test('a lower maximum of its own stays', async () => {
  assert.equal(await most(withMemoryOf(4 * PAGE, module(1, 1, 2))), 2);
  assert.equal(await most(withMemoryOf(4 * PAGE, module(1, 1, 100))), 4);
});

test('more from the beginning, or a memory of another kind, is refused', () => {
  assert.throws(() => withMemoryOf(4 * PAGE, module(0, 5)), {
    name: 'TooMuchMemory',
    message: 'it has 320 KiB of memory from the beginning, and may have 256 KiB',
  });
  assert.throws(() => withMemoryOf(4 * PAGE, module(3, 1, 2)), /shared or of 64 bits/);
  assert.throws(() => withMemoryOf(4 * PAGE, module(4, 1)), /shared or of 64 bits/);
});

test('half a module is refused', () => {
  assert.throws(() => withMemoryOf(PAGE, Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 5, 0x80)), TypeError);
});
