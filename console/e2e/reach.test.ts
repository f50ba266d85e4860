// What leads into Explore and out of it again, against the real binary: the search over all fields, the question as a
// command that works, and the ways to send a first event.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { accessibility, launch, open, PHONE, settled } from './fixture/browser';
import { startTarget, type Target } from './fixture/outcrop';
import { shopEvents } from './fixture/shop';

let browser: Browser;
let target: Target;
beforeAll(async () => {
  browser = await launch();
  target = await startTarget();
  await target.send(shopEvents(4000, Date.now()));
});
afterAll(async () => {
  await browser?.close();
  await target?.stop();
});

const run = promisify(execFile);
const copied = (page: Page) => page.evaluate(() => navigator.clipboard.readText());
const wheres = (page: Page) => new URL(page.url()).searchParams.getAll('where');
async function explore(search: string, options = {}) {
  const watched = await open(browser, `${target.url}/${search}`, options);
  await settled(watched.page);
  return watched;
}

it('shows each way to send a first event, and remembers which', async () => {
  const empty = await startTarget();
  const { page, problems } = await open(browser, empty.url);
  await page.getByTestId('first-run').waitFor();
  for (const [tab, text] of [['OpenTelemetry', 'OTEL_EXPORTER_OTLP_ENDPOINT'], ['Rust', '#[intent('], ['Python', '@outcrop.intent('], ['TypeScript', 'from "outcrop"'], ['A file', 'outcrop send']] as const) {
    await page.getByRole('tab', { name: tab }).click();
    expect(await page.locator('pre').innerText()).toContain(text);
    expect(await page.locator('pre').innerText()).toContain(empty.url);
    expect(await accessibility(page)).toEqual([]);
  }
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  await page.reload();
  expect(await page.getByRole('tab', { name: 'Python' }).getAttribute('aria-selected')).toBe('true');
  expect(problems).toEqual([]);
  await page.context().close();
  await empty.stop();
});

it('says what was refused before the first event, and why', async () => {
  const empty = await startTarget();
  try {
    const { page, problems } = await open(browser, empty.url);
    await page.getByTestId('first-run').waitFor();
    const send = (body: string) => fetch(`${empty.url}/api/v1/events/shop`, { method: 'POST', body });
    expect((await send('{nonsense')).status).toBe(400);
    await page.getByTestId('refusals').getByText('1 request was refused').waitFor();
    expect(await page.getByTestId('refusals').innerText()).toContain('says at which byte');
    expect(await accessibility(page)).toEqual([]);
    expect((await send('{"a":1}')).status).toBe(200);
    await page.getByTestId('explore').waitFor();
    expect(problems).toEqual([]);
    await page.context().close();
  } finally {
    await empty.stop();
  }
});

it('finds a text in any field and filters by where it was found', async () => {
  const { page, problems } = await explore('?dataset=shop&show=COUNT&last=7200');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('tax_tim');
  await page.getByRole('option', { name: /error\.kind = tax_timeout/ }).waitFor();
  expect(await accessibility(page)).toEqual([]);
  await page.keyboard.press('Enter');
  await settled(page);
  expect(wheres(page)).toEqual(['error.kind = "tax_timeout"']);
  await page.goBack();
  await page.getByTestId('search').click();
  await page.keyboard.type('eu-west-1-');
  await page.getByRole('option', { name: /Events with eu-west-1- in any field/ }).click();
  await settled(page);
  expect(wheres(page)).toEqual(['* contains "eu-west-1-"']);
  expect(await page.locator('.query .chip').filter({ hasText: 'any field' }).count()).toBe(1);
  const counted = Number((await page.getByTestId('cost').locator('b').innerText()).replaceAll(',', ''));
  expect(counted).toBeGreaterThan(500);
  expect(counted).toBeLessThan(1500);
  expect(problems).toEqual([]);
  await page.context().close();
});

it('groups by a field found by its name, and takes a whole filter', async () => {
  const { page } = await explore('?dataset=shop&show=COUNT&last=7200');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('build');
  await page.getByRole('option', { name: /build_id/ }).first().waitFor();
  await page.keyboard.press('Enter');
  await settled(page);
  expect(new URL(page.url()).searchParams.get('by')).toBe('build_id');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('duration_ms > 1500');
  await page.keyboard.press('Enter');
  await settled(page);
  expect(wheres(page)).toEqual(['duration_ms > 1500']);
  await page.keyboard.press('Control+k');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.context().close();
});

it('opens the trace of an id', async () => {
  const { page } = await explore('?dataset=shop&show=COUNT&last=7200');
  await page.keyboard.press('Control+k');
  await page.keyboard.insertText('4bf92f3577b34da6a3ce929d0e0e4736');
  await page.getByRole('option', { name: /Trace 4bf92f3577b34da6a3ce929d0e0e4736/ }).waitFor();
  expect(await accessibility(page)).toEqual([]);
  await page.keyboard.press('Enter');
  await page.waitForURL(/page=trace&.*trace=4bf92f3577b34da6a3ce929d0e0e4736/);
  await page.goBack();
  await settled(page);
  await page.context().close();
});

it('adds a filter on any field from the strip', async () => {
  const { page } = await explore('?dataset=shop&show=COUNT&last=7200');
  await page.keyboard.press('/');
  await page.keyboard.type('any f');
  await page.getByRole('option', { name: /any field/ }).waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('combobox', { name: 'How to compare any field' }).waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('combobox', { name: 'Value of any field' }).waitFor();
  await page.keyboard.type('checkout');
  await page.keyboard.press('Enter');
  await settled(page);
  expect(wheres(page)).toEqual(['* contains "checkout"']);
  await page.context().close();
});

