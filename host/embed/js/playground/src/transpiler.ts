/** The transpiler in a worker of its own: a component in, its binding and core modules out. */
import type { generate as Generate } from '@bytecodealliance/jco-transpile/component';
import { reasonOf } from '../../src/component.js';

/** To the worker. */
export interface Job {
  /** The transpiler's own core modules, by the ends of their names. */
  cores: Record<string, Uint8Array<ArrayBuffer>>;
  component: Uint8Array;
}

/** From the worker. */
export type Made = { made: ReturnType<typeof Generate> } | { refused: string };

globalThis.addEventListener('message', (event) => {
  const { cores, component } = event.data as Job;
  // The transpiler loads its core modules from beside itself, where nothing is, as soon as it is imported.
  globalThis.fetch = async (address) => {
    const name = String(address).split('/').pop() ?? '';
    return new Response(cores[name] ?? null, { headers: { 'content-type': 'application/wasm' } });
  };
  void transpile(component).then((reply) => globalThis.postMessage(reply));
});

async function transpile(component: Uint8Array): Promise<Made> {
  try {
    const { $init, generate } = await import('@bytecodealliance/jco-transpile/component');
    await $init;
    const made = generate(component, {
      name: 'policy',
      instantiation: { tag: 'sync' },
      strict: true,
      noNodejsCompat: true,
      noTypescript: true,
      base64Cutoff: 0,
      map: [],
      noComponentErrorWrapping: true,
    } as unknown as Parameters<typeof generate>[1]);
    return { made };
  } catch (error) {
    return { refused: reasonOf(error) };
  }
}
