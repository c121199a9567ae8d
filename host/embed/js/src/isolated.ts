/** A policy in a thread of its own, for one that is not trusted with the caller's. */

import { addressOf, startWorker } from '#platform';
import { NotAPolicy, PolicyFault } from './errors.js';
import { lower } from './facts.js';
import type { Port, Question, Reply, Request } from './port.js';
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
  RefreshDecision,
  SessionView,
  Verdict,
} from './types.js';

/** Limits of a policy in a worker. */
export interface IsolatedLimits extends Limits {
  /** How long one answer may take, in milliseconds. 1,000 unless set. */
  answerWithin?: number;
  /** How long starting the worker and loading the policy may take, in milliseconds. 10,000 unless set. */
  startWithin?: number;
}

/** Twenty thousand times what an answer takes: on a machine that is busy, a policy that did nothing wrong waits too. */
const ANSWER_WITHIN = 1_000;
const START_WITHIN = 10_000;
/** How long a reply is looked for when the time is over, in milliseconds. */
const LAST_LOOK = 10;

/**
 * A policy in a worker. A call that takes too long ends the worker, costs that answer, and the next call finds a new one.
 * Questions are put one after the other, so each has the whole of its time.
 *
 * A worker is no sandbox for JavaScript: what keeps a policy from anything but answering is that it is WebAssembly that imports
 * nothing. Prepare a stranger's component yourself rather than load what a stranger prepared.
 */
