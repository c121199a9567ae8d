/** Recorded failures are read as `vehicle-connector policy test` reads them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  amountsTo,
  labelOf,
  labels,
  NotACase,
  parseCase,
  parseCases,
  recordedFailure,
} from '../dist/cases.js';
import { Policy } from '../dist/index.js';
import { codes, oauthError } from '../dist/recorded.js';
import { read } from './support.js';

test('the made-up failures get their labels', async () => {
  const policy = await Policy.load();
  const cases = parseCases(await read('tests/fixtures/failures.jsonl'));
  assert.equal(cases.length, 5);
  for (const { id, label, failure } of cases) assert.equal(labelOf(policy.classify(failure).kind), label, id);
});

test('codes of envelopes', () => {
  assert.deepEqual(codes({ retCode: 'F', resCode: '4004' }, ''), { code: '4004' });
  assert.deepEqual(codes({ retCode: 'F' }, ''), {});
  assert.deepEqual(codes({ retCode: 7501 }, ''), { code: '7501' });
  assert.deepEqual(codes({ errorCode: 502, errorSubCode: 'HT_534' }, ''), { code: '502', subCode: 'HT_534' });
  assert.deepEqual(codes({ errors: [{ code: 'err.func.1' }] }, ''), { code: 'err.func.1' });
});

test('codes of renderings that were cut', () => {
  const code = (text) => codes(null, text).code;
  assert.equal(code("Server returned: '5153' 'Invalid'"), '5153');
  assert.equal(code('Gigya returned error 403042: invalid loginID'), '403042');
  assert.equal(code('"errorType":2,"errorCode":9000,"errorMessage'), '9000');
  assert.equal(code("('err.tech.500', 'x')"), 'err.tech.500');
  assert.equal(code('return code: 4, message: x'), '4');
  assert.equal(codes(null, "{'errorSubCode': 'HT_534', 'x").subCode, 'HT_534');
  assert.equal(code('login failed: Invalid values (4003)'), '4003');
  assert.equal(code('Please wait.[E400002]'), 'E400002');
  assert.equal(code('API Error SXM40101'), 'SXM40101');
  assert.equal(code('HTTP 400 retCode: 7501, errCode: "4002"'), '7501');
  const statuses = [
    'unexpected status code 401',
    'Response code 401',
    'unexpected status (401)',
    '(vehicleId)',
  ];
  for (const none of ['code', 'codes 4', 'barcode 4', 'zip code4', 'code: abc', ...statuses])
    assert.equal(code(none), undefined, none);
});

test('OAuth errors wherever they stand', () => {
  assert.equal(oauthError(null, 'Bearer error="invalid_token", x'), 'invalid_token');
  assert.equal(oauthError(null, '400 - invalid_grant : gone'), 'invalid_grant');
  assert.equal(oauthError(null, 'auth%2f%3ferror%3dserver_error%26x'), 'server_error');
  assert.equal(oauthError(null, 'my_invalid_grant_x'), undefined);
  assert.equal(oauthError({ error: 'Unauthorized' }, ''), undefined);
  assert.equal(oauthError({ error: 'invalid_grant' }, ''), 'invalid_grant');
});

test('a page and a document are told apart', () => {
  const seen = { cloud: 'c', operation: 'status', phase: 'status', status: undefined };
  assert.equal(recordedFailure({ ...seen, text: '<HTML>' }).body, 'html');
  assert.equal(recordedFailure({ ...seen, text: 'x' }, {}).body, 'json');
  assert.equal(recordedFailure({ ...seen, text: 'x' }).body, 'none');
});

test('a line that is no case says what is wrong', () => {
  const line = (fields) =>
    JSON.stringify({ id: 'a', text: 't', cloud: 'c', operation: 'login', label: 'busy', ...fields });
  assert.equal(parseCase(line({})).failure.phase, 'sign-in');
  const wrong = [
    ['not JSON', /this is no case: /],
    ['3', /this is no case/],
    [line({ label: null }), /label is missing/],
    [line({ label: 'x' }), /the label "x" is unknown; it is one of token-expired, /],
    [
      line({ operation: 'x' }),
      /the operation "x" is unknown; it is one of status, command, login, refresh, unknown/,
    ],
    [line({ http_status: 65_937 }), /http_status is no whole number/],
  ];
  for (const [content, words] of wrong) assert.throws(() => parseCase(content), words, content);
  assert.throws(() => parseCases(`${line({})}\n\n{}`), /^NotACase: line 3: /);
  assert.throws(() => parseCases('\n'), NotACase);
});

test('what an answer amounts to depends on the step and on what follows', () => {
  const recorded = (operation, label) =>
    parseCase(JSON.stringify({ id: 'a', text: 't', cloud: 'c', operation, label }));
  const refused = { tag: 'credentials-rejected' };
  const giveUp = { tag: 'give-up' };
  assert.equal(amountsTo(recorded('command', 'invalid-request'), refused, giveUp), 'invalid-request');
  assert.equal(amountsTo(recorded('command', 'busy'), refused, giveUp), 'credentials-rejected');
  assert.equal(amountsTo(recorded('status', 'invalid-request'), refused, giveUp), 'credentials-rejected');
  const signIn = { tag: 'sign-in-again' };
  assert.equal(amountsTo(recorded('refresh', 'token-expired'), refused, signIn), 'token-expired');
});

test('every label has a kind of its own name', () => {
  for (const label of labels) {
    assert.equal(labelOf({ tag: label }), label);
    assert.equal(labelOf({ tag: 'other', val: label }), label);
  }
  assert.equal(labelOf({ tag: 'unknown' }), undefined);
  assert.equal(labelOf({ tag: 'other', val: 'sunspots' }), undefined);
});
