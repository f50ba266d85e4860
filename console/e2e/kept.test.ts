// What Explore remembers, against the real binary: steps of the history say what changed and are asked again by a click, and
// markers stand on every chart, made by hand and by API, listed, hidden, deleted, and a way into what is different since.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { accessibility, launch, open, PHONE, settled } from './fixture/browser';
import { boardOf } from './fixture/board';
import { answered } from './fixture/different';
import { startTarget, type Target } from './fixture/outcrop';
import { shopEvents } from './fixture/shop';

let browser: Browser;
let target: Target;
const now = Date.now();
beforeAll(async () => {
  browser = await launch();
  target = await startTarget();
  await target.send(shopEvents(6000, now));
});
afterAll(async () => {
  await browser?.close();
  await target?.stop();
});

const asked = (page: Page) => new URL(page.url()).searchParams;
const post = (path: string, body: unknown) => fetch(`${target.url}/api/v1/${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }).then(async (r) => (await r.json()) as { id: string });
async function explore(search = '?dataset=shop&show=COUNT&show=P99(duration_ms)&last=7200', options = {}) {
  const watched = await open(browser, `${target.url}/${search}`, options);
  await settled(watched.page);
  await watched.page.locator('.uplot').first().waitFor();
  return watched;
}

it.each([['light'], ['dark']] as const)('lists the steps of what was asked, finds them and asks one again, in the %s theme', async (colorScheme) => {
  const { page, problems } = await explore(undefined, { colorScheme });
  await page.keyboard.press('h');
  const history = page.getByTestId('history');
  await history.waitFor();
  await page.keyboard.press('g');
  await page.keyboard.type('region');
  await page.keyboard.press('Enter');
  await settled(page);
  const steps = () => history.getByRole('listitem').allInnerTexts().then((all) => all.map((t) => t.split('\n')[0]!.trim()));
  await expect.poll(steps, { timeout: 15_000 }).toContain('Group by region');
  await page.keyboard.press('/');
  await page.keyboard.type('region = eu-west-1');
  await page.keyboard.press('Enter');
  await settled(page);
  await expect.poll(async () => (await steps())[0], { timeout: 15_000 }).toBe('Only region eu-west-1');
  expect(await accessibility(page)).toEqual([]);
  await history.getByRole('button', { name: /Group by region/ }).first().click();
  await settled(page);
  expect(asked(page).getAll('where')).toEqual([]);
  expect(asked(page).get('by')).toBe('region');
  await history.getByLabel('Find in the history').fill('eu-west');
  await expect.poll(steps, { timeout: 15_000 }).not.toContain('Group by region');
  await page.reload();
  await settled(page);
  await page.getByTestId('history').waitFor();
  await page.keyboard.press('h');
  await page.getByTestId('history').waitFor({ state: 'detached' });
  expect(problems).toEqual([]);
  await page.context().close();
});

it('marks a time by hand; the mark stands on the charts, leads on, is hidden and deleted', async () => {
  const { page, problems } = await explore();
  await page.keyboard.press('m');
  await page.getByLabel('What happened').fill('payments 2.19.0');
  await page.getByLabel(/^When/).fill(new Date(now - 41 * 60_000).toISOString().slice(0, 19).replace('T', ' '));
  expect(await accessibility(page)).toEqual([]);
  await page.keyboard.press('Enter');
  const label = page.getByRole('group', { name: 'Markers' }).getByRole('button', { name: 'payments 2.19.0' });
  await label.waitFor();
  expect(await page.locator('.marker-line').count()).toBe(2);
  expect(await accessibility(page)).toEqual([]);
  await label.click();
  await page.getByRole('menuitem', { name: /What is different since/ }).click();
  await answered(page);
  expect(Math.abs(Date.parse(asked(page).get('these_from')!) - (now - 41 * 60_000))).toBeLessThan(60_000);
  await page.goBack();
  await settled(page);
  await page.getByTestId('markers').click();
  await page.getByRole('menuitem', { name: /Hide markers/ }).click();
  await label.waitFor({ state: 'detached' });
  await page.reload();
  await settled(page);
  await page.getByTestId('markers').getByText('hidden').waitFor();
  await page.getByTestId('markers').click();
  await page.getByRole('menuitem', { name: /Show markers/ }).click();
  await label.click();
  await page.getByRole('menuitem', { name: /Delete this marker/ }).click();
  await label.waitFor({ state: 'detached' });
  expect(problems).toEqual([]);
  await page.context().close();
});

it('shows markers made by API on every chart of a board, and near ones as a count', async () => {
  for (const [minutes, text] of [[49, 'b-0037 eu-west-1'], [41, 'new_checkout on'], [40.8, 'search 4.1'], [40.6, 'cart 7']] as const) await post('markers', { text, kind: 'deploy', dataset: 'shop', time: new Date(now - minutes * 60_000).toISOString() });
  const { page, problems } = await explore();
  await page.getByRole('button', { name: 'b-0037 eu-west-1' }).waitFor();
  await page.getByRole('button', { name: /^[23] markers$/ }).click();
  await page.getByRole('menuitem', { name: /cart 7/ }).click();
  await page.getByRole('menuitem', { name: /An hour around it/ }).click();
  await settled(page);
  expect(asked(page).get('from')).not.toBeNull();
  const { id } = await post('boards', boardOf('shop'));
  await page.goto(`${target.url}/?page=board&board=${id}`);
  await page.getByTestId('heatmap').waitFor();
  await expect.poll(() => page.locator('.marker-lane').count(), { timeout: 20_000 }).toBeGreaterThanOrEqual(3);
  expect(await accessibility(page)).toEqual([]);
  expect(problems).toEqual([]);
  await page.context().close();
});

it('opens the history over a phone', async () => {
  const { page, problems } = await explore(undefined, { viewport: PHONE, hasTouch: true });
  await page.getByTestId('history-button').tap();
  await page.getByTestId('history').waitFor();
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);
  expect(await accessibility(page)).toEqual([]);
  await page.getByRole('button', { name: 'Close the history' }).tap();
  await page.getByTestId('history').waitFor({ state: 'detached' });
  expect(problems).toEqual([]);
  await page.context().close();
});
