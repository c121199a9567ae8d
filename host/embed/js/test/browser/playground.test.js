/** The playground, as a person opens it: a file, without a network. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { playground } from '../../scripts/playground.js';
import { folder, prepared, root } from '../support.js';
import { skip, start } from './support.js';

const file = new URL('../../playground/index.html', import.meta.url);
const cases = fileURLToPath(new URL('tests/fixtures/failures.jsonl', root));
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser;

before(async () => {
  if (!skip) browser = await start();
});

after(() => browser?.close());

/** Opens the page. Anything that it says on the console, or asks the network for, is a failure. */
async function open(t, { width = 1280, scheme = 'light' } = {}) {
  const context = await browser.newContext({
    viewport: { width, height: 800 },
    colorScheme: scheme,
    offline: true,
    bypassCSP: false,
  });
  const page = await context.newPage();
  const wrong = [];
  page.on('console', (message) => wrong.push(message.text()));
  page.on('pageerror', (error) => wrong.push(error.message));
  page.on('request', (request) => {
    if (!/^(file|blob):/.test(request.url())) wrong.push(request.url());
  });
  await page.goto(file.href);
  await page.locator('html[data-ready]').waitFor();
  t.after(async () => {
    assert.deepEqual(wrong, []);
    await context.close();
  });
  return page;
}

const word = (page, place, name) =>
  page.locator(`#answer-${place} .row`, { has: page.locator(`dt:text-is("${name}")`) }).locator('dd > code');

/** The word that is shown, once it is this one. */
async function shows(page, place, name, wanted) {
  await word(page, place, name).filter({ hasText: wanted }).waitFor({ timeout: 10_000 });
  assert.equal(await word(page, place, name).textContent(), wanted);
}

test('the committed page is that of the sources', async (t) => {
  const [committed, built] = [await readFile(file, 'utf8'), await playground()].map(withoutPolicies);
  assert.ok(
    committed.page === built.page,
    'playground/index.html is not of these sources; npm run playground writes it',
  );
  // Whoever changes a policy need not have Node: the page says which one it has, and goes on.
  for (const [id, text] of Object.entries(built.policies)) {
    if (text === committed.policies[id]) continue;
    t.diagnostic(`NOTE: ${id} of the committed page is older than guest/dist; npm run playground renews it`);
  }
});

/** The page, and the policies that it has in it. */
function withoutPolicies(text) {
  const policies = {};
  const page = text.replace(
    /(<script type="text\/plain" id="(policy-[a-z-]+)">)(.*?)(<\/script>)/gs,
    (_, open, id, policy, close) => {
      policies[id] = policy;
      return `${open}${close}`;
    },
  );
  assert.deepEqual(Object.keys(policies), ['policy-default', 'policy-four-phrases']);
  return { page, policies };
}

test('a pasted error gets a kind, a rule, a decision and its sentence, from both policies', {
  skip,
}, async (t) => {
  const page = await open(t);
  await page.getByLabel('Text of the error').fill('the access token has run out, obtain another one');
  await page.getByRole('spinbutton', { name: 'Status' }).fill('401');
  await shows(page, 'a', 'Kind', 'token-expired');
  await shows(page, 'a', 'Decision', 'refresh-and-retry');
  await shows(page, 'b', 'Kind', 'unknown');
  await shows(page, 'b', 'Decision', 'give-up');
  assert.match(
    await page.locator('#answer-a').textContent(),
    /unless somebody else already did, and repeat this step once/,
  );
  assert.equal(await page.locator('#comparison').textContent(), 'The two decide differently.');
  assert.equal(await page.locator('#answer-a .row.differing dt').first().textContent(), 'Kind');
});

test('a code in the text is found, and one that is typed outranks it', { skip }, async (t) => {
  const page = await open(t);
  await page.getByRole('button', { name: 'Daily limit' }).click();
  await shows(page, 'a', 'Kind', 'rate-limited');
  await page.getByText('More facts').click();
  assert.match(await page.locator('#facts').textContent(), /"code": "5091"/);
  await page.getByLabel('Code', { exact: true }).fill('4004');
  await shows(page, 'a', 'Kind', 'busy');
});

