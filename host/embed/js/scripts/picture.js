/** Takes the picture of the playground for `docs/embedding.md`. Look at it when the page looks different. */
import { fileURLToPath } from 'node:url';
import { start } from '../test/browser/support.js';

const picture = new URL('../../../../docs/pictures/playground.png', import.meta.url);
const browser = await start();
const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme: 'light' });
await page.goto(new URL('../playground/index.html', import.meta.url).href);
await page.locator('html[data-ready]').waitFor();
await page.getByRole('button', { name: 'The same, reworded' }).click();
await page.locator('#comparison', { hasText: 'differently' }).waitFor();
await page.locator('#made-up').click();
await page.locator('#results').waitFor();
// What was clicked has scrolled the page.
await page.evaluate(() => globalThis.scrollTo(0, 0));
await page.screenshot({ path: fileURLToPath(picture), fullPage: true });
await browser.close();
