/** A keeper of an account's session: around any client, with a policy that can be swapped while it runs. */
import { type Asked as Answering, answered } from './answered.js';
import { type Decided, toRecord } from './audit.js';
import { Latched, NotNow } from './errors.js';
import type { Policy } from './policy.js';
import { type Refusal, Rules } from './rules-component.js';
import type { Attempt, Decision, Effect, Failure, Phase, Verdict } from './types.js';

/** What was asked of the cloud when something failed: what a table of facts need not find out. */
export type Asked = Pick<Failure, 'cloud' | 'operation' | 'effect' | 'phase' | 'tokenAge'>;

/** What a keeper needs. */
export interface KeeperOptions {
  /** The policy to begin with. */
  readonly policy: Policy;
  /** The cloud, as `Failure` has it. */
  readonly cloud: string;
  /** What is known of a failure; `undefined` of an error that is not the cloud's, which is thrown as it is. */
  readonly facts: (error: unknown, asked: Asked) => Failure | undefined;
  /** Obtains a new session. Called once for each generation, however many callers wait. */
  readonly refresh: () => unknown;
  /** Signs in anew where the session is over and the owner has given a password. */
  readonly signIn?: () => unknown;
  /** The account, for the audit trail. */
  readonly account?: string;
  /** What `onState` was last told, so that a refused grant stays refused over a restart. */
  readonly state?: string;
  /** Told what has to be remembered over a restart. */
  readonly onState?: (state: string) => void;
  /** Told each decision, as a record that `vehicle-connector policy replay` reads. */
  readonly audit?: (record: Record<string, unknown>) => void;
  /** Milliseconds since the session was obtained, if that is known. */
  readonly sessionAge?: number;
  /** Milliseconds that sessions are given out for, if that is known. */
  readonly sessionLife?: number;
  /** The time in milliseconds: that of the calendar, and never back, unless another is given. */
  readonly now?: () => number;
  /** Waits; `setTimeout` unless another is given. */
  readonly sleep?: (milliseconds: number) => Promise<void>;
}

/** What an operation is. */
export interface OperationOptions {
  /** Its name, such as `lock`. */
  readonly operation?: string;
  /** What it does; `read` unless it says otherwise. */
  readonly effect?: Effect;
  /** The vehicle, by any name that stays the same. */
  readonly vehicle?: string;
  /** Milliseconds that it may take, pauses and refreshes included: a minute. */
  readonly milliseconds?: number;
}

/** What became of a failure: what the policy made of it, and what was done. */
export interface Judged {
  readonly failure: Failure;
  readonly verdict: Verdict;
  readonly decision: Decision;
  readonly done: string;
}

interface Running {
  readonly policy: Answering;
  readonly name: string;
  readonly ends: number;
  readonly began: number;
  attempt: string | undefined;
  error: unknown;
}

interface Ended {
  readonly attempt: Attempt;
  readonly decision: Decision;
}

const MINUTE = 60_000;
const LONGEST = 0xffff_ffff;
/** A code that no vendor has. */
const NO_CODE = 'a-code-that-nobody-has';

/**
 * Keeps the session of an account. Whatever the policy says: one refresh for each session generation, for all callers; one repeat
 * after it; no actuation again that may have happened; nothing more after a refused grant until a person acts; growing pauses
 * after failed refreshes; circuits around what is unwell.
 */
export class Keeper {
  /** The policy. Another one is put in its place by an assignment; operations under way end with theirs. */
  policy: Policy;
  readonly #options: KeeperOptions;
  readonly #rules: Rules;
  readonly #now: () => number;
  readonly #sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  readonly #closed = new AbortController();
  #generation = 1;
  /** Generation of the session that the cloud has refused last. */
  #refused = 0;
  #obtained: number | undefined;
  #renewing: Promise<void> | undefined;
  #records = 0;
  #operations = 0;

  private constructor(options: KeeperOptions, rules: Rules, now: () => number) {
    this.policy = options.policy;
    this.#options = options;
    this.#rules = rules;
    this.#now = now;
    this.#sleep = options.sleep ?? sleep;
    if (options.sessionAge !== undefined) this.#obtained = now() - options.sessionAge;
  }