export class IsolatedPolicy {
  /** Who this is. */
  readonly identity: Identity;
  readonly #load: Extract<Request, { load: unknown }>;
  readonly #limits: Required<Pick<IsolatedLimits, 'answerWithin' | 'startWithin'>>;
  #worker: PolicyWorker | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  private constructor(
    identity: Identity,
    load: Extract<Request, { load: unknown }>,
    limits: Required<Pick<IsolatedLimits, 'answerWithin' | 'startWithin'>>,
    worker: PolicyWorker,
  ) {
    this.identity = identity;
    this.#load = load;
    this.#limits = limits;
    this.#worker = worker;
  }

  /**
   * Starts a worker and loads a prepared policy in it, from a path or a URL; without a source, the default policy.
   *
   * @throws NotAPolicy when the source is something else, or is a module: those cannot be handed to a worker
   * @throws PolicyFault when the policy does not answer who it is, in time
   */
  static async load(source?: Source, limits: IsolatedLimits = {}): Promise<IsolatedPolicy> {
    const { answerWithin = ANSWER_WITHIN, startWithin = START_WITHIN, ...rest } = limits;
    const load = { load: source === undefined ? null : await addressFor(source), limits: rest };
    const worker = new PolicyWorker();
    const identity = await start(worker, load, startWithin);
    return new IsolatedPolicy(identity, load, { answerWithin, startWithin }, worker);
  }

  /** As {@link Policy.classify}; a fault is also `out-of-time` or `gone`. */
  async classify(failure: Failure): Promise<Verdict> {
    lower.classify(failure);
    return (await this.#ask('classify', failure)) as Verdict;
  }

  /** As {@link Policy.decide}. */
  async decide(attempt: Attempt): Promise<Decision> {
    lower.decide(attempt);
    return (await this.#ask('decide', attempt)) as Decision;
  }

  /** As {@link Policy.admitRefresh}. */
  async admitRefresh(session: SessionView): Promise<RefreshDecision> {
    lower.admitRefresh(session);
    return (await this.#ask('admitRefresh', session)) as RefreshDecision;
  }

  /** As {@link Policy.circuit}. */
  async circuit(scope: CircuitScope): Promise<CircuitSettings> {
    lower.circuit(scope);
    return (await this.#ask('circuit', scope)) as CircuitSettings;
  }

  /** As {@link Policy.judge}. */
  async judge(failure: Failure, circumstances: Circumstances): Promise<Judgement> {
    const verdict = await this.classify(failure);
    return { verdict, decision: await this.decide({ ...circumstances, failure, verdict }) };
  }

  /** Ends the worker. Questions that are still open, and later ones, get the fault `gone`. */
  close(): void {
    this.#closed = true;
    this.#worker?.end('it was closed');
    this.#worker = undefined;
  }

  /** Puts a question when those before it have been answered, with the facts as they are now. */
  #ask(call: Question, facts: unknown): Promise<unknown> {
    const argument = structuredClone(facts);
    const answer = this.#last.then(() => this.#askNow(call, argument));
    this.#last = answer.catch(() => {});
    return answer;
  }

  async #askNow(call: Question, argument: unknown): Promise<unknown> {
    if (this.#closed) throw new PolicyFault('gone', call, 'it was closed');
    const worker = this.#worker?.isAlive ? this.#worker : await this.#startAgain(call);
    const reply = await worker.ask({ call, argument }, call, this.#limits.answerWithin);
    if ('answer' in reply) return reply.answer;
    throw refusal(reply, call);
  }

  /** Another worker after one that was ended. It has to find the same policy: somebody may have moved the file. */
  async #startAgain(call: Question): Promise<PolicyWorker> {
    const worker = new PolicyWorker();
    this.#worker = worker;
    let identity: Identity;
    try {
      identity = await start(worker, this.#load, this.#limits.startWithin);
    } catch (error) {
      if (error instanceof PolicyFault) throw error;
      throw new PolicyFault('gone', call, (error as Error).message, { cause: error });
    }
    if (identity.digest !== this.identity.digest) {
      worker.end('it is another policy');
      throw new PolicyFault('gone', call, 'where it was there is another policy now; load that');
    }
    return worker;
  }
}

/** A request that has no reply yet. */
interface Open {
  readonly call: string;
  resolve(reply: Reply): void;
  reject(fault: PolicyFault): void;
}

/** A worker with at most one open request. */
class PolicyWorker {
  readonly #port: Port = startWorker();
  #open: Open | undefined;
  isAlive = true;

  constructor() {
    this.#port.listen((message) => this.#settle((open) => open.resolve(message as Reply)));
    this.#port.onEnd((why) => {
      this.isAlive = false;
      this.#settle((open) => open.reject(new PolicyFault('gone', open.call, why)));
    });
  }

  ask(request: Request, call: string, within: number): Promise<Reply> {
    return new Promise<Reply>((resolve, reject) => {
      const expire = () => {
        const what = `it took longer than ${within} ms and was ended`;
        this.#end(new PolicyFault('out-of-time', call, what));
      };
      // This thread may have been busy itself, and the reply be there since: it is looked for once more.
      let timer = setTimeout(() => {
        timer = setTimeout(expire, LAST_LOOK);
      }, within);
      this.#open = {
        call,
        resolve: (reply) => {
          clearTimeout(timer);
          resolve(reply);
        },
        reject: (fault) => {
          clearTimeout(timer);
          reject(fault);
        },
      };
      this.#port.keepAlive(true);
      this.#port.post(request);
    });
  }

  end(why: string): void {
    this.#end(new PolicyFault('gone', this.#open?.call ?? 'describe', why));
  }

  #end(fault: PolicyFault): void {
    this.isAlive = false;
    this.#port.end();
    this.#settle((open) => open.reject(fault));
  }

  #settle(how: (open: Open) => void): void {
    const open = this.#open;
    this.#open = undefined;
    this.#port.keepAlive(false);
    if (open) how(open);
  }
}

async function addressFor(source: Source): Promise<string> {
  const address = addressIn(source);
  if (address !== undefined) return await addressOf(address);
  throw new NotAPolicy(`${nameOf(source)} cannot be handed to a worker; give its path or URL`);
}

async function start(worker: PolicyWorker, load: Request, within: number): Promise<Identity> {
  try {
    const reply = await worker.ask(load, 'describe', within);
    if ('identity' in reply) return reply.identity;
    throw refusal(reply, 'describe');
  } catch (error) {
    worker.end('it did not start');
    throw error;
  }
}

function refusal(reply: Reply, call: string): Error {
  if ('fault' in reply) return new PolicyFault(reply.fault, reply.call, reply.what);
  if ('refused' in reply) return new NotAPolicy(reply.refused);
  return new PolicyFault('nonsense', call, 'its worker has answered something else');
}
