// The console against the real binary, as a person uses it: first run, filter and group by a click, zoom by a brush,
// reload, a link opened elsewhere, raw events, both themes, a phone. Every page is checked by axe and for complaints of
// the browser, the security policy's among them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { accessibility, launch, open, PHONE, settled, type Watched } from './fixture/browser';
import { startTarget, type Target } from './fixture/outcrop';
import { shopEvents } from './fixture/shop';

let browser: Browser;
let target: Target;
const now = Date.now();

beforeAll(async () => {
  browser = await launch();
  target = await startTarget();
});
afterAll(async () => {
  await browser?.close();
  await target?.stop();
});

const charts = (page: Page) => page.locator('.uplot').first().waitFor();
const chips = (page: Page) => page.locator('.query .chip-main').allInnerTexts().then((all) => all.map((t) => t.replace(/^Edit\s*/, '').replace(/\s+/g, '')));
const ofDuration = '?dataset=shop&show=HEATMAP(duration_ms)&show=COUNT&show=P99(duration_ms)&last=7200';

async function fine({ page, problems }: Watched) {
  expect(await accessibility(page)).toEqual([]);
  expect(problems).toEqual([]);
  await page.context().close();
}

/** Opens a page of the shop and waits for its charts. */
async function shop(search = ofDuration, options = {}): Promise<Watched> {
  const watched = await open(browser, `${target.url}/${search}`, options);
  await settled(watched.page);
  await charts(watched.page);
  return watched;
}

