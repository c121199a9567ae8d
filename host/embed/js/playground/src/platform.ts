/** Modules and workers of the page: it is one file, so a policy is a text, and so is the worker. */
import { NotAPolicy } from '../../src/errors.js';
import { portOf } from '../../src/platform/browser.js';
import type { Port } from '../../src/port.js';

export { parent } from '../../src/platform/browser.js';

/** Texts are handed on as they are. */
export async function addressOf(source: string): Promise<string> {
  return source;
}

/**
 * Loads a module from its text. The address is made where it is loaded: a page from a file has an origin of its own, and its
 * worker another.
 */
export async function moduleAt(source: string): Promise<unknown> {
  const address = addressOfText(source);
  try {
    return await import(address);
  } catch (error) {
    throw new NotAPolicy(`This is no module: ${(error as Error).message}`, { cause: error });
  } finally {
    URL.revokeObjectURL(address);
  }
}

let script: string | undefined;

/** Starts a worker that asks a policy. */
export function startWorker(): Port {
  script ??= addressOfText(textOf('worker'));
  return portOf(new Worker(script));
}

/** A text of the page. */
export function textOf(id: string): string {
  return document.getElementById(id)?.textContent ?? '';
}

/** An address under which a script is loaded. */
export function addressOfText(text: string): string {
  return URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
}