test('a fact that is none is said beside the form, and mended', { skip }, async (t) => {
  const page = await open(t);
  await page.getByRole('spinbutton', { name: 'Status' }).fill('65937');
  const problem = page.locator('#problem-failure');
  await problem.waitFor();
  assert.match(
    await problem.textContent(),
    /failure\.httpStatus: 65937 is not a whole number from 0 to 65535/,
  );
  await page.getByRole('spinbutton', { name: 'Status' }).fill('429');
  await problem.waitFor({ state: 'hidden' });
  await shows(page, 'a', 'Kind', 'rate-limited');
});

test('every example has an answer', { skip }, async (t) => {
  const page = await open(t);
  const answers = {
    'Expired token': ['token-expired', 'expired'],
    'The same, reworded': ['token-expired', 'bare-401'],
    'Refused grant': ['credentials-rejected', 'oauth'],
    'Daily limit': ['rate-limited', 'ccsp-5091'],
    'Gateway’s page': ['transient', 'http-5xx'],
    'Unlock without an answer': ['transient', 'transport'],
  };
  assert.deepEqual(await page.locator('#examples button').allTextContents(), Object.keys(answers));
  for (const [name, [kind, rule]] of Object.entries(answers)) {
    await page.getByRole('button', { name }).click();
    await shows(page, 'a', 'Rule', rule);
    await shows(page, 'a', 'Kind', kind);
  }
});

test('cases become a table with the figures of `policy test`, and a row goes into the form', {
  skip,
}, async (t) => {
  const page = await open(t);
  await page.locator('#file-cases').setInputFiles(cases);
  await page.locator('#results').waitFor();
  assert.equal(await page.locator('#cases-summary').textContent(), '5 cases; the policies differ on 4.');
  const scores = await page
    .locator('#scores tr')
    .evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));
  assert.deepEqual(scores, [
    ['A: default', '1.000', '1.000', '1.000', '1.000'],
    ['B: four-phrases', '0.200', '0.200', '1.000', '0.500'],
  ]);
  const rows = page.locator('#rows tr');
  assert.equal(await rows.count(), 5);
  await page.getByLabel('where the policies differ').check();
  assert.equal(await rows.count(), 4);
  await page.getByRole('button', { name: 'daily-limit' }).click();
  await shows(page, 'a', 'Kind', 'rate-limited');
  assert.equal(await page.getByLabel('Text of the error').inputValue(), 'Exceeds number of requests');
});

test('a file that has no cases says so, with the line', { skip }, async (t) => {
  const page = await open(t);
  const other = join(await folder(t), 'other.jsonl');
  await writeFile(other, '\n{"id":"a"}\n');
  await page.locator('#file-cases').setInputFiles(other);
  const problem = page.locator('#problem-cases');
  await problem.waitFor();
  assert.match(await problem.textContent(), /^other\.jsonl, line 2: label is missing or no text/);
});

/** Loads a file as policy B and waits for its name. */
async function loadB(page, path, name) {
  await page.locator('#file-b').setInputFiles(path);
  await page.locator('#identity-b').filter({ hasText: name }).waitFor();
}

test('a component is loaded as it is, and is the one that the host has', { skip }, async (t) => {
  const page = await open(t);
  const component = fileURLToPath(new URL('guest/dist/policy.wasm', root));
  await loadB(page, component, 'default');
  const digest = createHash('sha256')
    .update(await readFile(component))
    .digest('hex');
  assert.equal(await page.locator('#identity-b').textContent(), `default 0.1.0 · ${digest.slice(0, 12)}`);
  assert.equal(await page.locator('#choice-b').inputValue(), 'file');
  await page.locator('#comparison').filter({ hasText: 'The two answer the same.' }).waitFor();
});

test('a prepared policy is loaded and compared', { skip }, async (t) => {
  const page = await open(t);
  await loadB(page, await prepared(t, 'guest/dist/policy.wasm'), 'default');
  await page.locator('#comparison').filter({ hasText: 'The two answer the same.' }).waitFor();
});

