/** The place of the policy in a program: swapped while calls are under way, and never without an answer. */
import { otherwise } from './answered.js';
import { PolicyFault } from './errors.js';
import type { IsolatedPolicy } from './isolated.js';
import type { Policy } from './policy.js';
import { passes, Refused } from './trial.js';
import type {
  Attempt,
  CircuitScope,
  CircuitSettings,
  Circumstances,
  Decision,
  Failure,
  Identity,
  Judgement,
  RefreshDecision,
  SessionView,
  Verdict,
} from './types.js';

/** A policy in its place. */
export interface Generation {
  /** Counts from 1; never reused. */
  readonly number: number;
  readonly identity: Identity;
}

/** Listeners of a slot. They are called at once and must not throw. */
export interface SlotEvents {
  /** An answer that was not given; what was answered in its place is what the slot says of itself. */
  onFault?(fault: PolicyFault, generation: Generation): void;
  /** Another generation answers from now on. */
  onChange?(active: Generation, because: 'swap' | 'rollback' | 'faults'): void;
}

interface Placed extends Generation {
  readonly policy: Policy | IsolatedPolicy;
  readonly before: Placed | undefined;
  calls: number;
  faults: number;
}

/** The calls of a new generation during which faults cost it the place. */
const PROBATION_CALLS = 100;
/** The fault among them that does. */
const PROBATION_FAULTS = 3;

/**
 * A slot. Every question gets an answer: `unknown` and `give-up` where the policy gives none. A call ends with the generation
 * that it began with. The third fault within the first hundred calls of a generation brings the one before back.
 */
export class PolicySlot {
  #active: Placed;
  #last = 1;
  readonly #bad = new Set<string>();
  readonly #events: SlotEvents;

  constructor(first: Policy | IsolatedPolicy, events: SlotEvents = {}) {
    this.#active = placed(first, 1, undefined);
    this.#events = events;
  }

  /** The generation that answers now. */
  get active(): Generation {
    return this.#active;
  }

  /** The generation that {@link rollback} goes to. */
  get previous(): Generation | undefined {
    return this.#active.before;
  }

  /**
   * Puts a policy into the place, after the trial that the host has. If it does not pass, nothing changes.
   *
   * @throws Refused the answer that was wrong; or it has lost this place for its faults
   * @throws PolicyFault the answer that was missing
   */
  async swap(next: Policy | IsolatedPolicy): Promise<Generation> {
    const { digest, name } = next.identity;
    if (this.#bad.has(digest)) {
      throw new Refused(
        `the policy is refused: ${name} has lost this place for its faults; forgive("${digest}") first`,
      );
    }
    await passes(next);
    this.#last += 1;
    // One step back is kept, not a chain of them.
    const before = placed(this.#active.policy, this.#active.number, undefined);
    this.#become(placed(next, this.#last, before), 'swap');
    return this.#active;
  }

  /**
   * Goes back to the generation before, once.
   *
   * @throws Error when there is none
   */
  rollback(): Generation {
    return this.#back('rollback');
  }

  /** Lets a component that has lost the place for its faults into it again, after another trial. */
  forgive(digest: string): void {
    this.#bad.delete(digest);
  }

  /** As {@link Policy.classify}; throws for facts that are none, and for nothing else. */
  classify(failure: Failure): Promise<Verdict> {
    return this.#answer(this.#active, (policy) => policy.classify(failure), otherwise.verdict);
  }

  /** As {@link Policy.decide}. */
  decide(attempt: Attempt): Promise<Decision> {
    return this.#answer(this.#active, (policy) => policy.decide(attempt), otherwise.decision);
  }

  /** As {@link Policy.admitRefresh}. */
  admitRefresh(session: SessionView): Promise<RefreshDecision> {
    return this.#answer(this.#active, (policy) => policy.admitRefresh(session), otherwise.refresh);
  }

  /** As {@link Policy.circuit}. */
  circuit(scope: CircuitScope): Promise<CircuitSettings> {
    return this.#answer(this.#active, (policy) => policy.circuit(scope), otherwise.circuit);
  }

  /** Both answers about one failed attempt, of one generation, and which that was. */
  async judge(
    failure: Failure,
    circumstances: Circumstances,
  ): Promise<Judgement & { generation: Generation }> {
    const generation = this.#active;
    const verdict = await this.#answer(generation, (policy) => policy.classify(failure), otherwise.verdict);
    const attempt = { ...circumstances, failure, verdict };
    const decision = await this.#answer(generation, (policy) => policy.decide(attempt), otherwise.decision);
    return { verdict, decision, generation };
  }

  async #answer<T>(
    generation: Placed,
    ask: (policy: Policy | IsolatedPolicy) => T | Promise<T>,
    substitute: () => T,
  ): Promise<T> {
    generation.calls += 1;
    try {
      return await ask(generation.policy);
    } catch (error) {
      if (!(error instanceof PolicyFault)) throw error;
      this.#count(error, generation);
      return substitute();
    }
  }

  #count(fault: PolicyFault, generation: Placed): void {
    generation.faults += 1;
    this.#events.onFault?.(fault, generation);
    const due = generation.faults >= PROBATION_FAULTS && generation.calls <= PROBATION_CALLS;
    if (!due || generation !== this.#active || !generation.before) return;
    this.#bad.add(generation.identity.digest);
    this.#back('faults');
  }

  #back(because: 'rollback' | 'faults'): Generation {
    const { before } = this.#active;
    if (!before) throw new Error('there is no policy to go back to');
    this.#become(before, because);
    return before;
  }

  #become(next: Placed, because: 'swap' | 'rollback' | 'faults'): void {
    this.#active = next;
    this.#events.onChange?.(next, because);
  }
}

function placed(policy: Policy | IsolatedPolicy, number: number, before: Placed | undefined): Placed {
  return { policy, number, before, identity: policy.identity, calls: 0, faults: 0 };
}
