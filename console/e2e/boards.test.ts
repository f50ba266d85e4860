// Boards and saved queries against the real binary: a query goes from Explore onto a board, panels are moved by keyboard and
// kept, another range and other filters stand in the address alone, the file for git comes back as it was, and whoever
// changes a board that somebody else changed meanwhile is told.
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { accessibility, launch, open, PHONE, settled } from './fixture/browser';
import { boardOf } from './fixture/board';
import { intentEvents } from './fixture/intents';
import { startTarget, type Target } from './fixture/outcrop';
import { shopEvents } from './fixture/shop';

let browser: Browser;
let target: Target;
beforeAll(async () => {
  browser = await launch();
  target = await startTarget();
  await target.send([...shopEvents(8000, Date.now()), ...intentEvents(8000, Date.now())]);
});
afterAll(async () => {
  await browser?.close();
  await target?.stop();
});

const make = (name: string) => fetch(`${target.url}/api/v1/boards`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ...boardOf('shop'), name }) }).then(async (r) => (await r.json()) as { id: string });
const panels = (page: Page) => page.getByTestId('panel');
const drawn = async (page: Page) => {
  await page.locator('[data-testid=board]').waitFor();
  await page.getByTestId('panel').first().waitFor();
  await expect.poll(() => page.locator('.panel-wait').count(), { timeout: 20_000 }).toBe(0);
};
const asked = (page: Page) => new URL(page.url()).searchParams;

it('takes a query from Explore onto a new board, and another beside it', async () => {
  const { page, problems } = await open(browser, `${target.url}/?dataset=shop&show=P99(duration_ms)&by=region&last=7200`);
  await settled(page);
  await page.keyboard.press('s');
  await page.getByRole('button', { name: 'On a board' }).click();
  await page.getByLabel('Title of the panel').fill('P99 by region');
  await page.getByLabel('Name of the new board').fill('Checkout health');
  expect(await accessibility(page)).toEqual([]);
  await page.keyboard.press('Enter');
  await drawn(page);
  await page.getByRole('heading', { name: 'P99 by region' }).waitFor();
  await page.locator('.uplot').first().waitFor();
  await page.goto(`${target.url}/?dataset=shop&show=COUNT&last=7200`);
  await settled(page);
  await page.getByTestId('save').click();
  await page.getByRole('button', { name: 'On a board' }).click();
  await page.getByLabel('Board', { exact: true }).waitFor();
  await expect.poll(() => page.getByLabel('Board', { exact: true }).innerText()).toContain('Checkout health');
  await page.getByLabel('Title of the panel').fill('Events');
  await page.getByRole('button', { name: 'Put it on the board' }).click();
  await drawn(page);
  expect(await panels(page).count()).toBe(2);
  expect(await page.locator('.big-number strong').innerText()).toMatch(/\d/);
  expect(await accessibility(page)).toEqual([]);
  const link = page.url();
  const elsewhere = await open(browser, link);
  await drawn(elsewhere.page);
  expect(await elsewhere.page.getByRole('heading', { level: 2 }).allInnerTexts()).toEqual(['P99 by region', 'Events']);
  await elsewhere.page.context().close();
  expect(problems).toEqual([]);
  await page.context().close();
});

it.each([['light'], ['dark']] as const)('shows every kind of panel in the %s theme, and each leads on', async (colorScheme) => {
  const { id } = await make(`Every kind, ${colorScheme}`);
  const { page, problems } = await open(browser, `${target.url}/?page=board&board=${id}`, { colorScheme });
  await drawn(page);
  await page.getByTestId('heatmap').waitFor();
  expect(await accessibility(page)).toEqual([]);
  await page.getByRole('button', { name: /Place the order and charge once/ }).click();
  await page.getByTestId('headline').waitFor();
  await page.goBack();
  await drawn(page);
  await page.locator('table.groups .val').first().click();
  await page.getByRole('menuitem', { name: /Only this/ }).click();
  await settled(page);
  expect(asked(page).getAll('where')).toHaveLength(2);
  expect(problems).toEqual([]);
  await page.context().close();
});

it('has another range and other filters in its address, and is kept as it was', async () => {
  const { id } = await make('Address');
  const { page } = await open(browser, `${target.url}/?page=board&board=${id}`);
  await drawn(page);
  const number = async () => Number((await page.locator('.big-number strong').first().innerText()).replaceAll(',', ''));
  const before = await number();
  await page.getByRole('button', { name: /filter for the whole board/ }).click();
  await page.keyboard.type('region = eu-west-1');
  await page.keyboard.press('Enter');
  await page.waitForURL(/where=/);
  await expect.poll(number, { timeout: 15_000 }).toBeLessThan(before / 2);
  await page.getByTestId('time-range').click();
  await page.getByRole('button', { name: /^Last 30.min$/ }).click();
  await page.waitForURL(/last=1800/);
  await page.getByRole('button', { name: 'As it was made' }).click();
  await expect.poll(number, { timeout: 15_000 }).toBeGreaterThan(before * 0.9);
  expect(asked(page).get('where')).toBeNull();
  await page.context().close();
});