test('what is no policy changes nothing, and it is said why', { skip }, async (t) => {
  const page = await open(t);
  const place = await folder(t);
  const problem = page.locator('#problem-policies');
  const refuses = async (path, words) => {
    await page.locator('#file-b').setInputFiles(path);
    await problem.filter({ hasText: words }).waitFor();
    assert.match(await page.locator('#identity-b').textContent(), /^four-phrases /);
  };
  await writeFile(join(place, 'text.js'), 'export const x = 1;');
  await refuses(join(place, 'text.js'), 'text.js is neither a component nor a prepared policy.');
  await writeFile(join(place, 'broken.wasm'), Buffer.from([0, 0x61, 0x73, 0x6d, 13, 0, 1, 0, 99, 99]));
  await refuses(join(place, 'broken.wasm'), /^broken\.wasm is no component: /);
  await refuses(
    fileURLToPath(new URL('guest/dist/example.wasm', root)),
    /^example\.wasm imports .*imports nothing/,
  );
});

test('a policy that spins costs its answer and not the page', { skip }, async (t) => {
  const page = await open(t);
  await loadB(page, fileURLToPath(new URL('tests/fixtures/policies/spinning.wasm', root)), 'spinning');
  await page.getByText('More facts').click();
  await page.getByLabel('Token’s age, s').fill('60');
  const fault = page.locator('#answer-b .problem');
  await fault.waitFor();
  assert.match(await fault.textContent(), /gave no answer to classify: it took longer than 2000 ms/);
  await shows(page, 'a', 'Kind', 'token-expired');
});

test('everything is done by keyboard, and what has the focus is seen', { skip }, async (t) => {
  const page = await open(t);
  const focused = () =>
    page.evaluate(() => {
      const at = document.activeElement;
      const { outlineStyle, outlineWidth } = getComputedStyle(at);
      const name = at.id || at.getAttribute('name') || at.textContent.trim();
      return [name, outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2];
    });
  const order = [];
  for (let step = 0; step < 19; step += 1) {
    await page.keyboard.press('Tab');
    const [name, isSeen] = await focused();
    assert.ok(isSeen, name);
    order.push(name);
  }
  assert.deepEqual(order, [
    'Skip to the answers',
    'Expired token',
    'The same, reworded',
    'Refused grant',
    'Daily limit',
    'Gateway’s page',
    'Unlock without an answer',
    'text',
    'status',
    'code',
    'phase',
    'cloud',
    'More facts',
    'choice-a',
    'open-a',
    'choice-b',
    'open-b',
    'open-cases',
    'made-up',
  ]);
  await page.locator('#made-up').focus();
  await page.keyboard.press('Enter');
  await page.locator('#results').waitFor();
  await page.getByRole('button', { name: 'refused-grant' }).focus();
  await page.keyboard.press('Space');
  await shows(page, 'a', 'Kind', 'credentials-rejected');
  assert.deepEqual(await focused(), ['text', true]);
});

for (const scheme of ['light', 'dark']) {
  for (const width of [375, 1280]) {
    test(`nothing is hard to read or reach: ${scheme}, ${width} px`, { skip }, async (t) => {
      const page = await open(t, { width, scheme });
      await page.getByRole('button', { name: 'The same, reworded' }).click();
      await page.getByText('More facts').click();
      await page.locator('#made-up').click();
      await page.locator('#results').waitFor();
      await shows(page, 'b', 'Kind', 'unknown');
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
      // As a script of the browser's tools, for the page lets none in.
      await page.evaluate(axe);
      const found = await page.evaluate(async () => {
        const { violations, passes } = await globalThis.axe.run(document, {
          runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
        });
        const contrast = passes.find(({ id }) => id === 'color-contrast')?.nodes.length ?? 0;
        return {
          contrast,
          violations: violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]),
        };
      });
      assert.deepEqual(found.violations, []);
      assert.ok(found.contrast > 30, `${found.contrast}`);
    });
  }
}
