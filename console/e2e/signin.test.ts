// Signing in against the real binary: a key once, a cookie afterwards, and nothing on the page before and after.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Browser } from 'playwright-core';
import { accessibility, launch, open, PHONE, settled } from './fixture/browser';
import { startKeyed } from './fixture/outcrop';
import { shopEvents } from './fixture/shop';

let browser: Browser;
let target: Awaited<ReturnType<typeof startKeyed>>;
beforeAll(async () => {
  browser = await launch();
  target = await startKeyed();
  await target.send(shopEvents(500, Date.now()));
});
afterAll(async () => {
  await browser?.close();
  await target?.stop();
});

// The browser itself writes a line for every refusal; anything else is a fault.
const own = (problems: string[]) => problems.filter((problem) => !problem.includes('status of 401'));
const question = '?dataset=shop&show=COUNT&by=region&last=7200';

it('asks for a key, keeps the question, and holds nothing that a script could read', async () => {
  const { page, problems } = await open(browser, `${target.url}/${question}`);
  await page.getByTestId('sign-in').waitFor();
  expect(await accessibility(page)).toEqual([]);
  expect(await page.title()).toBe('Sign in · Outcrop');
  await page.keyboard.type('outcrop_wrong');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').getByText('not a key of this Outcrop').waitFor();
  expect(await accessibility(page)).toEqual([]);
  await page.getByLabel('Key', { exact: true }).fill(` ${target.key} `);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await settled(page);
  expect(await page.locator('table.groups tbody tr').count()).toBe(3);
  const held = await page.evaluate(() => document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage) + location.href);
  expect(held).not.toContain('outcrop_session');
  expect(held).not.toContain(target.key);
  await page.reload();
  await settled(page);
  const again = await page.context().newPage();
  await again.goto(`${target.url}/${question}`);
  await settled(again);
  await page.getByTestId('sign-out').first().click();
  await page.getByTestId('sign-in').waitFor();
  expect(await page.locator('table.groups').count()).toBe(0);
  await again.reload();
  await again.getByTestId('sign-in').waitFor();
  expect(own(problems)).toEqual([]);
  await page.context().close();
});

it('fits a phone', async () => {
  const { page, problems } = await open(browser, target.url, { viewport: PHONE, hasTouch: true });
  await page.getByTestId('sign-in').waitFor();
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);
  expect(await accessibility(page)).toEqual([]);
  expect(own(problems)).toEqual([]);
  await page.context().close();
});
