// Calculated fields and formulas against the real binary, from the keyboard: completion, errors under the character while
// it is typed, fields used at once in filters, groups and calculations, formulas as columns and charts, undo, a link.
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

const QUESTION = '?dataset=shop&show=COUNT&show=P99(duration_ms)&by=region&last=7200';
async function explore(search = QUESTION, options = {}) {
  const watched = await open(browser, `${target.url}/${search}`, options);
  await settled(watched.page);
  return watched;
}
const asked = (page: Page, name: string) => new URL(page.url()).searchParams.getAll(name);
const editor = (page: Page) => page.getByTestId('made-editor');
const heads = (page: Page) => page.locator('table.groups thead th').allInnerTexts();
// The browser itself writes a line for every refusal; anything else is a fault.
const own = (problems: string[]) => problems.filter((problem) => !/status of 4(00|22)/.test(problem));

it('makes a field while it is typed, and groups, filters and counts by it at once', async () => {
  const { page, problems } = await explore();
  await page.keyboard.press('=');
  await editor(page).waitFor();
  await page.keyboard.type('outcome');
  await page.keyboard.press('Enter');
  await page.keyboard.type('I');
  await editor(page).getByRole('option', { name: /^IF\(/ }).waitFor();
  expect(await accessibility(page)).toEqual([]);
  await page.keyboard.press('Enter');
  await page.keyboard.type('$http.sta');
  await editor(page).getByRole('option', { name: /http\.status_code/ }).waitFor();
  await page.keyboard.press('Tab');
  const code = editor(page).getByLabel('Expression');
  expect(await code.inputValue()).toBe('IF($http.status_code)');
  await page.keyboard.type(' >= 500, "failed", 1 2');
  await editor(page).locator('.code-box .wrong', { hasText: /^2$/ }).waitFor();
  await editor(page).getByText(/^Character 42:/).waitFor();
  expect(await editor(page).getByRole('button', { name: 'Add' }).isDisabled()).toBe(true);
  expect(await accessibility(page)).toEqual([]);
  for (let i = 0; i < 3; i += 1) await page.keyboard.press('Backspace');
  await page.keyboard.type('"ok"');
  await editor(page).getByTestId('given').getByText('failed').waitFor();
  expect(await accessibility(page)).toEqual([]);
  await page.keyboard.press('Enter');
  await editor(page).waitFor({ state: 'detached' });
  expect(asked(page, 'field')).toEqual(['outcome = IF($http.status_code >= 500, "failed", "ok")']);
  await page.keyboard.press('g');
  await page.keyboard.type('outco');
  await page.getByRole('option', { name: /outcome/ }).waitFor();
  expect(await page.locator('.preview').innerText()).toContain('failed');
  await page.keyboard.press('Enter');
  await settled(page);
  expect(asked(page, 'by')).toEqual(['region', 'outcome']);
  await page.locator('table.groups .val', { hasText: /^failed$/ }).first().click();
  await page.getByRole('menuitem', { name: /Only this/ }).click();
  await settled(page);
  expect(asked(page, 'where')).toEqual(['outcome = "failed"']);
  expect(await page.locator('table.groups .val', { hasText: /^ok$/ }).count()).toBe(0);
  await page.keyboard.press('/');
  await page.keyboard.type('outcome');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.getByRole('combobox', { name: 'Value of outcome' }).waitFor();
  await page.getByRole('option', { name: /^ok/ }).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('v');
  await page.keyboard.type('count_distinct outcome');
  await page.keyboard.press('Enter');
  await settled(page);
  expect((await heads(page)).join()).toContain('COUNT_DISTINCT outcome');
  await page.getByRole('tab', { name: 'Events' }).click();
  await page.locator('.events tbody tr').first().waitFor();
  expect((await page.locator('.events thead').innerText()).split(/\s+/)).toContain('outcome');
  expect(await accessibility(page)).toEqual([]);
  expect(own(problems)).toEqual([]);
  await page.context().close();
});

it('says which field there is not, and mends what a link got wrong', async () => {
  const { page, problems } = await explore(`${QUESTION}&field=${encodeURIComponent('slow = $duration_mss > 500')}&by=slow`);
  await page.getByTestId('error-band').getByText('There is no field duration_mss').waitFor();
  await page.getByRole('button', { name: /Edit.*slow.*duration_mss/ }).click();
  await editor(page).getByText('The closest is duration_ms.').waitFor();
  expect(await editor(page).locator('.code-box .wrong').innerText()).toBe('$duration_mss');
  expect(await accessibility(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await page.getByTestId('error-band').getByRole('button', { name: 'Use duration_ms' }).click();
  await settled(page);
  expect(asked(page, 'field')).toEqual(['slow = $duration_ms > 500']);
  expect((await page.locator('table.groups').innerText())).toContain('true');
  expect(own(problems)).toEqual([]);
  await page.context().close();
});

it('renames a field wherever it is, removes it, and undo brings it back', async () => {
  const { page, problems } = await explore(`${QUESTION}&field=${encodeURIComponent('slow = $duration_ms > 500')}&by=slow&where=${encodeURIComponent('slow = true')}`);
  await page.getByRole('button', { name: /^Edit.*slow.*duration_ms > 500/ }).focus();
  await page.keyboard.press('Enter');
  await editor(page).getByLabel('Name', { exact: true }).fill('took long');
  await page.keyboard.press('Control+Enter');
  await editor(page).waitFor({ state: 'detached' });
  await settled(page);
  expect([...asked(page, 'by'), ...asked(page, 'where')]).toEqual(['region', 'took long', '"took long" = true']);
  await page.getByRole('button', { name: /^Edit.*took long.*duration_ms > 500/ }).focus();
  await page.keyboard.press('Backspace');
  await settled(page);
  expect([...asked(page, 'field'), ...asked(page, 'by'), ...asked(page, 'where')]).toEqual(['region']);
  await page.keyboard.press('Control+z');
  await settled(page);
  expect(asked(page, 'field')).toEqual(['"took long" = $duration_ms > 500']);
  expect(own(problems)).toEqual([]);
  await page.context().close();
});

it('shows a formula over named calculations beside them, as a column and a chart, and in a link', async () => {
  const { page, problems } = await explore();
  await page.keyboard.press('v');
  await page.keyboard.type('errors = count if http.status_code >= 500');
  await page.keyboard.press('Enter');
  await settled(page);
  expect(asked(page, 'show')).toContain('errors = COUNT if http.status_code >= 500');
  await page.keyboard.press('f');
  await page.keyboard.type('error rate');
  await page.keyboard.press('Enter');
  await page.keyboard.type('$err');
  await editor(page).getByRole('option', { name: /errors/ }).waitFor();
  await page.keyboard.press('Enter');
  await page.keyboard.type(' / $COUNTS');
  await editor(page).getByText(/There is no calculation COUNTS\. There are COUNT, P99\(duration_ms\), errors/).waitFor();
  expect(await accessibility(page)).toEqual([]);
  await page.keyboard.press('Backspace');
  await editor(page).getByTestId('given').getByText(/^0\.0\d+$/).waitFor();
  await page.keyboard.press('Enter');
  await settled(page);
  expect((await heads(page)).join()).toMatch(/region.*COUNT.*P99 duration_ms.*errors.*error rate/s);
  await page.getByLabel('error rate', { exact: true }).waitFor();
  expect(await page.locator('.stack section').count()).toBe(4);
  const rate = Number(await page.locator('table.groups tfoot td').nth(4).innerText());
  expect(rate).toBeGreaterThan(0.001);
  expect(rate).toBeLessThan(0.2);
  // By the formula, and back to what is shown first.
  await page.locator('table.groups thead button', { hasText: 'error rate' }).click();
  await settled(page);
  expect(asked(page, 'order')).toEqual(['"error rate" desc']);
  await page.getByRole('button', { name: /^Edit errors =/ }).click();
  await page.getByTestId('details-editor').getByLabel(/Show it/).uncheck();
  expect(await accessibility(page)).toEqual([]);
  await page.getByTestId('details-editor').getByRole('button', { name: 'Change' }).click();
  await settled(page);
  expect(asked(page, 'using')).toEqual(['errors = COUNT if http.status_code >= 500']);
  expect(await page.locator('.stack section').count()).toBe(3);
  const elsewhere = await open(browser, page.url());
  await settled(elsewhere.page);
  await elsewhere.page.locator('table.groups tbody tr').first().waitFor();
  expect(await heads(elsewhere.page)).toEqual(await heads(page));
  await elsewhere.page.locator('.stack section').nth(2).waitFor();
  await elsewhere.page.context().close();
  await page.getByRole('button', { name: /^Edit ƒ\s*error rate/ }).focus();
  await page.keyboard.press('Backspace');
  await settled(page);
  expect(asked(page, 'using')).toEqual([]);
  expect(asked(page, 'order')).toEqual([]);
  expect(own(problems)).toEqual([]);
  await page.context().close();
});

it('names a calculation by its form', async () => {
  const { page, problems } = await explore();
  await page.keyboard.press('v');
  await page.getByRole('button', { name: 'Name, condition…' }).click();
  const form = page.getByTestId('details-editor');
  await form.waitFor();
  await page.keyboard.type('slow ones');
  await form.getByLabel('Of events with').fill('durationms >= 500');
  await form.getByText('The closest is duration_ms.').waitFor();
  expect(await accessibility(page)).toEqual([]);
  await form.getByLabel('Of events with').fill('duration_ms >= 500 and region = eu-west-1');
  await page.keyboard.press('Enter');
  await settled(page);
  expect(asked(page, 'show')).toContain('"slow ones" = COUNT if duration_ms >= 500 and region = "eu-west-1"');
  expect((await heads(page)).join()).toContain('slow ones');
  expect(own(problems)).toEqual([]);
  await page.context().close();
});

it('leads from a group by a calculated field to what is different', async () => {
  const { page, problems } = await explore(`?dataset=shop&show=COUNT&last=7200&field=${encodeURIComponent('slow = $duration_ms > 1500')}&by=slow&view=lines`);
  await page.locator('table.groups .val', { hasText: /^true$/ }).click();
  await page.getByRole('menuitem', { name: /What is different/ }).first().click();
  await page.locator('[data-exact=true]').waitFor();
  expect(await page.getByTestId('sentence').innerText()).toContain('new_checkout');
  expect(await accessibility(page)).toEqual([]);
  expect(own(problems)).toEqual([]);
  await page.context().close();
});

it.each(['light', 'dark'] as const)('fits a phone (%s)', async (colorScheme) => {
  const { page, problems } = await explore(`${QUESTION}&field=${encodeURIComponent('slow = $duration_ms > 500')}`, { viewport: PHONE, hasTouch: true, isMobile: true, colorScheme });
  await page.getByRole('button', { name: 'Edit', exact: true }).tap();
  await page.getByRole('button', { name: 'Add a calculated field' }).tap();
  await editor(page).waitFor();
  await editor(page).getByLabel('Name', { exact: true }).fill('kind');
  await editor(page).getByLabel('Expression').fill('IF($slow, "slow"');
  await editor(page).getByText(/^Character \d+:/).waitFor();
  expect(await accessibility(page)).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width);
  await editor(page).getByLabel('Expression').fill('IF($slow, "slow", "fine")');
  await editor(page).getByRole('button', { name: 'Add' }).tap();
  await editor(page).waitFor({ state: 'detached' });
  await page.waitForURL(/kind/);
  await settled(page);
  expect(own(problems)).toEqual([]);
  await page.context().close();
});