  /**
   * Makes a keeper.
   *
   * @throws UnreadableState where the state that is given cannot be read
   */
  static async create(options: KeeperOptions): Promise<Keeper> {
    const now = options.now ?? calendar();
    return new Keeper(options, await Rules.load(options.state, now, options.onState), now);
  }

  /** Number of the session, which grows with each refresh. */
  get generation(): number {
    return this.#generation;
  }

  /** What has to be remembered over a restart, as a text for nobody else to read. */
  get state(): string {
    return this.#rules.state;
  }

  /** Ends a latch and all pauses: a person has given other credentials, or wants one more try. */
  lift(): void {
    this.#rules.lift();
  }

  /**
   * Begins nothing more: who waits for another attempt, and who comes, is told so by {@link NotNow}. Calls that are under way go
   * on. Ends when a refresh that is under way is over, since its token may be the only one that is still accepted. The policy is
   * for its owner to close.
   */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#renewing?.catch(() => {});
  }

  /**
   * Calls, and does what the policy wants and the rules allow after a failure.
   *
   * @throws what the client has thrown last, with its {@link Judged} as `judgement`
   * @throws Latched where a person has to act
   * @throws NotNow where nothing is sent for a while
   */
  async run<T>(call: () => T | Promise<T>, of: OperationOptions = {}): Promise<Awaited<T>> {
    const { operation = 'operation', effect = 'read', vehicle, milliseconds = MINUTE } = of;
    const began = this.#now();
    this.#operations += 1;
    const running: Running = {
      policy: answered(this.policy),
      name: `${operation}-${this.#operations}`,
      began,
      ends: began + milliseconds,
      attempt: undefined,
      error: undefined,
    };
    this.#rules.configure(running.policy);
    for (;;) {
      const leave = await this.#admitted(running, vehicle, effect === 'read');
      await this.#prepared(running, leave.attempt);
      const generation = this.#generation;
      let failure: Failure;
      try {
        const result = await call();
        this.#rules.succeeded(leave.attempt);
        return result;
      } catch (error) {
        running.error = error;
        failure = this.#known(error, this.#asked(operation, effect, phaseOf(effect)), leave.attempt);
      }
      const attempt: Attempt = {
        failure,
        verdict: running.policy.classify(failure),
        number: leave.number,
        refreshed: leave.refreshed,
        superseded: false,
        elapsed: within(this.#now() - began),
        remaining: within(running.ends - this.#now()),
        retryBudget: leave.retryBudget,
        random: random(),
      };
      const decision = running.policy.decide(attempt);
      const next = this.#rules.failed(this.#failed(running.policy, { attempt, decision }, leave.attempt));
      running.attempt = next.attempt;
      this.#judged(running.policy, { attempt, decision }, next.done, running.name, generation, running.error);
      switch (next.action.tag) {
        case 'refresh':
        case 'sign-in-again':
          this.#refused = generation;
          await this.#renewed(running, generation);
          break;
        case 'pause':
          await this.#pause(running, next.action.val);
          break;
        case 'latch':
          throw new Latched(next.action.val, failure.message, running.error);
        default:
          throw running.error;
      }
    }
  }

  /** Waits for leave to make an attempt. */
  async #admitted(running: Running, vehicle: string | undefined, reads: boolean) {
    for (;;) {
      this.#stillOpen(running);
      const remaining = within(running.ends - this.#now());
      const admitted = this.#rules.admit({ attempt: running.attempt, vehicle, reads, remaining });
      if (admitted.tag === 'go') return admitted.val;
      if (admitted.tag === 'refused') {
        // One that has failed, and is not repeated: that is what its caller wants to know.
        if (running.error !== undefined && !admitted.val.latch) throw running.error;
        throw refusalOf(admitted.val, running.error);
      }
      await this.#pause(running, admitted.val);
    }
  }

  /** Has a session replaced that the cloud has refused: sending it again would only tell the same. */
  async #prepared(running: Running, attempt: string): Promise<void> {
    try {
      if (this.#refused === this.#generation) await this.#renewed(running, this.#generation);
      this.#stillOpen(running);
    } catch (error) {
      this.#rules.abandoned(attempt);
      throw error;
    }
  }

  async #pause(running: Running, milliseconds: number): Promise<void> {
    const { signal } = this.#closed;
    this.#stillOpen(running);
    let wake = () => {};
    const closed = new Promise<void>((resolve) => {
      wake = resolve;
      signal.addEventListener('abort', wake);
    });
    try {
      await Promise.race([this.#sleep(milliseconds, signal), closed]);
    } finally {
      signal.removeEventListener('abort', wake);
    }
    this.#stillOpen(running);
  }

  #stillOpen(running: Running): void {
    if (this.#closed.signal.aborted)
      throw new NotNow('its keeper is closed', undefined, false, running.error);
  }

  /** Has the session refreshed; waits for the next refresh where that is worth it and there is time. */
  async #renewed(running: Running, generation: number): Promise<void> {
    while (this.#generation === generation) {
      this.#stillOpen(running);
      let due: number;
      try {
        // Whoever waits may leave; the refresh goes on, since its token may be the only one that is still accepted.
        this.#renewing ??= this.#renew(running.policy, generation).finally(() => {
          this.#renewing = undefined;
        });
        return await this.#renewing;
      } catch (error) {
        if (error instanceof Latched) throw new Latched(error.latch, error.why, running.error);
        if (!(error instanceof NotNow)) throw error;
        const { retryIn, worthWaiting } = error;
        if (!worthWaiting || retryIn === undefined || this.#now() + retryIn >= running.ends) {
          throw new NotNow(error.why, retryIn, worthWaiting, running.error);
        }
        due = retryIn;
      }
      await this.#pause(running, due);
    }
  }

  /** Refreshes as the policy of the operation decides that wants it, also where another one has come since. */
  async #renew(policy: Answering, generation: number): Promise<void> {
    const considered = this.#rules.considerRefresh();
    if (considered.tag === 'refused') throw refusalOf(considered.val);
    const { failures, sinceFailure, retryAfter, refreshesLastHour } = considered.val;
    const age = this.#age();
    const session = {
      cloud: this.#options.cloud,
      reason: 'refused' as const,
      generation,
      age,
      failures,
      sinceFailure,
      retryAfter,
      refreshesLastHour,
      random: random(),
    };
    const decision = policy.admitRefresh(session);
    const life = this.#options.sessionLife;
    const admitted = this.#rules.admitRefresh({
      reason: 'refused',
      generation: BigInt(generation),
      age,
      life: life === undefined ? undefined : within(life),
      decision,
    });
    const done =
      admitted.tag === 'renew'
        ? 'refresh'
        : admitted.tag === 'adopt'
          ? 'adopt'
          : `no refresh: ${admitted.val.why}`;
    this.#record(policy, { about: 'refresh', session, decision }, done, 'refresh', generation);
    if (admitted.tag === 'refused') throw refusalOf(admitted.val);
    if (admitted.tag === 'renew') await this.#obtain(policy, admitted.val.refresh, generation);
  }

  async #obtain(policy: Answering, begun: string, generation: number): Promise<void> {
    let [call, phase, refresh] = [this.#options.refresh, 'refresh' as Phase, begun];
    for (;;) {
      const name = phase === 'refresh' ? 'refresh_session' : 'sign_in';
      let failure: Failure;
      let reason: unknown;
      try {
        await call();
        this.#rules.refreshed(refresh);
        this.#obtained = this.#now();
        this.#generation = generation + 1;
        return;
      } catch (error) {
        reason = error;
        failure = this.#known(error, this.#asked(name, 'session', phase), refresh);
      }
      const attempt: Attempt = {
        failure,
        verdict: policy.classify(failure),
        number: 1,
        refreshed: false,
        superseded: false,
        elapsed: 0,
        remaining: 0,
        retryBudget: 0,
        random: random(),
      };
      const decision = policy.decide(attempt);
      const next = this.#rules.notRefreshed(this.#failed(policy, { attempt, decision }, refresh));
      if (next.tag === 'sign-in' && this.#options.signIn) {
        this.#judged(policy, { attempt, decision }, 'sign in again', name, generation, reason);
        [call, phase, refresh] = [this.#options.signIn, 'sign-in', next.val.refresh];
      } else if (next.tag === 'refused') {
        this.#judged(policy, { attempt, decision }, next.val.done, name, generation, reason);
        throw refusalOf(next.val, reason);
      }
    }
  }

  /** What is known of a failure. One that is not the cloud's is thrown, and what has ended counts for nothing. */
  #known(error: unknown, asked: Asked, ended: string): Failure {
    let failure: Failure | undefined;
    try {
      failure = this.#options.facts(error, asked);
    } finally {
      if (failure === undefined) this.#rules.abandoned(ended);
    }
    if (failure === undefined) throw error;
    return failure;
  }

  #failed(policy: Answering, { attempt, decision }: Ended, ended: string) {
    const able = { ask: false, discard: false, signIn: this.#options.signIn !== undefined };
    const { failure, verdict, remaining } = attempt;
    return {
      attempt: ended,
      failure,
      verdict,
      decision,
      codeRefuses: codeRefuses(policy, failure),
      able,
      remaining,
    };
  }

  #asked(operation: string, effect: Effect, phase: Phase): Asked {
    const tokenAge = this.#age();
    return {
      cloud: this.#options.cloud,
      operation,
      effect,
      phase,
      ...(tokenAge === undefined ? {} : { tokenAge }),
    };
  }

  #age(): number | undefined {
    return this.#obtained === undefined ? undefined : within(this.#now() - this.#obtained);
  }

  #judged(
    policy: Answering,
    { attempt, decision }: Ended,
    done: string,
    operation: string,
    generation: number,
    error: unknown,
  ): void {
    this.#record(policy, { about: 'failure', attempt, decision }, done, operation, generation);
    if (error instanceof Error) {
      const judgement: Judged = { failure: attempt.failure, verdict: attempt.verdict, decision, done };
      Object.assign(error, { judgement });
    }
  }

  #record(policy: Answering, decided: Decided, done: string, operation: string, generation: number): void {
    if (!this.#options.audit) return;
    const { name, version, digest } = policy.identity;
    this.#records += 1;
    this.#options.audit({
      seq: this.#records,
      at: new Date(this.#now()).toISOString(),
      account: this.#options.account ?? 'account',
      vehicle: null,
      operation,
      session_generation: generation,
      policy: { name, version, digest, generation: 1 },
      ...toRecord(decided),
      done,
    });
  }
}

