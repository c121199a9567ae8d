/** The rules of one account: the component that has them, and what it wants remembered. */

import type { Asked } from './answered.js';
import { UnreadableState } from './errors.js';
import type * as wit from './generated/rules.js';
import { Instances, MEMORY } from './instances.js';
import { compile } from './prepared.js';

/** Why something is not done now. */
export type Refusal = wit.Refusal;

/** The interface of the rules. */
const RULES = 'vehicle:rules/keeper@0.1.0';
/** The number of calls that an instance answers: a state may take some kilobytes of its memory with each. */
const CALLS = 200;

type Binding = Pick<
  typeof wit,
  | 'check'
  | 'configure'
  | 'admit'
  | 'succeeded'
  | 'failed'
  | 'abandoned'
  | 'considerRefresh'
  | 'admitRefresh'
  | 'refreshed'
  | 'notRefreshed'
  | 'lift'
>;

/** What is asked, without what is added here. */
type Facts<T> = Omit<T, 'state' | 'now'>;

/** The rules, asked by one caller at a time, since each answer may change what the next one is asked with. */
export class Rules {
  readonly #instances: Instances<Binding>;
  readonly #now: () => number;
  readonly #changed: ((state: string) => void) | undefined;
  #state: string | undefined;
  #configured: string | undefined;

  private constructor(
    instances: Instances<Binding>,
    state: string | undefined,
    now: () => number,
    changed: ((state: string) => void) | undefined,
  ) {
    this.#instances = instances;
    this.#state = state;
    this.#now = now;
    this.#changed = changed;
  }

  /**
   * Loads the rules, which the package carries.
   *
   * @throws UnreadableState
   */
  static async load(
    state: string | undefined,
    now: () => number,
    changed: ((state: string) => void) | undefined,
  ): Promise<Rules> {
    const module = await import('./generated/rules-component.js');
    const compiled = await compile<Binding>(module, 'the rules', MEMORY, RULES);
    const instances = new Instances(compiled, { memory: MEMORY, calls: CALLS });
    const checked = instances.call('check', state ?? '');
    if (checked.tag === 'unreadable') throw new UnreadableState(checked.val);
    return new Rules(instances, state, now, changed);
  }

  /** What is remembered. */
  get state(): string {
    return this.#state ?? '';
  }

  /** Sets the circuits up as this policy wants them, if it is another one than before. */
  configure(policy: Asked): void {
    if (policy.identity.digest === this.#configured) return;
    const answer = this.#instances.call('configure', {
      state: this.#state,
      now: this.#time(),
      tokenEndpoint: policy.circuit({ tag: 'token-endpoint' }),
      cloud: policy.circuit({ tag: 'cloud' }),
      account: policy.circuit({ tag: 'account' }),
      vehicle: policy.circuit({ tag: 'vehicle' }),
    });
    this.#keep(answer.state);
    this.#configured = policy.identity.digest;
  }

  admit(facts: Facts<wit.Admission>): wit.Admitted {
    return this.#told(this.#instances.call('admit', this.#asked(facts)));
  }

  succeeded(attempt: string): void {
    this.#keep(this.#instances.call('succeeded', this.#asked({ attempt })).state);
  }

  failed(facts: Facts<wit.FailedAttempt>): wit.Consequence {
    const answer = this.#instances.call('failed', this.#asked(facts));
    this.#keep(answer.state);
    return answer;
  }

  abandoned(attempt: string): void {
    this.#keep(this.#instances.call('abandoned', this.#asked({ attempt })).state);
  }

  considerRefresh(): wit.Considered {
    return this.#told(this.#instances.call('considerRefresh', this.#asked({})));
  }

  admitRefresh(facts: Facts<wit.RefreshAdmission>): wit.RefreshAdmitted {
    return this.#told(this.#instances.call('admitRefresh', this.#asked(facts)));
  }

  refreshed(refresh: string): void {
    this.#keep(this.#instances.call('refreshed', this.#asked({ attempt: refresh })).state);
  }

  notRefreshed(facts: Facts<wit.FailedAttempt>): wit.RefreshConsequence {
    return this.#told(this.#instances.call('notRefreshed', this.#asked(facts)));
  }

  lift(): void {
    this.#keep(this.#instances.call('lift', this.#asked({})).state);
  }

  #asked<T extends object>(facts: T): T & { state: string; now: bigint } {
    return { ...facts, state: this.state, now: this.#time() };
  }

  #told<T extends { tag: string }>(answer: T): T {
    const told = (answer as { val?: unknown }).val;
    if (typeof told === 'object' && told !== null) this.#keep((told as { state?: string }).state);
    return answer;
  }

  #keep(state: string | undefined): void {
    if (state === undefined) return;
    this.#state = state;
    this.#changed?.(state);
  }

  #time(): bigint {
    return BigInt(Math.trunc(this.#now()));
  }
}
