/**
 * Recorded failures with their labels, as `vehicle-connector policy test` reads them: one JSON object a line. Of most only a
 * rendering is left, so the facts that a connector would have reported are taken out of it, in the same way.
 */
import { shortMessage } from './facts.js';
import { codes, isPage, oauthError } from './recorded.js';
import type { Decision, Effect, Failure, FailureKind, Phase } from './types.js';

/** The labels, in the order of reports. */
export const labels = [
  'token-expired',
  'credentials-rejected',
  'rate-limited',
  'busy',
  'vehicle-unreachable',
  'transient',
  'invalid-request',
  'malformed',
] as const;

/** A reader's label of a failure: what to do about it. */
export type Label = (typeof labels)[number];

/** A recorded failure. */
export interface Case {
  /** Name in reports. */
  id: string;
  /** Label that a reader gave it. */
  label: Label;
  /** Whether another reader might disagree. */
  ambiguous: boolean;
  /** The facts that a connector would have reported. */
  failure: Failure;
}

/** A line that is no case. */
export class NotACase extends Error {
  override readonly name = 'NotACase';
}

const PHASES: Readonly<Record<string, Phase>> = {
  status: 'status',
  command: 'command',
  login: 'sign-in',
  refresh: 'refresh',
  unknown: 'unknown',
};

/** What an operation of this step does to the world, when nothing more is known of it. */
export function effectOf(phase: Phase): Effect {
  if (phase === 'command') return 'actuation';
  return phase === 'sign-in' || phase === 'refresh' ? 'session' : 'read';
}

/** Returns the label that a kind of failure amounts to; none when it says nothing that a label does. */
export function labelOf(kind: FailureKind): Label | undefined {
  switch (kind.tag) {
    case 'control-token-expired':
      return 'token-expired';
    case 'challenge-required':
      return 'credentials-rejected';
    case 'battery-low':
      return 'vehicle-unreachable';
    case 'client-refused':
    case 'device-unregistered':
    case 'no-data':
    case 'unsupported':
      return 'invalid-request';
    case 'token-refused-fresh':
    case 'unknown':
      return undefined;
    default:
      return labelNamed(kind.tag === 'other' ? kind.val : kind.tag);
  }
}

/**
 * Returns the label that a policy's answer to a case amounts to. Labels say what to do, and two kinds of failure do not say
 * all of it: a session that is over, while nothing is said of the credentials, is one to sign in again for; and what a
 * command is refused for is its PIN or the right to it, which readers may label as the request's fault.
 */
export function amountsTo(recorded: Case, kind: FailureKind, decision: Decision): Label | undefined {
  if (decision.tag === 'sign-in-again') return 'token-expired';
  const ofCommand =
    recorded.failure.phase === 'command' &&
    kind.tag === 'credentials-rejected' &&
    recorded.label === 'invalid-request';
  return ofCommand ? 'invalid-request' : labelOf(kind);
}

/** Reads the lines of a file; those without anything are left out. The message of a bad line begins with its number. */
export function parseCases(content: string): Case[] {
  const cases: Case[] = [];
  for (const [index, line] of content.split('\n').entries()) {
    if (line.trim() === '') continue;
    try {
      cases.push(parseCase(line));
    } catch (error) {
      throw new NotACase(`line ${index + 1}: ${(error as Error).message}`);
    }
  }
  if (cases.length === 0) throw new NotACase('there are no cases in it; each line is one JSON object');
  return cases;
}

/** Reads a case from one line. */
export function parseCase(line: string): Case {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(line);
  } catch (error) {
    throw new NotACase(`this is no case: ${(error as Error).message}`);
  }
  if (typeof fields !== 'object' || fields === null)
    throw new NotACase('this is no case, but no object at all');
  const of = (name: string): string => {
    const value = fields[name];
    if (typeof value !== 'string') throw new NotACase(`${name} is missing or no text`);
    return value;
  };
  const label = labelNamed(of('label'));
  if (!label)
    throw new NotACase(
      `the label ${JSON.stringify(fields.label)} is unknown; it is one of ${labels.join(', ')}`,
    );
  const phase = PHASES[of('operation')];
  if (!phase) {
    const known = Object.keys(PHASES).join(', ');
    throw new NotACase(`the operation ${JSON.stringify(fields.operation)} is unknown; it is one of ${known}`);
  }
  const status = fields.http_status ?? undefined;
  if (status !== undefined && !isStatus(status))
    throw new NotACase('http_status is no whole number from 0 to 65535');
  const facts = { cloud: of('cloud'), operation: of('operation'), phase, text: of('text'), status };
  return {
    id: of('id'),
    label,
    ambiguous: fields.ambiguous === true,
    failure: recordedFailure(facts, fields.body_json),
  };
}

/** What was seen of a failure. */
export interface Seen {
  cloud: string;
  operation: string;
  phase: Phase;
  text: string;
  status: number | undefined;
}

/** The facts that a connector would have reported. */
export function recordedFailure(seen: Seen, body: unknown = null): Failure {
  const { code, subCode } = codes(body, seen.text);
  const error = oauthError(body, seen.text);
  return {
    cloud: seen.cloud,
    operation: seen.operation,
    effect: effectOf(seen.phase),
    phase: seen.phase,
    certainty: 'rejected',
    ...(seen.status === undefined ? {} : { httpStatus: seen.status }),
    ...(code === undefined ? {} : { code }),
    ...(subCode === undefined ? {} : { subCode }),
    ...(error === undefined ? {} : { oauthError: error }),
    message: shortMessage(seen.text),
    body: isPage(seen.text) ? 'html' : body == null ? 'none' : 'json',
  };
}

function labelNamed(name: string): Label | undefined {
  return labels.find((label) => label === name);
}

function isStatus(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff;
}