it('copies the question as commands that give the same answer', async () => {
  const { page } = await explore(`?dataset=shop&show=COUNT&show=P99(duration_ms)&by=region&order=P99(duration_ms)+desc&where=${encodeURIComponent('http.route = "POST /checkout"')}&last=7200`, { permissions: ['clipboard-read', 'clipboard-write'] });
  const first = await page.locator('table.groups tbody .val').first().innerText();
  await page.getByTestId('copy-as').click();
  expect(await accessibility(page)).toEqual([]);
  await page.getByRole('menuitem', { name: /Copy as curl/ }).click();
  const { stdout } = await run('bash', ['-c', await copied(page)]);
  expect((JSON.parse(stdout) as { rows: string[][] }).rows[0]![0]).toBe(first);
  if (!process.env.OUTCROP_STAND_IN) {
    await page.getByTestId('copy-as').focus();
    await page.keyboard.press('Enter');
    await page.getByRole('menuitem', { name: /Copy as SQL/ }).waitFor();
    await page.keyboard.press('s');
    await expect.poll(() => copied(page)).toContain('SELECT "region"');
    const sql = await copied(page);
    expect(sql).toContain('-- percentiles are estimated in another way in SQL\n');
    const answered = (await fetch(`${target.url}/api/v1/sql`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ sql }) }).then((r) => r.json())) as { rows: string[][] };
    expect(answered.rows[0]![0]).toBe(first);
    await page.getByTestId('copy-as').click();
    await page.getByRole('menuitem', { name: /Copy as API call/ }).click();
    const [head, body] = (await copied(page)).split('\n\n');
    expect(head).toMatch(/^POST \/api\/v1\/query\/shop\n/);
    const called = (await fetch(`${target.url}/api/v1/query/shop`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: body! }).then((r) => r.json())) as { rows: string[][] };
    expect(called.rows[0]![0]).toBe(first);
    await page.getByTestId('copy-as').click();
    await page.getByRole('menuitem', { name: /Copy as command/ }).click();
    const binary = process.env.OUTCROP_BIN ?? '../target/debug/outcrop';
    const shown = await run('bash', ['-c', `${(await copied(page)).replace(/^outcrop/, binary)} --json`]);
    expect((JSON.parse(shown.stdout) as { rows: string[][] }).rows[0]![0]).toBe(first);
  }
  await page.context().close();
});

it('holds the query against an earlier time', async () => {
  const { page, problems } = await explore('?dataset=shop&show=COUNT&show=P99(duration_ms)&by=region&order=P99(duration_ms)+desc&last=3600');
  await page.getByTestId('compare-with').click();
  expect(await accessibility(page)).toEqual([]);
  await page.getByRole('menuitemradio', { name: /an hour earlier/ }).click();
  await settled(page);
  expect(new URL(page.url()).searchParams.get('compare')).toBe('3600');
  await page.locator('th', { hasText: 'against an hour earlier' }).waitFor();
  // The slow checkouts of the last half hour: eu-west-1 is slower than an hour ago, by seconds.
  const [slow] = await page.locator('table.groups tbody tr').first().locator('td').allInnerTexts().then((cells) => cells.slice(-1));
  expect(Number(/^\+ ([\d,]+)/.exec(slow!)![1]!.replaceAll(',', ''))).toBeGreaterThan(1000);
  const head = page.locator('.chart-head', { hasText: 'P99' });
  expect(await head.innerText()).toContain('an hour earlier');
  const plot = (await page.locator('[data-plot]').first().boundingBox())!;
  await page.mouse.move(plot.x + plot.width * 0.3, plot.y + 20);
  expect(await page.locator('.chart-head', { hasText: 'COUNT' }).innerText()).toMatch(/an hour earlier\s*\d/);
  expect(await accessibility(page)).toEqual([]);
  await page.goBack();
  await settled(page);
  expect(await page.locator('th', { hasText: 'against' }).count()).toBe(0);
  expect(problems).toEqual([]);
  await page.context().close();
});

it('hands the groups and the events out as files', async () => {
  const { page, problems } = await explore('?dataset=shop&show=COUNT&by=region&last=7200');
  const taken = async (label: string) => {
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: `Download as ${label}` }).click()]);
    return { name: file.suggestedFilename(), body: await readFile((await file.path())!) };
  };
  const groups = await taken('CSV');
  expect(groups.name).toBe('shop-groups-COUNT-by-region.csv');
  expect(groups.body.toString().trim().split(/\r?\n/).map((line) => line.split(',')[0]).sort()).toEqual(['ap-south-1', 'eu-west-1', 'region', 'us-east-1']);
  expect((await taken('Parquet')).body.subarray(0, 4).toString()).toBe('PAR1');
  await page.getByRole('tab', { name: 'Events' }).click();
  const events = (await taken('CSV')).body.toString().trim().split('\n');
  expect(events.length).toBeGreaterThan(3900);
  expect(await accessibility(page)).toEqual([]);
  expect(problems).toEqual([]);
  await page.context().close();
});

it('searches on a phone', async () => {
  const { page, problems } = await explore('?dataset=shop&show=COUNT&last=7200', { viewport: PHONE, hasTouch: true });
  await page.getByTestId('search').tap();
  await page.keyboard.type('tax_tim');
  await page.getByRole('option', { name: /error\.kind/ }).tap();
  await settled(page);
  expect(wheres(page)).toEqual(['error.kind = "tax_timeout"']);
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);
  expect(problems).toEqual([]);
  await page.context().close();
});
