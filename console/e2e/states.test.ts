// States a real server seldom has, against the stand-in: slow, refused, away; and that Cancel closes the connection.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { accessibility, launch, open, PHONE, settled } from './fixture/browser';
import { standIn, type StandIn } from './fixture/server';
import { shopEvents } from './fixture/shop';

let browser: Browser;
let server: StandIn;
beforeAll(async () => {
  browser = await launch();
  server = await standIn(shopEvents(4000, Date.now()));
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
});
beforeEach(() => {
  server.refuse(null);
  server.release();
});

async function explore() {
  const watched = await open(browser, `${server.url}/?dataset=shop&show=COUNT&show=P99(duration_ms)&by=region&last=7200`);
  await settled(watched.page);
  await watched.page.locator('.uplot').first().waitFor();
  return watched;
}

describe('States', () => {
  it('keeps the result before while a slow one runs, and Cancel closes the connection', async () => {
    const { page, problems } = await explore();
    server.hold();
    const before = server.cancelled();
    await page.locator('table.groups tbody .val').first().click();
    await page.getByRole('menuitem', { name: /Only this/ }).waitFor();
    await page.keyboard.press('o');
    await page.getByTestId('running-band').waitFor();
    expect(await page.locator('.answer.stale table.groups tbody tr').count()).toBe(3);
    expect(await accessibility(page)).toEqual([]);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByTestId('running-band').waitFor({ state: 'detached' });
    await expect.poll(() => server.cancelled()).toBeGreaterThan(before);
    expect(problems).toEqual([]);
  });

  it('a new run cancels the old one', async () => {
    const { page } = await explore();
    server.hold();
    const before = server.cancelled();
    await page.getByTestId('run').click();
    await page.getByRole('button', { name: 'Cancel' }).waitFor();
    await page.locator('table.groups tbody .val').first().click();
    await page.getByRole('menuitem', { name: /Only this/ }).waitFor();
    await page.keyboard.press('o');
    await expect.poll(() => server.cancelled()).toBeGreaterThan(before);
    server.release();
    await settled(page);
  });

  it('says what was refused, outlines the chip at fault and fixes it', async () => {
    const { page } = await explore();
    server.refuse({ status: 422, code: 'unknown_field', message: 'There is no number field durration in shop.', details: { field: 'durration', similar: ['duration_ms'] } });
    await page.keyboard.press('v');
    await page.keyboard.type('p95(durration)');
    await page.keyboard.press('Enter');
    const band = page.getByTestId('error-band');
    await band.getByText('422 unknown_field').waitFor();
    expect(await page.locator('.chip.err').innerText()).toContain('durration');
    expect(await page.locator('.answer.stale table.groups tbody tr').count()).toBe(3);
    expect(await accessibility(page)).toEqual([]);
    server.refuse(null);
    await band.getByRole('button', { name: 'Use duration_ms' }).click();
    await settled(page);
    await band.waitFor({ state: 'detached' });
    expect(new URL(page.url()).searchParams.getAll('show')).toContain('P95(duration_ms)');
  });

  it('counts to the next try when the server is busy, and goes on by itself', async () => {
    const { page } = await explore();
    server.refuse({ status: 503, code: 'not_ready', message: 'Outcrop is still starting.' });
    await page.getByTestId('run').click();
    await page.getByTestId('error-band').getByText(/Next try in/).waitFor();
    server.refuse(null);
    await page.getByRole('button', { name: 'Try now' }).click();
    await page.getByTestId('error-band').waitFor({ state: 'detached' });
    await settled(page);
  });

  it('posts only what the contract knows', async () => {
    const { page } = await explore();
    const known = ['calculations', 'filters', 'filter_combination', 'breakdowns', 'orders', 'havings', 'limit', 'start_time', 'end_time', 'granularity', 'disable_series', 'compare_time_offset_seconds'];
    for (const body of server.bodies) expect(known).toEqual(expect.arrayContaining(Object.keys(body as object)));
    await page.context().close();
  });

  it('asks again while live and rests while a menu is open', async () => {
    const { page } = await explore();
    await page.getByTestId('live').click();
    const asked = server.bodies.length;
    await expect.poll(() => server.bodies.length, { timeout: 30_000 }).toBeGreaterThan(asked);
    await page.locator('table.groups tbody .val').first().click();
    await page.getByTestId('live').getByText('Live, resting').waitFor();
  });
});

