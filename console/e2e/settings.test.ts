// Settings against the real binary: keys are made, shown once, work, and are revoked; what a browser remembers; and what
// somebody without the right to make keys sees.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Browser } from 'playwright-core';
import { accessibility, launch, open, PHONE, settled, signIn } from './fixture/browser';
import { startKeyed, startTarget, type Target } from './fixture/outcrop';
import { shopEvents } from './fixture/shop';

let browser: Browser;
let keyed: Target & { key: string };
beforeAll(async () => {
  browser = await launch();
  keyed = await startKeyed(['query', 'ingest', 'admin']);
  await keyed.send(shopEvents(500, Date.now()));
});
afterAll(async () => {
  await browser?.close();
  await keyed?.stop();
});

// The browser itself writes a line for every refusal; anything else is a fault.
const own = (problems: string[]) => problems.filter((problem) => !problem.includes('status of 401'));
const sends = (key: string, dataset: string) => fetch(`${keyed.url}/api/v1/events/${dataset}`, { method: 'POST', headers: { 'x-outcrop-key': key }, body: '{"a":1}' }).then((r) => r.status);

it('makes a key that is shown once, does what it may and no more, and is revoked', async () => {
  const { page, problems } = await open(browser, `${keyed.url}/?page=settings`);
  await signIn(page, keyed.key);
  expect(await accessibility(page)).toEqual([]);
  await page.getByRole('button', { name: 'New key' }).click();
  await page.keyboard.type('payments');
  await page.getByLabel('Send events', { exact: true }).check();
  await page.getByLabel('Ask and look', { exact: true }).uncheck();
  await page.getByLabel('Datasets for: Send events').fill('shop');
  expect(await accessibility(page)).toEqual([]);
  await page.keyboard.press('Enter');
  const shown = page.getByTestId('new-key');
  const key = await shown.getByLabel('The key').innerText();
  expect(await accessibility(page)).toEqual([]);
  expect(await sends(key, 'shop')).toBe(200);
  expect(await sends(key, 'web')).toBe(403);
  await shown.getByRole('button', { name: 'I have it' }).click();
  expect(await page.content()).not.toContain(key);
  expect(await page.evaluate(() => JSON.stringify(localStorage))).not.toContain(key);
  const line = page.getByRole('listitem').filter({ hasText: 'payments' });
  expect(await line.innerText()).toContain('may send to shop');
  await line.getByRole('button', { name: 'Revoke payments' }).click();
  expect(await accessibility(page)).toEqual([]);
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke payments' }).click();
  await line.waitFor({ state: 'detached' });
  expect(await sends(key, 'shop')).toBe(401);
  await page.getByRole('button', { name: 'Show 1 revoked' }).click();
  await page.getByText(/^revoked/).waitFor();
  expect(await accessibility(page)).toEqual([]);
  expect(own(problems)).toEqual([]);
  await page.context().close();
});

it('signs out who revokes the key they are signed in with', async () => {
  const made = await fetch(`${keyed.url}/api/v1/keys`, { method: 'POST', headers: { 'content-type': 'application/json', 'x-outcrop-key': keyed.key }, body: JSON.stringify({ name: 'bo', scopes: [{ scope: 'admin' }, { scope: 'query' }] }) }).then((r) => r.json() as Promise<{ key: string }>);
  const { page } = await open(browser, `${keyed.url}/?page=settings`);
  await signIn(page, made.key);
  await page.getByRole('button', { name: 'Revoke bo' }).click();
  await page.getByRole('dialog').getByText('It is yours').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke bo' }).click();
  await page.getByTestId('sign-in').waitFor();
  await page.context().close();
});

it('remembers zone, theme and letters in the browser, and reads times in the zone', async () => {
  const { page, problems } = await open(browser, `${keyed.url}/?dataset=shop&show=COUNT&from=2026-11-20T01:10:00Z&to=2026-11-20T03:10:00Z`);
  await signIn(page, keyed.key);
  await page.getByTestId('time-range').getByText(/01:10 – .*03:10 UTC/).waitFor();
  await page.getByRole('link', { name: 'Settings' }).first().click();
  await page.getByLabel('Times in').selectOption('Asia/Tokyo');
  await page.getByRole('button', { name: 'Dark', exact: true }).click();
  await page.getByLabel(/Single letters are keys/).uncheck();
  expect(await accessibility(page)).toEqual([]);
  await page.goBack();
  await settled(page);
  await page.getByTestId('time-range').getByText(/10:10 – .*12:10 Tokyo/).waitFor();
  await page.keyboard.press('g');
  expect(await page.getByTestId('completion').count()).toBe(0);
  await page.reload();
  await settled(page);
  await page.getByTestId('time-range').getByText(/10:10 – .*12:10 Tokyo/).click();
  expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe('dark');
  expect(await page.getByLabel('From', { exact: true }).inputValue()).toBe('2026-11-20 10:10:00');
  expect(await accessibility(page)).toEqual([]);
  await page.getByLabel('From', { exact: true }).fill('2026-11-20 10:30');
  await page.keyboard.press('Enter');
  await page.waitForURL(/from=2026-11-20T01:30:00Z/);
  expect(own(problems)).toEqual([]);
  await page.context().close();
});

it('says what to do where nobody has a key, and where a key may not make others', async () => {
  const [bare, few] = await Promise.all([startTarget(), startKeyed(['query'])]);
  try {
    const without = await open(browser, `${bare.url}/?page=settings`, { viewport: PHONE, hasTouch: true });
    await without.page.getByText('outcrop keys create --name you').waitFor();
    expect(await accessibility(without.page)).toEqual([]);
    expect(await without.page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);
    expect(without.problems).toEqual([]);
    const asked = await open(browser, `${few.url}/?page=settings`);
    await signIn(asked.page, few.key);
    await asked.page.getByTestId('keys').getByText('yours has none').waitFor();
    expect(await asked.page.getByRole('button', { name: 'New key' }).count()).toBe(0);
    expect(own(asked.problems)).toEqual([]);
  } finally {
    await Promise.all([bare.stop(), few.stop()]);
  }
});
