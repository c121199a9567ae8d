/** Files and workers of Node. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { isWasm } from '../component.js';
import { NotAPolicy } from '../errors.js';
import type { Port } from '../port.js';

/**
 * The address of a module: a path or a URL. A file's has a digest of its content, since Node reads an address only once and a
 * policy may be replaced in its place.
 */
export async function addressOf(source: string): Promise<string> {
  const url = /^(file|data|node|https?):/.test(source) ? new URL(source) : pathToFileURL(source);
  if (url.protocol !== 'file:') return url.href;
  let content: Uint8Array;
  try {
    content = await readFile(url);
  } catch (error) {
    throw new NotAPolicy(`${source} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  if (isWasm(content)) {
    throw new NotAPolicy(
      `${source} is a component; prepare it first: npx vehicle-connector prepare ${source}`,
    );
  }
  url.searchParams.set('sha256', createHash('sha256').update(content).digest('hex'));
  return url.href;
}

/** Loads a module. */
export async function moduleAt(source: string): Promise<unknown> {
  const address = await addressOf(source);
  try {
    return await import(address);
  } catch (error) {
    throw new NotAPolicy(`${source} is no module: ${(error as Error).message}`, { cause: error });
  }
}

/** Starts a worker that asks a policy. It does not keep the process alive, and has none of its arguments, such as `--input-type`. */
export function startWorker(): Port {
  const worker = new Worker(new URL('../worker.js', import.meta.url), { execArgv: [] });
  worker.unref();
  return {
    post: (message) => worker.postMessage(message),
    listen: (listener) => worker.on('message', listener),
    onEnd: (listener) => {
      worker.on('error', (error) => listener(error.message));
      worker.on('exit', (code) => listener(`its worker has ended with ${code}`));
    },
    keepAlive: (needed) => (needed ? worker.ref() : worker.unref()),
    end: () => void worker.terminate(),
  };
}

/** The other side of {@link startWorker}, within the worker. */
export function parent(): Pick<Port, 'post' | 'listen'> {
  if (isMainThread || !parentPort) throw new Error('worker.js is for a worker');
  const port = parentPort;
  return { post: (message) => port.postMessage(message), listen: (listener) => port.on('message', listener) };
}
