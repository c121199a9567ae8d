/** What is said between an isolated policy and its worker. */
import type { FaultKind } from './errors.js';
import type { Limits } from './source.js';
import type { Identity } from './types.js';

/** The functions that are asked of a policy. */
export type Question = 'classify' | 'decide' | 'admitRefresh' | 'circuit';

/** To the worker. */
export type Request =
  /** First: which policy; none is the default one. */
  | { load: string | null; limits: Limits }
  /** Then questions, one after the other. */
  | { call: Question; argument: unknown };

/** From the worker, one for each request. */
export type Reply =
  | { identity: Identity }
  | { answer: unknown }
  | { fault: FaultKind; call: string; what: string }
  | { refused: string };

/** A worker, in Node or in a browser. */
export interface Port {
  post(message: unknown): void;
  listen(listener: (message: unknown) => void): void;
  /** Tells of an end that was not asked for. */
  onEnd(listener: (why: string) => void): void;
  /** Whether the process has to wait for it. */
  keepAlive(needed: boolean): void;
  end(): void;
}