describe('Explore', () => {
  it('waits for the first event and becomes Explore when it arrives', async () => {
    const watched = await open(browser, target.url);
    const { page } = watched;
    await page.getByTestId('first-run').waitFor();
    expect(await accessibility(page)).toEqual([]);
    const command = await page.locator('pre').innerText();
    expect(command).toContain(`${target.url}/api/v1/events/shop`);
    await promisify(execFile)('bash', ['-c', command]);
    await settled(page);
    await page.locator('.events td .val', { hasText: 'POST /checkout' }).first().waitFor();
    expect(await accessibility(page)).toEqual([]);
    await target.send(shopEvents(12_000, now));
    await page.keyboard.press('Control+Enter');
    await page.getByTestId('cost').getByText('12,001').waitFor();
    await page.getByTestId('heatmap').waitFor();
    await charts(page);
    expect(await chips(page)).toEqual(['HEATMAPduration_ms', 'COUNT', 'P99duration_ms']);
    expect(await page.getByTestId('cost').innerText()).toMatch(/events/);
    await fine(watched);
  });

  it('groups and filters by clicks on values, and Back undoes', async () => {
    const watched = await shop();
    const { page } = watched;
    await page.locator('.events td .val', { hasText: /^POST \/checkout$/ }).first().click();
    await page.getByTestId('value-menu').waitFor();
    expect(await accessibility(page)).toEqual([]);
    await page.getByRole('menuitem', { name: /Only this/ }).click();
    await settled(page);
    expect(new URL(page.url()).searchParams.getAll('where')).toHaveLength(1);
    await page.locator('.events td .val', { hasText: /^eu-west-1$/ }).first().click();
    await page.getByRole('menuitem', { name: /Group by/ }).waitFor();
    await page.keyboard.press('g');
    await settled(page);
    expect(new URL(page.url()).searchParams.get('by')).toBe('region');
    await page.locator('table.groups tbody .val', { hasText: 'eu-west-1' }).waitFor();
    // Three regions, and the event of the first run, which has none.
    expect(await page.locator('table.groups tbody tr').count()).toBe(4);
    expect(await page.locator('table.groups .val.none').innerText()).toBe('no value');
    await page.locator('table.groups tbody .val').first().focus();
    await page.keyboard.press('ArrowDown');
    await expect.poll(() => page.evaluate(() => document.activeElement?.closest('tr')?.rowIndex)).toBe(2);
    await page.locator('table.groups tbody .val', { hasText: 'eu-west-1' }).click();
    await page.getByRole('menuitem', { name: /Not this/ }).waitFor();
    await page.keyboard.press('n');
    await page.locator('table.groups tbody .val', { hasText: 'eu-west-1' }).waitFor({ state: 'detached' });
    await page.goBack();
    await page.locator('table.groups tbody .val', { hasText: 'eu-west-1' }).waitFor();
    await settled(page);
    await fine(watched);
  });

  it('completes fields and values from the keyboard', async () => {
    const watched = await shop();
    const { page } = watched;
    await page.keyboard.press('/');
    await page.keyboard.type('regi');
    await page.getByRole('option', { name: /region/ }).waitFor();
    expect(await accessibility(page)).toEqual([]);
    await page.keyboard.press('Tab');
    await page.getByRole('combobox', { name: 'How to compare region' }).waitFor();
    await page.keyboard.press('Tab');
    await page.getByRole('combobox', { name: 'Value of region' }).waitFor();
    await page.keyboard.type('eu-w');
    await page.getByRole('option', { name: /^eu-west-1/ }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await settled(page);
    expect(new URL(page.url()).searchParams.get('where')).toBe('region = "eu-west-1"');
    await page.keyboard.press('v');
    await page.keyboard.type('p95 duration_ms');
    await page.keyboard.press('Enter');
    await settled(page);
    expect(new URL(page.url()).searchParams.getAll('show')).toContain('P95(duration_ms)');
    await fine(watched);
  });

  it('zooms by a brush, and a reload and a link elsewhere show the same page', async () => {
    const watched = await shop(`${ofDuration}&by=build_id`);
    const { page } = watched;
    const plot = page.locator('[data-plot]').last();
    const box = (await plot.boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.6, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.9, box.y + 20, { steps: 4 });
    await page.mouse.up();
    await page.getByRole('menuitem', { name: /Zoom to this time/ }).waitFor();
    expect(await accessibility(page)).toEqual([]);
    await page.keyboard.press('z');
    await page.waitForURL(/from=/);
    await settled(page);
    const zoomed = new URL(page.url()).searchParams;
    const minutes = (Date.parse(zoomed.get('to')!) - Date.parse(zoomed.get('from')!)) / 60_000;
    expect(minutes).toBeGreaterThan(30);
    expect(minutes).toBeLessThan(45);
    const table = () => page.locator('table.groups').innerText();
    const before = await table();
    await page.reload();
    await settled(page);
    await page.locator('table.groups tbody tr').first().waitFor();
    expect(await table()).toBe(before);
    const elsewhere = await open(browser, page.url());
    await settled(elsewhere.page);
    await elsewhere.page.locator('table.groups tbody tr').first().waitFor();
    expect(await elsewhere.page.locator('table.groups').innerText()).toBe(before);
    await elsewhere.page.context().close();
    await fine(watched);
  });

  it('offers values, time and what is different for a cell of the heatmap', async () => {
    const watched = await shop();
    const { page } = watched;
    const box = (await page.locator('[data-plot]').first().boundingBox())!;
    await page.mouse.click(box.x + box.width * 0.7, box.y + 60);
    await page.getByTestId('value-menu').waitFor();
    expect(await accessibility(page)).toEqual([]);
    expect(await page.getByRole('menuitem').allInnerTexts().then((all) => all.map((t) => t.replace(/\s.*/s, '')))).toEqual(['At', 'At', 'Zoom', 'What', 'Open']);
    await page.keyboard.press('l');
    await settled(page);
    const asked = new URL(page.url()).searchParams;
    expect(asked.getAll('where').map((w) => w.replace(/[\d.]+$/, ''))).toEqual(['duration_ms >= ']);
    await fine(watched);
  });

  it('shows raw events with every field', async () => {
    const watched = await shop(`?dataset=shop&show=COUNT&tab=events&last=7200&where=${encodeURIComponent('error.kind exists')}`);
    const { page } = watched;
    await page.locator('.events .val.time').first().click();
    const panel = page.getByTestId('event-panel');
    await panel.waitFor();
    for (const field of ['error.kind', 'host.name', 'request.sequence', 'flags.new_checkout']) expect(await panel.getByText(field, { exact: true }).count()).toBe(1);
    await panel.getByLabel('Find a field or value').fill('error');
    expect(await panel.locator('dt').count()).toBe(1);
    await page.keyboard.press('Escape');
    await panel.waitFor({ state: 'detached' });
    const first = await page.locator('.events tbody tr:not(.spacer)').first().innerText();
    await page.locator('.events .scroll').evaluate((e) => e.scrollTo(0, 1e6));
    await page.waitForFunction((text) => (document.querySelector('.events tbody tr:not(.spacer)') as HTMLElement).innerText !== text, first);
    await fine(watched);
  });

  it('says what emptied it and offers a way out', async () => {
    const watched = await open(browser, `${target.url}/${ofDuration}&where=${encodeURIComponent('region = "eu-west-l"')}`);
    const { page } = watched;
    await settled(page);
    await page.getByTestId('state-block').getByText('eu-west-1').waitFor();
    expect(await accessibility(page)).toEqual([]);
    await page.keyboard.press('Enter');
    await settled(page);
    await charts(page);
    expect(new URL(page.url()).searchParams.get('where')).toBe('region = "eu-west-1"');
    await fine(watched);
  });

  it('says what is wrong with a question, keeps the result before, and fixes or undoes it', async () => {
    const watched = await shop();
    const { page, problems } = watched;
    await page.keyboard.press('v');
    await page.keyboard.type('p95(durations)');
    await page.keyboard.press('Enter');
    const band = page.getByTestId('error-band');
    await band.getByText('There is no field durations in shop.').waitFor();
    expect(await page.locator('.chip.err').innerText()).toContain('durations');
    expect(await page.locator('.answer.stale .uplot').count()).toBeGreaterThan(0);
    expect(await accessibility(page)).toEqual([]);
    await band.getByRole('button', { name: 'Use duration_ms' }).click();
    await settled(page);
    expect(new URL(page.url()).searchParams.getAll('show')).toContain('P95(duration_ms)');
    await page.keyboard.press('/');
    await page.keyboard.type('region matches (');
    await page.keyboard.press('Enter');
    await band.waitFor();
    await band.getByRole('button', { name: 'Undo' }).click();
    await band.waitFor({ state: 'detached' });
    await settled(page);
    expect(new URL(page.url()).searchParams.get('where')).toBeNull();
    // The browser itself reports refused requests; those were meant.
    for (const problem of problems.splice(0)) expect(problem).toMatch(/status of (422|400)/);
    await fine(watched);
  });

  it('keeps the chosen theme, and is fine in the dark', async () => {
    const watched = await shop();
    const { page } = watched;
    expect(await page.locator('html').getAttribute('data-theme')).toBe('light');
    await page.getByTestId('theme').first().click();
    await page.reload();
    await settled(page);
    await charts(page);
    expect(await page.locator('html').getAttribute('data-theme')).toBe('dark');
    await fine(watched);
  });

  it('fits a phone', async () => {
    const watched = await shop(`${ofDuration}&by=region`, { viewport: PHONE, hasTouch: true, isMobile: true, colorScheme: 'dark' });
    const { page } = watched;
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width);
    await page.getByRole('button', { name: 'Edit', exact: true }).click();
    await page.getByRole('dialog').getByText('Group by').waitFor();
    expect(await accessibility(page)).toEqual([]);
    await page.getByRole('button', { name: 'Add a + filter /' }).tap();
    await page.keyboard.type('http.rou');
    await page.getByRole('option', { name: /http.route/ }).tap();
    await page.getByRole('option', { name: /^= is$/ }).tap();
    await page.getByRole('option', { name: /POST \/checkout/ }).tap();
    await page.waitForURL(/where=/);
    await settled(page);
    await page.getByRole('button', { name: 'Run' }).tap();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await settled(page);
    await charts(page);
    await fine(watched);
  });

  it('lists datasets and fields', async () => {
    const watched = await shop();
    const { page } = watched;
    await page.getByRole('link', { name: 'Data' }).first().click();
    await page.getByTestId('data-page').waitFor();
    await page.getByLabel('Find a field').fill('tax');
    await page.getByRole('button', { name: 'tax.lookup_count' }).click();
    await settled(page);
    expect(new URL(page.url()).searchParams.get('by')).toBe('tax.lookup_count');
    await fine(watched);
  });
});
