/** Policies from files: components, which are transpiled here, and prepared ones. */
import { isWasm, preparedOf } from '../../src/component.js';
import { NotAPolicy } from '../../src/errors.js';
import { addressOfText } from './platform.js';
import type { Job, Made } from './transpiler.js';

/** Returns the text of a prepared policy. */
export async function preparedText(content: Uint8Array<ArrayBuffer>, name: string): Promise<string> {
  if (isWasm(content)) return preparedOf(await transpiled(content, name), await digestOf(content), name);
  const text = new TextDecoder().decode(content);
  if (!text.includes('vehicleConnectorPolicy')) {
    throw new NotAPolicy(`${name} is neither a component nor a prepared policy.`);
  }
  return text;
}

async function transpiled(component: Uint8Array, name: string) {
  const { script, cores } = await unpacked();
  const address = addressOfText(script);
  const worker = new Worker(address);
  try {
    const made = await new Promise<Made>((resolve, reject) => {
      worker.addEventListener('message', (event) => resolve(event.data as Made));
      worker.addEventListener('error', (event) => reject(new NotAPolicy(`${name}: ${event.message}`)));
      worker.postMessage({ cores, component } satisfies Job);
    });
    if ('refused' in made) throw new NotAPolicy(`${name} is no component: ${made.refused}`);
    return made.made;
  } finally {
    worker.terminate();
    URL.revokeObjectURL(address);
  }
}

let parts: Promise<{ script: string; cores: Job['cores'] }> | undefined;

/** The transpiler, which is compressed in the page until somebody needs it. */
function unpacked(): NonNullable<typeof parts> {
  parts ??= unpack();
  return parts;
}

async function unpack() {
  const element = document.getElementById('transpiler');
  const packed = Uint8Array.from(atob(element?.textContent ?? ''), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  const all = new Uint8Array(await new Response(stream).arrayBuffer());
  const cores: Job['cores'] = {};
  let script = '';
  let at = 0;
  for (const [name, size] of JSON.parse(element?.dataset.parts ?? '[]') as [string, number][]) {
    const part = all.slice(at, at + size);
    if (name.endsWith('.wasm')) cores[name] = part;
    else script = new TextDecoder().decode(part);
    at += size;
  }
  return { script, cores };
}

async function digestOf(content: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', content));
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
