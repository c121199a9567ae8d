/** Preparing a component: its binding and its core modules become one module that {@link Policy.load} takes. */
import { createHash } from 'node:crypto';
import { preparedOf, reasonOf } from './component.js';
import { NotAPolicy } from './errors.js';

/** The version of the transpiler that this was tried with. */
const TRANSPILER = '@bytecodealliance/jco-transpile';
const VERSION = '0.13.0';

/**
 * Prepares a policy.
 *
 * @param component the component
 * @param name its name, for messages
 * @param wanted the interface that it has to export, if that is not the policy's
 * @returns the text of the module
 * @throws NotAPolicy when it is no policy: no component, one that imports something, one that exports another interface
 */
export async function prepare(component: Uint8Array, name: string, wanted?: string): Promise<string> {
  const { transpileBytes } = await transpiler();
  let made: Awaited<ReturnType<typeof transpileBytes>>;
  try {
    made = await transpileBytes(component, {
      name: 'policy',
      instantiation: 'sync',
      strict: true,
      minify: true,
      nodejsCompat: false,
      emitTypescriptDeclarations: false,
      base64Cutoff: 0,
    });
  } catch (error) {
    throw new NotAPolicy(`${name} is no component: ${reasonOf(error)}`, { cause: error });
  }
  const digest = createHash('sha256').update(component).digest('hex');
  return preparedOf({ ...made, files: Object.entries(made.files) }, digest, name, wanted);
}

async function transpiler(): Promise<typeof import('@bytecodealliance/jco-transpile')> {
  try {
    return await import('@bytecodealliance/jco-transpile');
  } catch (error) {
    throw new Error(
      `preparing a component needs the transpiler; install it: npm install --save-dev ${TRANSPILER}@${VERSION}`,
      { cause: error },
    );
  }
}
