/** Codes and OAuth errors in an answer of which only a rendering is left: those that `host/src/scoring/facts.rs` finds. */

/** Places of a cloud's code, the telling ones first. */
const CODES = [
  '/resCode',
  '/errCode',
  '/status/errorCode',
  '/status/messages/0/responseCode',
  '/error/errorCode',
  '/error/code',
  '/errors/0/extensions/code',
  '/errors/0/errorCode',
  '/errors/0/code',
  '/fault/detail/errorcode',
  '/metaInfo/resCode',
  '/errorCode',
  '/error_code',
  '/retCode',
  '/code',
  '/httpCode',
];

/** Places of a second code. */
const SUB_CODES = ['/errorSubCode', '/extraCode', '/data/errorLabel'];

/** Names before a code in renderings that were cut, and the words that client libraries write before one. */
const MARKS = [
  'resCode',
  'errCode',
  'errorCode',
  'error_code',
  'retCode',
  'return code',
  'Server returned',
  'returned error',
  'code',
  'network error',
];

/** What stands before a number that is an HTTP status and no code of the vendor's. */
const BEFORE_STATUS = /(?:status|response|http)$/i;

/** Beginnings of codes that cannot be taken for anything else. */
const SELF_NAMED = ['err.func.', 'err.tech.', 'SXM'];

/** A code that stands alone in brackets, as behind the words that it means. A status is shorter. */
const BRACKETED = /[([](?=[A-Z0-9]*\d)([A-Z0-9]{4,})[)\]]/;

/** The `error` values of RFC 6749, RFC 6750, RFC 8628 and OpenID Connect Core. */
const OAUTH = [
  'invalid_token',
  'insufficient_scope',
  'invalid_grant',
  'invalid_client',
  'invalid_request',
  'invalid_scope',
  'unauthorized_client',
  'unsupported_grant_type',
  'access_denied',
  'server_error',
  'temporarily_unavailable',
  'authorization_pending',
  'slow_down',
  'expired_token',
  'login_required',
  'consent_required',
  'interaction_required',
  'mfa_required',
];

const PAGES = ['<!doctype html', '<html', '<head>', '<h1>'];

/** The vendor's code and the second one beside it. */
export function codes(body: unknown, text: string): { code?: string; subCode?: string } {
  const code =
    first(CODES, (place) => asCode(at(body, place))) ??
    named(text) ??
    first(SELF_NAMED, (start) => wordFrom(text, start)) ??
    BRACKETED.exec(text)?.[1];
  const subCode =
    first(SUB_CODES, (place) => asCode(at(body, place))) ?? codeAfter(text, 'errorSubCode')?.code;
  return { ...(code === undefined ? {} : { code }), ...(subCode === undefined ? {} : { subCode }) };
}

/** The OAuth error, which is a name and not a sentence: from the body, a challenge, or what a library wrote of either. */
export function oauthError(body: unknown, text: string): string | undefined {
  const error = at(body, '/error');
  if (typeof error === 'string' && /^[a-z_]*$/.test(error)) return error;
  const edge = '(?:(?<![\\p{L}\\p{N}_])|(?<=%[0-9A-Fa-f]{2}))';
  return OAUTH.find((name) => new RegExp(`${edge}${name}(?![\\p{L}\\p{N}_])`, 'u').test(text));
}

/** Whether the answer was a page. */
export function isPage(text: string): boolean {
  const lower = text.toLowerCase();
  return PAGES.some((mark) => lower.includes(mark));
}

/** The value at a JSON Pointer (RFC 6901) without escapes. */
function at(body: unknown, pointer: string): unknown {
  let value = body;
  for (const step of pointer.slice(1).split('/')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}

function asCode(value: unknown): string | undefined {
  // The envelope's "F" says that there is a code, and is not one itself.
  if (typeof value === 'string') return value.length > 1 ? value : undefined;
  return typeof value === 'number' ? String(value) : undefined;
}

/** The code that is named first: the envelope's comes before that of what it wraps. */
function named(text: string): string | undefined {
  const found = MARKS.map((mark) => codeAfter(text, mark)).filter((code) => code !== undefined);
  return found.sort((one, other) => one.at - other.at)[0]?.code;
}

/** The code behind `mark` and the punctuation of a rendering, and where it is named. A code has a digit. */
function codeAfter(text: string, mark: string): { at: number; code: string } | undefined {
  for (let found = text.indexOf(mark); found >= 0; found = text.indexOf(mark, found + mark.length)) {
    const rest = text.slice(found + mark.length);
    const value = rest.replace(/^["'\\:=( ]+/, '');
    const code = firstWord(value);
    const before = text.slice(0, found);
    const isWord = !/[\p{L}\p{N}]$/u.test(before) && value.length < rest.length;
    if (isWord && !BEFORE_STATUS.test(before.trimEnd()) && /\d/.test(code)) return { at: found, code };
  }
  return undefined;
}

function wordFrom(text: string, start: string): string | undefined {
  const found = text.indexOf(start);
  return found < 0 ? undefined : firstWord(text.slice(found));
}

/** Returns the first word. Codes are letters, digits, and what joins them. */
function firstWord(text: string): string {
  return (/^[A-Za-z0-9_.-]*/.exec(text)?.[0] ?? '').replace(/[.-]+$/, '');
}

function first<A, B>(values: readonly A[], find: (value: A) => B | undefined): B | undefined {
  for (const value of values) {
    const found = find(value);
    if (found !== undefined) return found;
  }
  return undefined;
}
