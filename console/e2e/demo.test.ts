// The demo in the browser: its incident stands on the Intents page as what got worse, and one click names its cause.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { launch, open } from './fixture/browser';
import { answered, asked, sentence } from './fixture/different';
import { startDemo, type Target } from './fixture/outcrop';

const FILLED_MS = 280_000;
let browser: Browser;
let target: Target;

/** The demo sends the past first: until what is now can be held against it. */
async function worse(): Promise<boolean> {
  const response = await fetch(`${target.url}/api/v1/intents?dataset=shop`);
  const { items } = (await response.json()) as { items?: { name: string; state: string }[] };
  return items?.some((item) => item.name === 'checkout.place_order' && item.state === 'worse') ?? false;
}

beforeAll(async () => {
  browser = await launch();
  target = await startDemo();
});
afterAll(async () => {
  await browser?.close();
  await target?.stop();
});

const PLANTED = [/build b-0037|version 4\.37\.0/, /in eu-west-1/, /with new_checkout on|have new_checkout on/];
/** How many of the three that must come together for a checkout to be slow. */
const named = (said: string) => PLANTED.filter((part) => part.test(said)).length;
const line = (page: Page) => page.getByTestId('intent').filter({ hasText: 'Place the order and charge once' });

it('shows the incident as an intent that got worse with a version, and one click names its cause', { timeout: FILLED_MS + 60_000 }, async () => {
  await expect.poll(worse, { timeout: FILLED_MS, interval: 500 }).toBe(true);
  const { page, problems } = await open(browser, `${target.url}/?page=intents&dataset=shop`);
  await page.locator('[data-testid=intents][data-settled=true]').waitFor();
  const headline = (await page.getByTestId('headline').innerText()).replace(/\s+/g, ' ');
  expect(headline).toMatch(/With 4\.37\.0, .* less often\./);
  expect(await page.getByRole('region', { name: 'Got worse' }).innerText()).toContain('Place the order and charge once');
  if ((await line(page).getByRole('button', { name: 'Look into it' }).count()) === 0) await line(page).getByRole('button').first().click();
  const short = page.getByTestId('intent-sentence');
  await expect.poll(async () => named((await short.innerText()).replace(/\s+/g, ' ')), { timeout: 20_000 }).toBeGreaterThanOrEqual(2);
  await line(page).getByRole('button', { name: 'Look into it' }).click();
  await answered(page);
  expect(asked(page).getAll('these')).toEqual(['intent.met = false']);
  const said = await sentence(page);
  expect(said).toMatch(/^\d+ % of the unmet /);
  expect(named(said), said).toBeGreaterThanOrEqual(2);
  expect(problems).toEqual([]);
  await page.context().close();
});