/** Whether a policy knows the code itself as a refusal of credentials: of it alone, and not of another one. */
function codeRefuses(policy: Answering, failure: Failure): boolean {
  if (failure.code === undefined || (failure.phase !== 'refresh' && failure.phase !== 'sign-in'))
    return false;
  const { httpStatus: _, oauthError: __, ...rest } = failure;
  const alone = { ...rest, message: '' };
  const { subCode: ___, ...other } = { ...alone, code: NO_CODE };
  const refuses = (asked: Failure) => policy.classify(asked).kind.tag === 'credentials-rejected';
  return refuses(alone) && !refuses(other);
}

function refusalOf(refusal: Refusal, cause?: unknown): Latched | NotNow {
  if (refusal.latch) return new Latched(refusal.latch, refusal.why, cause);
  return new NotNow(refusal.why, refusal.retryIn, refusal.worthWaiting, cause);
}

function phaseOf(effect: Effect): Phase {
  return effect === 'read' ? 'status' : 'command';
}

function within(milliseconds: number): number {
  return Math.max(0, Math.min(Math.trunc(milliseconds), LONGEST));
}

function random(): number {
  return Math.floor(Math.random() * (LONGEST + 1));
}

/** Waits, and leaves no timer behind that would keep a program from ending. */
function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener('abort', end);
  });
}

/** A clock that begins with the calendar's time, so that a state outlives the program, and never goes back. */
function calendar(): () => number {
  return () => Math.trunc(performance.timeOrigin + performance.now());
}
