/** Failures to begin with. All are made up. */
import type { Failure } from '../../src/types.js';

/** An example and its name. */
export interface Example {
  readonly name: string;
  readonly failure: Partial<Failure>;
}

export const examples: readonly Example[] = [
  {
    name: 'Expired token',
    failure: {
      message: 'Key not authorized: Token is expired',
      httpStatus: 401,
      phase: 'command',
      body: 'json',
      tokenAge: 3_600_000,
    },
  },
  {
    name: 'The same, reworded',
    failure: {
      message: 'the access token has run out, obtain another one',
      httpStatus: 401,
      phase: 'status',
      tokenAge: 3_600_000,
    },
  },
  {
    name: 'Refused grant',
    failure: {
      message: 'The refresh token is not valid',
      httpStatus: 400,
      phase: 'refresh',
      oauthError: 'invalid_grant',
      body: 'json',
    },
  },
  {
    name: 'Daily limit',
    failure: {
      message: '{"retCode":"F","resCode":"5091","resMsg":"Exceeds number of requests"}',
      phase: 'status',
    },
  },
  {
    name: 'Gateway’s page',
    failure: {
      message: '<html><body>Service Unavailable</body></html>',
      httpStatus: 503,
      phase: 'status',
      certainty: 'ambiguous',
    },
  },
  {
    name: 'Unlock without an answer',
    failure: {
      message: 'no answer in time',
      phase: 'command',
      operation: 'unlock',
      certainty: 'ambiguous',
      transport: 'interrupted',
    },
  },
];
