/** Addresses and workers of browsers. */
import { NotAPolicy } from '../errors.js';
import type { Port } from '../port.js';

/** The address of a module, relative to the page. */
export async function addressOf(source: string): Promise<string> {
  return new URL(source, globalThis.location?.href).href;
}

/** Loads a module. */
export async function moduleAt(source: string): Promise<unknown> {
  const address = await addressOf(source);
  try {
    return await import(/* @vite-ignore */ /* webpackIgnore: true */ address);
  } catch (error) {
    throw new NotAPolicy(`${source} is no module: ${(error as Error).message}`, { cause: error });
  }
}

/** Starts a worker that asks a policy. Its script is beside the bundle that this becomes a part of. */
export function startWorker(): Port {
  return portOf(new Worker(new URL('./worker.js', import.meta.url), { type: 'module' }));
}

/** A worker as a port. */
export function portOf(worker: Worker): Port {
  return {
    post: (message) => worker.postMessage(message),
    listen: (listener) => worker.addEventListener('message', (event) => listener(event.data)),
    onEnd: (listener) =>
      worker.addEventListener('error', (event) => {
        event.preventDefault();
        listener(event.message || 'its worker cannot be started');
      }),
    keepAlive: () => {},
    end: () => worker.terminate(),
  };
}

/** The other side of {@link startWorker}, within the worker. */
export function parent(): Pick<Port, 'post' | 'listen'> {
  return {
    post: (message) => globalThis.postMessage(message),
    listen: (listener) => globalThis.addEventListener('message', (event) => listener(event.data)),
  };
}
