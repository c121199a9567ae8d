/** What the documents show works as it stands there. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { read } from './support.js';

/** Within the package, where its own name is known. */
const samples = new URL('../dist/samples/', import.meta.url);
const pages = {
  'embedding.md': await read('docs/embedding.md'),
  'README.md': await readFile(new URL('../README.md', import.meta.url), 'utf8'),
};
const blocks = Object.entries(pages).flatMap(([page, text]) =>
  [...text.matchAll(/```js\n(.*?)```/gs)].map(([, code], number) => [`${page}, ${number + 1}`, code]),
);

test('the samples are found', () => assert.ok(blocks.length >= 3, `${blocks.length}`));

for (const [index, [name, code]] of blocks.entries()) {
  test(`the sample of ${name} runs`, async (t) => {
    await mkdir(samples, { recursive: true });
    const file = new URL(`${index}.mjs`, samples);
    t.after(() => rm(file));
    await writeFile(file, `import { ok } from 'node:assert';\nconsole.assert = ok;\n${code}`);
    // What a sample says in a comment behind `console.log` is what it prints.
    const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(file)], {
      timeout: 20_000,
    });
    const said = [...code.matchAll(/^console\.log\(.*\); \/\/ (.*)$/gm)].map(([, comment]) => comment);
    const printed = stdout.trimEnd().split('\n').filter(Boolean);
    assert.equal(printed.length, said.length);
    for (const [line, comment] of said.entries()) {
      assert.ok(printed[line].startsWith(comment.replace(/…$/, '')), `${printed[line]} is not ${comment}`);
    }
  });
}
