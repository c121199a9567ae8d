/** The worker of an isolated policy. */
import { parent } from '#platform';
import { PolicyFault } from './errors.js';
import { Policy } from './policy.js';
import type { Reply, Request } from './port.js';

const port = parent();
let policy: Policy | undefined;

port.listen((message) => void answer(message as Request).then((reply) => port.post(reply)));

async function answer(request: Request): Promise<Reply> {
  try {
    if ('load' in request) {
      policy = await Policy.load(request.load ?? undefined, request.limits);
      return { identity: policy.identity };
    }
    if (!policy) return { refused: 'no policy is loaded' };
    return { answer: policy[request.call](request.argument as never) };
  } catch (error) {
    if (error instanceof PolicyFault) return { fault: error.kind, call: error.call, what: whatOf(error) };
    return { refused: error instanceof Error ? error.message : String(error) };
  }
}

/** The message without its beginning, which the other side writes again. */
function whatOf(error: PolicyFault): string {
  return error.message.slice(error.message.indexOf(': ') + 2);
}
