/** Builds the playground: one file with everything in it, and a policy for its content that lets nothing else in. */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { policy } from './generate.js';

const here = new URL('../', import.meta.url);
const page = new URL('playground/', here);

/** The text of the page. */
export async function playground() {
  const style = await readFile(new URL('style.css', page), 'utf8');
  const main = await bundle('playground/src/main.ts', 'esm');
  const texts = {
    worker: await bundle('src/worker.ts', 'iife'),
    'policy-default': await policy('policy'),
    'policy-four-phrases': await policy('four-phrases'),
    'made-up-cases': await readFile(new URL('../../../tests/fixtures/failures.jsonl', here), 'utf8'),
  };
  const scripts = Object.entries(texts).map(
    ([id, text]) => `<script type="text/plain" id="${id}">${inline(text)}</script>`,
  );
  const content = {
    policy: [
      "default-src 'none'",
      `style-src '${digest(style)}'`,
      `script-src '${digest(main)}' blob: 'wasm-unsafe-eval'`,
      'worker-src blob:',
      "base-uri 'none'",
      "form-action 'none'",
    ].join('; '),
    style,
    scripts: [...scripts, await transpiler(), `<script type="module">${inline(main)}</script>`].join('\n'),
  };
  const template = await readFile(new URL('page.html', page), 'utf8');
  return template.replace(/\{\{(\w+)\}\}/g, (_, name) => content[name]);
}

/** The transpiler for components that are loaded into the page: its script and core modules, compressed. */
async function transpiler() {
  const vendor = new URL('node_modules/@bytecodealliance/jco-transpile/vendor/', here);
  const parts = [['transpiler.js', Buffer.from(await bundle('playground/src/transpiler.ts', 'iife'))]];
  for (const core of ['core', 'core2']) {
    const name = `js-component-bindgen-component.${core}.wasm`;
    parts.push([name, await readFile(new URL(name, vendor))]);
  }
  const sizes = JSON.stringify(parts.map(([name, content]) => [name, content.length]));
  const packed = gzipSync(Buffer.concat(parts.map(([, content]) => content)), { level: 9 });
  return [
    '<!-- jco-transpile, https://github.com/bytecodealliance/jco, Apache-2.0 WITH LLVM-exception -->',
    `<script type="text/plain" id="transpiler" data-parts='${sizes}'>${packed.toString('base64')}</script>`,
  ].join('\n');
}

async function bundle(entry, format) {
  const built = await build({
    absWorkingDir: here.pathname.slice(0, -1),
    entryPoints: [entry],
    bundle: true,
    write: false,
    minify: true,
    format,
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'inline',
    // The page has no files beside it.
    define: { 'import.meta.url': '"https://playground.invalid/"' },
    platform: 'browser',
    external: ['node:*'],
    plugins: [forThePage],
    logLevel: 'warning',
  });
  return built.outputFiles[0].text.trim();
}

/** Workers and policies come from the page, not from files. */
const forThePage = {
  name: 'for-the-page',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^#platform$/ }, () => ({ path: new URL('src/platform.ts', page).pathname }));
    onResolve({ filter: /generated\/default-policy\.js$/ }, ({ path }) => ({ path, namespace: 'none' }));
    onLoad({ filter: /.*/, namespace: 'none' }, () => ({ contents: 'export {}' }));
  },
};

function inline(text) {
  if (/<\/script|<!--|<script/i.test(text))
    throw new Error('a script has the words that would end its element');
  return text;
}

function digest(text) {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  await writeFile(new URL('index.html', page), await playground());
}