it('moves, sizes and removes panels by keyboard, and keeps that', async () => {
  const { id } = await make('Moved');
  const { page, problems } = await open(browser, `${target.url}/?page=board&board=${id}`);
  await drawn(page);
  await page.keyboard.press('e');
  await panels(page).first().waitFor();
  const count = await panels(page).count();
  const box = (await panels(page).first().boundingBox())!;
  await panels(page).first().focus();
  await page.keyboard.press('Shift+ArrowRight');
  await expect.poll(async () => (await panels(page).first().boundingBox())!.width).toBeGreaterThan(box.width + 50);
  expect(await accessibility(page)).toEqual([]);
  await panels(page).last().focus();
  await page.keyboard.press('Delete');
  await expect.poll(() => panels(page).count()).toBe(count - 1);
  await page.getByLabel('Name of the board').fill('Moved and named');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.locator('[data-testid=board][data-editing=false]').waitFor();
  await page.reload();
  await drawn(page);
  expect(await panels(page).count()).toBe(count - 1);
  expect(await page.locator('h1').innerText()).toBe('Moved and named');
  expect((await panels(page).first().boundingBox())!.width).toBeGreaterThan(box.width + 50);
  expect(problems).toEqual([]);
  await page.context().close();
});

it('tells whoever saves over a change of somebody else', async () => {
  const { id } = await make('Contested');
  const { page } = await open(browser, `${target.url}/?page=board&board=${id}`);
  await drawn(page);
  await page.keyboard.press('e');
  const seen = await fetch(`${target.url}/api/v1/boards/${id}`);
  await fetch(`${target.url}/api/v1/boards/${id}`, { method: 'PUT', headers: { 'content-type': 'application/json', 'if-match': seen.headers.get('etag')! }, body: JSON.stringify({ ...boardOf('shop'), name: 'Theirs' }) });
  await page.getByLabel('Name of the board').fill('Mine');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('Somebody else changed this board meanwhile.').waitFor();
  expect(((await fetch(`${target.url}/api/v1/boards/${id}`).then((r) => r.json())) as { name: string }).name).toBe('Theirs');
  await page.context().close();
});

it('goes out as JSON and comes back the same, and a file that is no board says why', async () => {
  const { id } = await make('For git');
  const { page } = await open(browser, `${target.url}/?page=board&board=${id}`);
  await drawn(page);
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'JSON' }).click()]);
  const text = await readFile((await file.path())!, 'utf8');
  expect(file.suggestedFilename()).toBe('for-git.json');
  const at = join(tmpdir(), `outcrop-board-${process.pid}.json`);
  await writeFile(at, text);
  await page.getByRole('link', { name: 'Boards' }).first().click();
  await page.getByTestId('boards').waitFor();
  await page.getByLabel('Board as JSON').setInputFiles(at);
  await drawn(page);
  expect(asked(page).get('board')).not.toBe(id);
  const [again] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'JSON' }).click()]);
  expect(await readFile((await again.path())!, 'utf8')).toBe(text);
  await page.goBack();
  await page.getByTestId('boards').waitFor();
  await writeFile(at, '{"name":"x","panels":[{"pie":1}]}');
  await page.getByLabel('Board as JSON').setInputFiles(at);
  await page.getByText('Panel 1 has neither a spec nor an intent nor a text. Nothing was brought in.').waitFor();
  expect(await accessibility(page)).toEqual([]);
  await page.context().close();
});

it('saves a query under a name, finds, opens and deletes it', async () => {
  const { page, problems } = await open(browser, `${target.url}/?dataset=shop&show=COUNT&show=P99(duration_ms)&by=region&order=P99(duration_ms)+desc&where=${encodeURIComponent('http.route = "POST /checkout"')}&last=3600&view=lines`);
  await settled(page);
  await page.keyboard.press('s');
  await page.getByLabel('Name', { exact: true }).fill('Slow checkouts');
  await page.keyboard.press('Enter');
  await page.getByText('Saved', { exact: true }).waitFor();
  const before = [...asked(page)].sort();
  await page.getByRole('link', { name: 'Boards' }).first().click();
  await page.getByLabel('Find a board or a query').fill('slow ch');
  await page.getByRole('button', { name: /^Slow checkouts/ }).click();
  await settled(page);
  expect([...asked(page)].sort()).toEqual(before);
  await page.goBack();
  await page.getByRole('button', { name: 'Delete Slow checkouts' }).click();
  await page.getByRole('button', { name: /^Slow checkouts/ }).waitFor({ state: 'detached' });
  expect(problems).toEqual([]);
  await page.context().close();
});

it('fits a phone', async () => {
  const { id } = await make('Small');
  const { page, problems } = await open(browser, `${target.url}/?page=board&board=${id}`, { viewport: PHONE, hasTouch: true, isMobile: true });
  await drawn(page);
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);
  expect(await accessibility(page)).toEqual([]);
  expect(problems).toEqual([]);
  await page.context().close();
});
