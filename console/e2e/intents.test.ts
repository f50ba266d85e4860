// Intents against the real binary: what got worse is said first, an unmet intent is one click from what is different and from
// its events, never exercised and gone are told apart, and a dataset without intents says how to begin.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { accessibility, launch, open, PHONE, settled } from './fixture/browser';
import { answered } from './fixture/different';
import { intentEvents } from './fixture/intents';
import { startTarget, type Target } from './fixture/outcrop';

let browser: Browser;
let target: Target;
beforeAll(async () => {
  browser = await launch();
  target = await startTarget();
  await target.send(intentEvents(20_000, Date.now()), 'shop');
  await target.send([{ timestamp: new Date(Date.now() - 7_200_000).toISOString(), plain: true }], 'plain');
});
afterAll(async () => {
  await browser?.close();
  await target?.stop();
});

const read = (page: Page) => page.locator('[data-testid=intents][data-settled=true]').waitFor();
const asked = (page: Page) => new URL(page.url()).searchParams;
async function intents(options = {}) {
  const watched = await open(browser, `${target.url}/?page=intents&dataset=shop&last=7200`, options);
  await read(watched.page);
  return watched;
}
const line = (page: Page, text: string) => page.getByTestId('intent').filter({ hasText: text });

it.each([['light'], ['dark']] as const)('says what got worse, since what, and why, in the %s theme', async (colorScheme) => {
  const { page, problems } = await intents({ colorScheme });
  const said = (await page.getByTestId('headline').innerText()).replace(/\s+/g, ' ');
  expect(said).toMatch(/^With b-0037, one intent holds less often\. “Place the order and charge once” is met in 9\d(\.\d+)? %, was 99\.\d+ %\. The other four hold\.$/);
  expect(await page.getByRole('heading', { level: 2 }).evaluateAll((all) => all.map((h) => h.firstChild!.textContent!.trim()))).toEqual(['Got worse', 'Holding', 'Never exercised', 'Gone']);
  const worst = page.getByTestId('intent').first();
  await worst.getByText('within 2 s', { exact: true }).waitFor();
  const sentence = page.getByTestId('intent-sentence');
  await expect.poll(async () => (await sentence.innerText()).replace(/\s+/g, ' '), { timeout: 20_000 }).toMatch(/of the unmet .*version b-0037.*Of the met/);
  expect(await sentence.innerText()).not.toContain('intent.');
  expect(await line(page, 'Refund in full').innerText()).toContain('Never exercised');
  expect(await accessibility(page)).toEqual([]);
  expect(problems).toEqual([]);
  await page.context().close();
});

it('is one key from what is different, and from the unmet events', async () => {
  const { page } = await intents();
  await page.getByTestId('intent').first().getByText('within 2 s', { exact: true }).waitFor();
  await page.keyboard.press('d');
  await answered(page);
  expect(asked(page).getAll('these')).toEqual(['intent.met = false']);
  await page.goBack();
  await read(page);
  await page.getByTestId('intent').first().getByText('within 2 s', { exact: true }).waitFor();
  await page.keyboard.press('e');
  await settled(page);
  expect(asked(page).getAll('where')).toEqual(['intent.name = "checkout.place_order"', 'intent.met = false']);
  await page.locator('.events .val.time').first().waitFor();
  await page.context().close();
});

it('opens, finds and filters by keyboard, and a link shows the same', async () => {
  const { page, problems } = await intents();
  await page.keyboard.press('/');
  await page.keyboard.type('authorize.py');
  await expect.poll(() => page.getByTestId('intent').count()).toBe(1);
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByText('payments/app/authorize.py:77', { exact: true }).waitFor();
  expect(asked(page).get('open')).toBe('payments.authorize');
  const elsewhere = await open(browser, page.url());
  await read(elsewhere.page);
  await elsewhere.page.getByText('payments/app/authorize.py:77', { exact: true }).waitFor();
  expect(await elsewhere.page.getByTestId('intent').count()).toBe(1);
  await elsewhere.page.context().close();
  await page.getByLabel('Find an intent').fill('');
  await page.getByRole('button', { name: /^Never exercised/ }).click();
  await expect.poll(() => page.getByTestId('intent').count()).toBe(1);
  expect(await accessibility(page)).toEqual([]);
  expect(problems).toEqual([]);
  await page.context().close();
});

it('fits a phone', async () => {
  const { page, problems } = await intents({ viewport: PHONE, hasTouch: true, isMobile: true });
  await page.getByTestId('intent-sentence').waitFor();
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);
  expect(await accessibility(page)).toEqual([]);
  await page.getByRole('button', { name: 'Look into it' }).tap();
  await answered(page);
  expect(problems).toEqual([]);
  await page.context().close();
});

it('says how to begin where there is none', async () => {
  const { page, problems } = await open(browser, `${target.url}/?page=intents&dataset=plain&last=7200`);
  await page.getByText('No intents in plain').waitFor();
  expect(await accessibility(page)).toEqual([]);
  expect(problems).toEqual([]);
  await page.context().close();
});
