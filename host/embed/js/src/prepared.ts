/** A prepared policy: a module that `vehicle-connector prepare` has made of a component. */
import { NotAPolicy } from './errors.js';
import type * as wit from './generated/policy.js';
import { withMemoryOf } from './memory.js';
import { INTERFACE, type Prepared } from './source.js';

/** The component's functions, in the binding's own types. */
export type Binding = Pick<typeof wit, 'describe' | 'classify' | 'decide' | 'admitRefresh' | 'circuit'>;

/** Makes an instance of a core module. */
export type InstantiateCore = (
  module: WebAssembly.Module,
  imports: WebAssembly.Imports,
) => WebAssembly.Instance;

/** The binding's function that links the core modules and returns what the component exports. */
type Instantiate = (
  getCoreModule: (name: string) => WebAssembly.Module,
  imports: object,
  instantiateCore: InstantiateCore,
) => Record<string, unknown>;

/** A prepared policy whose core modules are compiled. */
export interface Compiled<B = Binding> {
  readonly digest: string;
  instantiate(instantiateCore: InstantiateCore): B;
}

/**
 * Compiles a prepared policy.
 *
 * @param module what the prepared module exports
 * @param origin where it came from, for messages
 * @param memory the most that each of its memories may have, in bytes
 * @param wanted the interface that it has to have
 * @throws NotAPolicy when it is something else, or was prepared for another interface
 */
export async function compile<B = Binding>(
  module: unknown,
  origin: string,
  memory: number,
  wanted: string = INTERFACE,
): Promise<Compiled<B>> {
  const prepared = module as Partial<Prepared> | null;
  const facts = prepared?.vehicleConnectorPolicy;
  const instantiate = prepared?.instantiate as Instantiate | undefined;
  if (!facts || typeof instantiate !== 'function') {
    throw new NotAPolicy(
      `${origin} is no prepared policy; make one with: npx vehicle-connector prepare new.wasm`,
    );
  }
  if (facts.interface !== wanted) {
    throw new NotAPolicy(
      `${origin} was prepared for ${facts.interface}, and this is ${wanted}; prepare it again with this version`,
    );
  }
  const cores = new Map<string, WebAssembly.Module>();
  for (const [name, code] of Object.entries(facts.cores)) {
    cores.set(name, await compileCore(bytes(code), `${origin}, ${name}`, memory));
  }
  const core = (name: string) => {
    const found = cores.get(name);
    if (!found) throw new NotAPolicy(`${origin} lacks its core module ${name}; prepare it again`);
    return found;
  };
  return {
    digest: facts.digest,
    instantiate: (instantiateCore) => instantiate(core, {}, instantiateCore)[wanted] as B,
  };
}

async function compileCore(code: Uint8Array, origin: string, memory: number): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(withMemoryOf(memory, code));
  } catch (error) {
    const hint = error instanceof WebAssembly.CompileError ? '; a newer engine may know more' : '';
    throw new NotAPolicy(`${origin} cannot be used: ${(error as Error).message}${hint}`, { cause: error });
  }
}

function bytes(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
