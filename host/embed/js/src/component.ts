/** What a transpiler makes of a component, and what of it a policy is. */
import { NotAPolicy } from './errors.js';
import { INTERFACE } from './source.js';

/** The transpiler's output. */
export interface Transpiled {
  readonly files: Iterable<readonly [name: string, content: Uint8Array]>;
  readonly imports: readonly string[];
  readonly exports: readonly (readonly [name: string, what: unknown])[];
}

/** Whether this is WebAssembly at all: a component, or a core module. */
export function isWasm(content: Uint8Array): boolean {
  return content[0] === 0 && content[1] === 0x61 && content[2] === 0x73 && content[3] === 0x6d;
}

/**
 * Makes the text of a prepared policy: the binding, and behind it the core modules.
 *
 * @param made the transpiler's output
 * @param digest SHA-256 of the component, in hexadecimal
 * @param name its name, for messages
 * @throws NotAPolicy when it imports something, or exports another interface
 */
export function preparedOf(made: Transpiled, digest: string, name: string, wanted = INTERFACE): string {
  check(made, name, wanted);
  const cores: Record<string, string> = {};
  let binding: string | undefined;
  for (const [file, content] of made.files) {
    if (file.endsWith('.wasm')) cores[file] = base64(content);
    else if (file.endsWith('.js')) binding = new TextDecoder().decode(content);
  }
  if (binding === undefined) throw new NotAPolicy(`${name} was given no binding`);
  const facts = JSON.stringify({ interface: wanted, digest, cores });
  return [
    '// A policy, prepared by `vehicle-connector prepare`. Not for editing: prepare the component again.',
    binding.trimEnd(),
    `export const vehicleConnectorPolicy = ${facts};`,
    '',
  ].join('\n');
}

function check({ imports, exports }: Transpiled, name: string, wanted: string): void {
  const offered = exports.map(([exported]) => exported);
  if (!offered.includes(wanted)) {
    const other = offered.find((exported) => exported.startsWith('vehicle:connector/policy'));
    const what = other ? `exports ${other}` : 'exports no policy';
    throw new NotAPolicy(`${name} ${what}; this version takes components that export ${wanted}`);
  }
  if (imports.length > 0) {
    const list = imports.join(', ');
    throw new NotAPolicy(
      `${name} imports ${list}, and a policy imports nothing; build it with its WASI stubbed`,
    );
  }
}

/** What a transpiler says of a component that it does not take. */
export function reasonOf(error: unknown): string {
  const payload = (error as { payload?: unknown } | null)?.payload;
  if (typeof payload === 'string') return payload;
  return error instanceof Error ? error.message : String(error);
}

function base64(content: Uint8Array): string {
  let text = '';
  for (let at = 0; at < content.length; at += 8_192)
    text += String.fromCharCode(...content.subarray(at, at + 8_192));
  return btoa(text);
}
