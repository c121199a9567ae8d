/** A policy in this thread. */
import { moduleAt } from '#platform';
import { NotAPolicy } from './errors.js';
import { lower } from './facts.js';
import { CALLS, Instances, MEMORY } from './instances.js';
import { compile } from './prepared.js';
import { addressIn, type Limits, nameOf, type Source } from './source.js';
import type {
  Attempt,
  CircuitScope,
  CircuitSettings,
  Circumstances,
  Decision,
  Failure,
  Identity,
  Judgement,
  Manifest,
  RefreshDecision,
  SessionView,
  Verdict,
} from './types.js';

/** The longest name or version of a policy. */
const LONGEST_NAME = 64;

/**
 * A policy that answers at once, in the caller's thread. It holds no state: the same question has the same answer.
 *
 * Nothing can end a call that spins, in JavaScript as little as in a page. A policy that you do not trust with your thread is an
 * {@link IsolatedPolicy}.
 */
export class Policy {
  /** Who this is. */
  readonly identity: Identity;
  readonly #instances: Instances;

  private constructor(identity: Identity, instances: Instances) {
    this.identity = identity;
    this.#instances = instances;
  }

  /**
   * Loads a prepared policy; without a source, the default policy, which the package carries.
   *
   * @throws NotAPolicy when the source is something else
   * @throws PolicyFault when it does not answer who it is
   */
  static async load(source?: Source, limits: Limits = {}): Promise<Policy> {
    const origin = source === undefined ? 'the default policy' : nameOf(source);
    const module =
      source === undefined ? await import('./generated/default-policy.js') : await moduleOf(source);
    const { memory = MEMORY, calls = source === undefined ? CALLS : 1 } = limits;
    const compiled = await compile(module, origin, memory);
    const instances = new Instances(compiled, { memory, calls });
    const manifest = instances.call('describe');
    checkManifest(manifest, instances.call('describe'), origin);
    return new Policy({ ...manifest, digest: compiled.digest }, instances);
  }

  /**
   * What kind of failure is this? Every failure gets an answer. A message is cut to 2,048 bytes.
   *
   * @throws InvalidFacts when `failure` is none
   * @throws PolicyFault when there is no answer
   */
  classify(failure: Failure): Verdict {
    return this.#instances.call('classify', lower.classify(failure));
  }

  /** What next for the operation? Throws as {@link classify} does. */
  decide(attempt: Attempt): Decision {
    return this.#instances.call('decide', lower.decide(attempt));
  }

  /** May the session be refreshed now? Asked by the one who holds its lock. Throws as {@link classify} does. */
  admitRefresh(session: SessionView): RefreshDecision {
    return this.#instances.call('admitRefresh', lower.admitRefresh(session));
  }

  /** When does the circuit of this scope open, and how does it close? Throws as {@link classify} does. */
  circuit(scope: CircuitScope): CircuitSettings {
    return this.#instances.call('circuit', lower.circuit(scope));
  }

  /** {@link classify} and {@link decide} about one failed attempt. */
  judge(failure: Failure, circumstances: Circumstances): Judgement {
    const verdict = this.classify(failure);
    return { verdict, decision: this.decide({ ...circumstances, failure, verdict }) };
  }
}

function checkManifest(manifest: Manifest, again: Manifest, origin: string): void {
  if (manifest.name !== again.name || manifest.version !== again.version) {
    throw new NotAPolicy(`${origin} does not answer the same twice when it is asked who it is`);
  }
  if (!manifest.name || manifest.name.length > LONGEST_NAME || manifest.version.length > LONGEST_NAME) {
    throw new NotAPolicy(
      `${origin} has a name or version that is empty or longer than ${LONGEST_NAME} characters`,
    );
  }
}

async function moduleOf(source: Source): Promise<unknown> {
  const address = addressIn(source);
  return address === undefined ? source : moduleAt(address);
}
