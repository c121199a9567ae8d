/**
 * Instances of a component. The interface promises each call a fresh one, so that nothing is remembered between calls. Of a policy
 * that remembers nothing anyway, such as the default one, an instance is kept, for making one costs more than a call does (a
 * millisecond on Node 20); and since the guests of the kit give no memory back, it is replaced before that matters.
 */
import { PolicyFault } from './errors.js';
import { PAGE } from './memory.js';
import type { Binding, Compiled } from './prepared.js';
import type { Limits } from './source.js';

/** The memory that a policy may have unless another limit is set, in bytes. */
export const MEMORY = 8 * 1024 * 1024;
/** The number of calls that an instance of the default policy answers. */
export const CALLS = 1_000;
/** The growth of memory for which an instance is replaced early, in bytes. */
const GROWTH = 1024 * 1024;

interface Live<B> {
  readonly binding: B;
  readonly memories: readonly WebAssembly.Memory[];
  readonly bytes: number;
  calls: number;
}

type Arguments<F> = F extends (...args: infer A) => unknown ? A : never;
type Result<F> = F extends (...args: never[]) => infer R ? R : never;

/** The one instance that answers, and those after it. */
export class Instances<B extends object = Binding> {
  readonly #compiled: Compiled<B>;
  readonly #memory: number;
  readonly #calls: number;
  #live: Live<B> | undefined;

  constructor(compiled: Compiled<B>, { memory, calls }: Required<Limits>) {
    this.#compiled = compiled;
    this.#memory = memory;
    this.#calls = calls;
  }

  /**
   * Calls a function of the component.
   *
   * @throws PolicyFault when there is no answer; the instance is then dropped
   */
  call<N extends keyof B & string>(name: N, ...args: Arguments<B[N]>): Result<B[N]> {
    const live = this.#take(name);
    let answer: Result<B[N]>;
    try {
      answer = (live.binding[name] as (...args: unknown[]) => Result<B[N]>)(...args);
    } catch (error) {
      throw this.#isFull(live) ? full(name, this.#memory, error) : fault(name, error);
    }
    const bytes = size(live.memories);
    if (++live.calls < this.#calls && bytes - live.bytes <= GROWTH) this.#live = live;
    return answer;
  }

  /** Whether it has all the memory that it can have: it traps then because it gets no more. */
  #isFull({ memories }: Live<B>): boolean {
    return memories.some((memory) => memory.buffer.byteLength + PAGE > this.#memory);
  }

  /** The instance of the next call. It is put back only after an answer. */
  #take(name: string): Live<B> {
    const live = this.#live;
    this.#live = undefined;
    if (live) return live;
    const memories: WebAssembly.Memory[] = [];
    try {
      const binding = this.#compiled.instantiate((module, imports) => {
        const instance = new WebAssembly.Instance(module, imports);
        for (const exported of Object.values(instance.exports)) {
          if (exported instanceof WebAssembly.Memory && !memories.includes(exported)) memories.push(exported);
        }
        return instance;
      });
      return { binding, memories, bytes: size(memories), calls: 0 };
    } catch (error) {
      throw fault(name, error);
    }
  }
}

function fault(name: string, error: unknown): PolicyFault {
  const what = error instanceof Error ? error.message : String(error);
  // The engine has a RuntimeError for traps and a RangeError for stacks and memories; what the binding cannot read, it
  // refuses with a TypeError.
  const trapped = error instanceof WebAssembly.RuntimeError || error instanceof RangeError;
  return new PolicyFault(trapped ? 'trap' : 'nonsense', name, what, { cause: error });
}

function full(name: string, limit: number, error: unknown): PolicyFault {
  const what = `it wanted more than its ${Math.floor(limit / 1024)} KiB of memory`;
  return new PolicyFault('memory', name, what, { cause: error });
}

function size(memories: readonly WebAssembly.Memory[]): number {
  return memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
}
