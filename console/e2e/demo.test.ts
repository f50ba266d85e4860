// The demo in the browser: its incident stands on the Intents page as what got worse, and one click names its cause.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { launch, open, settled } from './fixture/browser';
import { answered, asked, drag, sentence } from './fixture/different';
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

// The whole story, as somebody lives it who was woken: from the default page to a link that a colleague opens.
it('is found, explained, followed into a trace, kept on a board and shared', { timeout: FILLED_MS + 120_000 }, async () => {
  await expect.poll(worse, { timeout: FILLED_MS, interval: 500 }).toBe(true);
  const { page, problems } = await open(browser, target.url);
  await settled(page);
  await page.locator('.events td .val', { hasText: /^POST \/checkout$/ }).first().click();
  await page.getByRole('menuitem', { name: /Only this/ }).click();
  await settled(page);
  await page.getByTestId('heatmap').waitFor();

  // The incident is the band above what is usual, since some forty minutes.
  await drag(page, page.locator('[data-plot]').first(), [0.68, 0.01], [0.995, 0.3]);
  await answered(page);
  const said = await sentence(page);
  expect(said).toMatch(/^\d+ % of the slow ones /);
  expect(named(said), said).toBeGreaterThanOrEqual(1);

  await page.getByRole('button', { name: /^Show me these/ }).click();
  await settled(page);
  await page.locator('.events td .val').first().click();
  await page.getByTestId('open-trace').click();
  await page.locator('[data-testid=waterfall] [role=treeitem]').first().waitFor();
  expect(await page.getByTestId('trace-said').innerText()).toMatch(/went into \d+ calls of tax\.lookup/);
  await page.goBack();
  await settled(page);

  await page.keyboard.press('s');
  await page.getByRole('button', { name: 'On a board' }).click();
  await page.getByLabel('Title of the panel').fill('Slow checkouts');
  await page.getByLabel('Name of the new board').fill('The night of the tax');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Slow checkouts' }).waitFor();
  const drawn = (on: Page) => on.locator('[data-testid=board] [data-testid=panel] .uplot, [data-testid=board] [data-testid=heatmap]').first().waitFor();
  await drawn(page);
  const elsewhere = await open(browser, page.url());
  await drawn(elsewhere.page);
  const read = (on: Page) => on.getByRole('heading').allInnerTexts();
  expect(await read(elsewhere.page)).toEqual(await read(page));
  expect([...problems, ...elsewhere.problems]).toEqual([]);
  await elsewhere.page.context().close();
  await page.context().close();
});
