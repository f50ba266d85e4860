// Data against the real binary: datasets and their fields; how long a dataset is kept, its name, deleting some of its events
// after counting them, dropping it; and what somebody without the right sees.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { accessibility, launch, open, PHONE, settled, signIn, type Watched } from './fixture/browser';
import { startKeyed, startTarget, type Target } from './fixture/outcrop';
import { shopEvents } from './fixture/shop';

let browser: Browser;
let keyed: Target & { key: string };
let plain: Target;
beforeAll(async () => {
  browser = await launch();
  [keyed, plain] = await Promise.all([startKeyed(['query', 'ingest', 'admin']), startTarget()]);
  const events = shopEvents(3000, Date.now());
  await keyed.send(events);
  await keyed.send(events.slice(0, 40), 'web');
  await plain.send([...events.slice(0, 200), { timestamp: events[0]!.timestamp!, 'odd.value': 3 }, { timestamp: events[1]!.timestamp!, 'odd.value': 'three' }]);
});
afterAll(async () => {
  await browser?.close();
  await keyed?.stop();
  await plain?.stop();
});

// The browser itself writes a line for every refusal; anything else is a fault.
const own = (problems: string[]) => problems.filter((problem) => !/status of (401|412)/.test(problem));
async function fine({ page, problems }: Watched) {
  expect(await accessibility(page)).toEqual([]);
  expect(own(problems)).toEqual([]);
  await page.context().close();
}
const count = (page: Page) => page.evaluate(async () => ((await fetch('/api/v1/query/shop', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"calculations":[{"op":"COUNT"}],"time_range":86400}' }).then((r) => r.json())).rows[0] as number[])[0]!);
const settings = async (dataset: string, options = {}) => {
  const watched = await open(browser, `${keyed.url}/?page=data&dataset=${dataset}&part=settings`, options);
  await signIn(watched.page, keyed.key);
  await watched.page.getByTestId('keeping').waitFor();
  return watched;
};

describe('Data', () => {
  it('lists fields in an order, finds them, tells the odd ones apart, and leads to Explore', async () => {
    const watched = await open(browser, `${plain.url}/?page=data&dataset=shop`);
    const { page } = watched;
    await page.locator('.field-list .val').first().waitFor();
    await page.getByRole('button', { name: 'Different values' }).click();
    expect(await page.locator('.field-list tbody .val').first().innerText()).toMatch(/trace\.trace_id|customer\.id|request\.sequence|duration_ms/);
    await page.getByRole('button', { name: /^Mixed types/ }).click();
    expect(await page.locator('.field-list tbody .val').allInnerTexts()).toEqual(['odd.value']);
    expect(await page.locator('.field-list tbody tr').innerText()).toMatch(/integer 1, string 1|string 1, integer 1/);
    expect(await accessibility(page)).toEqual([]);
    await page.getByRole('button', { name: 'All', exact: true }).click();
    await page.keyboard.press('/');
    await page.keyboard.type('duration');
    await page.getByRole('button', { name: 'duration_ms' }).click();
    await settled(page);
    expect(new URL(page.url()).searchParams.getAll('show')).toContain('HEATMAP(duration_ms)');
    await page.goBack();
    await page.getByRole('tab', { name: 'Fields' }).focus();
    await page.keyboard.press('ArrowRight');
    await page.getByTestId('keeping').getByText('Changing this needs a key').waitFor();
    expect(await page.getByTestId('kept').innerText()).toContain('Everything is kept.');
    expect(await page.getByRole('button', { name: /Drop/ }).count()).toBe(0);
    await fine(watched);
  });

  it('changes how long a dataset is kept, and refuses what is no age', async () => {
    const watched = await settings('shop');
    const { page } = watched;
    const age = page.getByLabel('Events go after');
    await age.fill('soon');
    await page.getByText('An age is a number and a unit').waitFor();
    expect(await page.getByRole('button', { name: 'Keep it so' }).isDisabled()).toBe(true);
    expect(await accessibility(page)).toEqual([]);
    await age.fill('90 days');
    await page.getByLabel('larger than').fill('20 GiB');
    await page.keyboard.press('Enter');
    await page.getByTestId('kept').getByText('Events are kept for 90 days and up to 20').waitFor();
    // Somebody else changes it meanwhile: this page is told, and shows it as it is now.
    await page.getByLabel('Events go after').fill('30 days');
    await page.evaluate(async () => {
      const seen = await fetch('/api/v1/datasets/shop');
      await fetch('/api/v1/datasets/shop', { method: 'PATCH', headers: { 'if-match': seen.headers.get('etag')!, 'content-type': 'application/json' }, body: '{"retention":{"age_seconds_max":864000}}' });
    });
    await page.getByRole('button', { name: 'Keep it so' }).click();
    await page.getByTestId('kept').getByText('for 10 days').waitFor();
    await page.getByLabel('Events go after').fill('');
    await page.getByRole('button', { name: 'Keep it so' }).click();
    await page.getByTestId('kept').getByText('the rule of the whole store').waitFor();
    await fine(watched);
  });

  it('deletes events after counting them, and shows how the task goes', async () => {
    const watched = await settings('shop');
    const { page } = watched;
    const before = await count(page);
    const countThem = page.getByRole('button', { name: 'Count them' });
    expect(await countThem.isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Add a filter on what is deleted' }).click();
    await page.keyboard.type('region = ap-south-1');
    await page.keyboard.press('Enter');
    await countThem.click();
    await page.getByTestId('matching').getByText('would be deleted').waitFor();
    expect(await count(page)).toBe(before);
    expect(await accessibility(page)).toEqual([]);
    // Another choice has not been counted, and cannot be deleted.
    await page.getByLabel('To, UTC').fill('2100-01-01');
    await page.getByText('Not counted yet.').waitFor();
    expect(await page.getByRole('button', { name: /for good$/ }).count()).toBe(0);
    await page.getByLabel('To, UTC').fill('');
    await page.getByRole('button', { name: /^Delete .* for good$/ }).click();
    const task = page.getByRole('list', { name: 'Deletions' }).getByRole('listitem').first();
    await task.getByText('deleted.').waitFor();
    const removed = Number((await task.innerText()).replace(/,/g, '').match(/^\d+/)![0]);
    expect(removed).toBeGreaterThan(100);
    expect(await count(page)).toBe(before - removed);
    await fine(watched);
  });

  it('names the fields that make traces where they are not the usual ones', async () => {
    await keyed.send([{ timestamp: new Date().toISOString(), flow: 'f-77', step: 's1', name: 'pick', took: 12 }, { timestamp: new Date().toISOString(), flow: 'f-77', step: 's2', above: 's1', name: 'pack', took: 5 }], 'depot');
    const watched = await settings('depot');
    const { page } = watched;
    await page.getByText('No event of it belongs to a trace.').waitFor();
    for (const [role, field] of [['Trace', 'flow'], ['Span', 'step'], ['Parent', 'above'], ['Duration, ms', 'tock']] as const) await page.getByLabel(role, { exact: true }).fill(field);
    await page.getByText('No event has had tock yet.').waitFor();
    await page.getByLabel('Duration, ms').fill('took');
    expect(await accessibility(page)).toEqual([]);
    await page.getByRole('button', { name: 'Use these fields' }).click();
    await page.getByText('The fields by which events become spans.').waitFor();
    await page.goto(`${keyed.url}/?page=trace&dataset=depot&trace=f-77`);
    await expect.poll(() => page.locator('[data-testid=waterfall] .name').allInnerTexts()).toEqual(['pick', 'pack']);
    await fine(watched);
  });

  it('renames a dataset, and drops it only when its name is typed', async () => {
    const watched = await settings('web');
    const { page } = watched;
    await page.getByLabel('New name').fill('Web Shop');
    await page.getByRole('button', { name: 'Rename it' }).click();
    await page.waitForURL(/dataset=web\+shop/);
    await page.getByRole('button', { name: 'Drop web shop…' }).click();
    const dialog = page.getByRole('dialog');
    expect(await accessibility(page)).toEqual([]);
    const drop = dialog.getByRole('button', { name: 'Drop it for good' });
    await dialog.getByRole('textbox').fill('web');
    expect(await drop.isDisabled()).toBe(true);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Drop web shop…' }).click();
    await dialog.getByRole('textbox').fill('web shop');
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    await page.locator('tr', { hasText: 'web shop' }).waitFor({ state: 'detached' });
    await fine(watched);
  });

  it('is fine in the dark, and fits a phone', async () => {
    await fine(await settings('shop', { colorScheme: 'dark' }));
    const phone = await settings('shop', { viewport: PHONE, hasTouch: true, isMobile: true });
    expect(await phone.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width);
    await fine(phone);
    const list = await open(browser, `${plain.url}/?page=data&dataset=shop`, { viewport: PHONE, hasTouch: true, isMobile: true, colorScheme: 'dark' });
    await list.page.locator('.field-list .val').first().waitFor();
    expect(await list.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width);
    await fine(list);
  });
});
