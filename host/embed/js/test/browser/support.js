/** A browser without a network, and a server on loopback for what cannot be a file. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname } from 'node:path';
import { chromium } from 'playwright-core';

/** The browser; another one by the variable `CHROMIUM`. None is ever downloaded. */
export const executable = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Whether there is one. Where there has to be, `REQUIRE_CHROMIUM` makes its absence a failure. */
export const skip =
  existsSync(executable) || process.env.REQUIRE_CHROMIUM ? false : `there is no Chromium at ${executable}`;

/** Starts the browser. Without a sandbox of its own, which it cannot have for root in a container. */
export async function start() {
  return await chromium.launch({ executablePath: executable, args: ['--no-sandbox'] });
}

const types = { '.js': 'text/javascript', '.html': 'text/html', '.jsonl': 'text/plain' };

/** Serves files on loopback: `files` are texts by their paths, everything else is below `folder`. */
export async function serve(folder, files) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    try {
      const content = files[pathname] ?? (await readFile(new URL(`.${pathname}`, folder)));
      response.writeHead(200, { 'content-type': types[extname(pathname)] ?? 'application/octet-stream' });
      response.end(content);
    } catch {
      response.writeHead(404);
      response.end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { address: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}