describe('What is different, on its way', () => {
  const box = `?page=different&dataset=shop&show=COUNT&last=7200&these=${encodeURIComponent('duration_ms >= 1500')}`;
  const first = async (options = {}) => {
    const watched = await open(browser, `${server.url}/${box}`, options);
    await watched.page.getByTestId('sentence').waitFor();
    return watched;
  };
  const exact = (page: Page) => page.locator('[data-testid=different][data-exact=true]').waitFor();
  const places = (page: Page) => page.evaluate(() => ['[data-testid=sentence]', '.cover', '.acts', '.fields-head', '[data-testid=field-card]'].map((s) => Math.round(document.querySelector(s)!.getBoundingClientRect().top)));

  it.each([['wide', {}], ['on a phone', { viewport: PHONE, hasTouch: true, isMobile: true }]])('shows a first answer marked as such, and the exact one in its place, %s', async (_, options) => {
    server.hold();
    const { page, problems } = await first(options);
    const sentence = page.getByTestId('sentence');
    expect(await sentence.innerText()).toMatch(/^About /);
    expect(await page.getByTestId('refining').innerText()).toContain('of the events so far');
    expect(await page.getByTestId('pair').first().innerText()).toContain('≈');
    expect(await accessibility(page)).toEqual([]);
    const before = await places(page);
    server.release();
    await exact(page);
    expect(await sentence.innerText()).not.toMatch(/about/i);
    await page.getByTestId('exact').getByText(/^exact, \d+ fields in/).waitFor();
    expect(await page.getByTestId('pair').first().innerText()).not.toContain('≈');
    expect(await places(page)).toEqual(before);
    expect(problems).toEqual([]);
  });

  it('stops by key, which closes the connection and keeps what is there, and goes on', async () => {
    server.hold();
    const { page } = await first();
    const before = server.cancelled();
    await page.keyboard.press('Escape');
    await page.getByTestId('stopped').getByText(/^from 25.% of the events, stopped$/).waitFor();
    await expect.poll(() => server.cancelled()).toBeGreaterThan(before);
    expect(await page.getByTestId('sentence').innerText()).toMatch(/^About /);
    expect(await accessibility(page)).toEqual([]);
    server.release();
    await page.getByRole('button', { name: 'Go on' }).click();
    await exact(page);
    await page.getByTestId('stopped').waitFor({ state: 'detached' });
  });

  it('goes on when somebody comes back before it was exact', async () => {
    server.hold();
    const { page } = await first();
    const before = server.cancelled();
    await page.getByRole('button', { name: 'Query' }).click();
    await expect.poll(() => server.cancelled()).toBeGreaterThan(before);
    await page.goBack();
    await page.getByTestId('refining').getByText(/^from 25.% of the events so far$/).waitFor();
    server.release();
    await exact(page);
  });

  it('keeps the first answer when the exact one fails, and says why', async () => {
    server.refuse({ status: 504, code: 'deadline', message: 'the query took longer than 30 s' });
    const { page } = await first();
    await page.getByTestId('error-band').getByText('The query took longer than 30 s.').waitFor();
    await page.getByTestId('error-band').getByText(/^deadline$/).waitFor();
    expect(await page.getByTestId('sentence').innerText()).toMatch(/^About /);
    expect(await accessibility(page)).toEqual([]);
  });

  it('keeps the answer before, faded, until the next one is there', async () => {
    const { page } = await first();
    await exact(page);
    const said = await page.getByTestId('sentence').innerText();
    await page.route('**/api/v1/compare/**', () => {});
    await page.getByRole('button', { name: 'The same yesterday' }).click();
    await page.locator('.what.stale').waitFor();
    expect(await page.getByTestId('sentence').innerText()).toBe(said);
    expect(await accessibility(page)).toEqual([]);
  });
});
