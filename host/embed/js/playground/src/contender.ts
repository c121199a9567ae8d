/** One of the two policies of the page. */
import { NotAPolicy, PolicyFault } from '../../src/errors.js';
import { type IsolatedLimits, IsolatedPolicy } from '../../src/isolated.js';
import type { Circumstances, Failure, Identity, Judgement } from '../../src/types.js';
import { preparedText } from './components.js';
import { textOf } from './platform.js';

/** What came of a question. */
export type Outcome = Judgement | { fault: string };

/** A policy that was loaded into the page. */
export interface Loaded {
  readonly identity: Identity;
  judge(failure: Failure, circumstances: Circumstances): Promise<Outcome>;
  close(): void;
}

/** The policies that the page carries, by the elements that have their texts. */
export const carried = ['policy-default', 'policy-four-phrases'] as const;

/** How long an answer may take. People wait for it, and their machine may be busy. */
const limits = { answerWithin: 2_000 };

/** Loads a policy that the page carries. */
export async function loadCarried(id: (typeof carried)[number]): Promise<Loaded> {
  // These remember nothing, so an instance answers many questions.
  return load(textOf(id), { ...limits, calls: 1_000 });
}

/** Loads a policy from a file: a component, or a prepared one. */
export async function loadFile(file: File): Promise<Loaded> {
  const content = new Uint8Array(await file.arrayBuffer());
  return load(await preparedText(content, file.name), limits);
}

async function load(text: string, limits: IsolatedLimits): Promise<Loaded> {
  const policy = await IsolatedPolicy.load(text, limits);
  return {
    identity: policy.identity,
    judge: (failure, circumstances) => policy.judge(failure, circumstances).catch(fault),
    close: () => policy.close(),
  };
}

function fault(error: unknown): Outcome {
  if (error instanceof PolicyFault || error instanceof NotAPolicy)
    return { fault: error.message.replace(/^./, (first) => first.toUpperCase()) };
  throw error;
}
