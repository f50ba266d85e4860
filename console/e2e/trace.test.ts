// Traces against the real binary: choosing one, reading where its time went, going through it by hand and by keyboard alone,
// finding, folding, what never arrived, and the ways from and to every other page. And 30,000 spans.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { accessibility, launch, open, PHONE, settled, type Watched } from './fixture/browser';
import { answered, asked } from './fixture/different';
import { startTarget, type Target } from './fixture/outcrop';
import { checkouts, LARGE_TRACE, largeTrace, LINKED_TRACE, SLOW_TRACE, slowCheckout } from './fixture/trace';

let browser: Browser;
let target: Target;
const now = Date.now();
const SIZE = 30_000;
const LARGE_MS = 60_000;

beforeAll(async () => {
  browser = await launch();
  target = await startTarget();
  await target.send([...checkouts(600, now), ...slowCheckout(now - 300_000)]);
  await target.send(largeTrace(SIZE, now - 600_000), 'jobs');
});
afterAll(async () => {
  await browser?.close();
  await target?.stop();
});

const rows = (page: Page) => page.locator('[data-testid=waterfall] [role=treeitem]');
const row = (page: Page, name: string | RegExp) => rows(page).filter({ hasText: name }).first();
const panel = (page: Page) => page.getByTestId('span-panel');
const active = (page: Page) => page.locator('[data-testid=waterfall] [aria-selected=true] .name').innerText();
const slow = (more = '') => `?page=trace&dataset=shop&trace=${SLOW_TRACE}${more}`;

async function visit(search: string, options = {}): Promise<Watched> {
  const watched = await open(browser, `${target.url}/${search}`, options);
  await rows(watched.page).first().waitFor({ timeout: LARGE_MS });
  return watched;
}
async function fine({ page, problems }: Watched) {
  expect(await accessibility(page)).toEqual([]);
  expect(problems).toEqual([]);
  await page.context().close();
}

describe('Traces', () => {
  it('are chosen from a list, and [ and ] step through it', async () => {
    const watched = await open(browser, `${target.url}/?page=traces&dataset=shop`);
    const { page } = watched;
    await page.locator('.trace-list .val').first().waitFor();
    expect(await accessibility(page)).toEqual([]);
    expect(await page.locator('.trace-list tbody tr').first().innerText()).toContain('4.98');
    await page.getByRole('button', { name: 'Failed' }).click();
    await page.locator('.trace-list tbody tr', { hasText: 'adyen' }).waitFor();
    await page.getByRole('button', { name: 'Newest' }).click();
    await page.locator('.trace-list tbody tr').nth(5).waitFor();
    await page.getByRole('button', { name: 'Slowest' }).click();
    await page.locator('.trace-list tbody tr').first().getByText('4.98').waitFor();
    await page.locator('.trace-list .val').nth(1).focus();
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    await rows(page).first().waitFor();
    expect(asked(page).get('trace')).toBe(SLOW_TRACE);
    await page.keyboard.press(']');
    await page.waitForURL((url) => url.searchParams.get('trace') !== SLOW_TRACE);
    await rows(page).first().waitFor();
    await page.keyboard.press('[');
    await page.waitForURL((url) => url.searchParams.get('trace') === SLOW_TRACE);
    await fine(watched);
  });

  it('say where the time went, and what stands out in a span', async () => {
    const watched = await visit(slow('&span=a4'));
    const { page } = watched;
    expect((await page.getByTestId('trace-said').innerText()).replace(/\s+/g, ' ')).toBe('3.89 s of 4.98 s went into 18 calls of tax.lookup, one after another. The error began in POST api.adyen.example/v71/payments.');
    expect(await page.getByLabel('Summary').innerText()).toContain('one missing');
    await page.getByTestId('siblings').getByText(/^Slower than 9\d(\.\d+)?\s% of [56]\d\d like it/).waitFor();
    await panel(page).getByText('Rare in this span').waitFor();
    expect(await panel(page).locator('.how-common.odd').first().innerText()).toMatch(/only here|%|extreme/);
    await panel(page).getByRole('tab', { name: /Events 2/ }).click();
    await panel(page).getByText('tax looked up item by item').waitFor();
    expect(await accessibility(page)).toEqual([]);
    await page.getByTestId('trace-said').getByRole('button', { name: 'tax.lookup' }).click();
    expect(await active(page)).toBe('tax.lookup');
    await row(page, 'place_order').click();
    await panel(page).getByRole('tab', { name: /Links 1/ }).click();
    await panel(page).getByRole('button', { name: /^Open b1c2/ }).click();
    await page.getByTestId('trace-said').getByText('One span').waitFor();
    expect(asked(page).get('trace')).toBe(LINKED_TRACE);
    await page.goBack();
    await row(page, 'place_order').waitFor();
    await fine(watched);
  });

  it('keep a place for a span that never arrived', async () => {
    const watched = await visit(slow());
    const { page } = watched;
    await page.keyboard.press('End');
    await row(page, 'never arrived').waitFor();
    await row(page, 'never arrived').click();
    await panel(page).getByText(/1 span names it as parent/).waitFor();
    expect(await row(page, 'never arrived').innerText()).toContain('≥ 28');
    await fine(watched);
  });

  it('work by keyboard alone: spans, folding, errors, finding, zooming', async () => {
    const watched = await visit(slow());
    const { page } = watched;
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown']) await page.keyboard.press(key);
    expect(await active(page)).toBe('place_order');
    await page.keyboard.press('ArrowLeft');
    await row(page, 'cart.get').waitFor({ state: 'detached' });
    expect(await row(page, 'place_order').getAttribute('aria-expanded')).toBe('false');
    expect(await row(page, 'place_order').innerText()).toMatch(/\+ 4\d[\s\S]*1 failed/);
    await page.keyboard.press('ArrowRight');
    await row(page, 'cart.get').waitFor();
    await page.keyboard.press('ArrowRight');
    expect(await active(page)).toBe('cart.get');
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    expect(await active(page)).toBe('place_order');
    await page.keyboard.press('e');
    await page.waitForFunction(() => document.querySelector('[data-testid=waterfall] [aria-selected=true] .tag.bad'));
    expect(await active(page)).toContain('adyen');
    await page.keyboard.press('p');
    expect(asked(page).get('critical')).toBe('0');
    expect(await page.locator('.span-row .critical').count()).toBe(0);
    await page.keyboard.press('p');
    await page.keyboard.press('/');
    await page.keyboard.type('tax_rates');
    await page.keyboard.press('Enter');
    await page.getByTestId('found').getByText('1 of 18').waitFor();
    await page.keyboard.press('Shift+Enter');
    // The last of them was folded away: finding it shows it.
    await page.getByTestId('found').getByText('18 of 18').waitFor();
    expect(await row(page, /tax_rates|SELECT rate/).count()).toBe(1);
    expect(await accessibility(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.keyboard.press('+');
    await page.getByRole('button', { name: /Whole time/ }).waitFor();
    expect(await page.getByTestId('overview').getAttribute('aria-label')).toContain('shown from');
    await page.keyboard.press('0');
    await page.getByRole('button', { name: /Whole time/ }).waitFor({ state: 'detached' });
    await page.keyboard.press('f');
    await page.keyboard.type('build_id');
    await expect.poll(() => panel(page).locator('dt').allInnerTexts()).toEqual(['build_id']);
    await fine(watched);
  });

  it('show alike calls when asked, and a part of their time by dragging', async () => {
    const watched = await visit(slow());
    const { page } = watched;
    await page.locator('[data-kind=alike] .twist').click();
    await page.locator('[data-kind=alike]').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Fold all' }).click();
    await expect.poll(() => rows(page).count()).toBeLessThan(5);
    await page.getByRole('button', { name: 'Unfold all' }).click();
    const box = (await page.getByTestId('overview').boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.9, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.97, box.y + 20, { steps: 3 });
    await page.mouse.up();
    await page.getByRole('button', { name: /Whole time/ }).click();
    await page.getByRole('button', { name: /Whole time/ }).waitFor({ state: 'detached' });
    await fine(watched);
  });

  it('lead from every value and span into the query and to what is different', async () => {
    const watched = await visit(slow('&span=a4'));
    const { page } = watched;
    await panel(page).locator('.val', { hasText: 'b-0037' }).click();
    await page.getByTestId('value-menu').waitFor();
    expect(await accessibility(page)).toEqual([]);
    await page.keyboard.press('o');
    await settled(page);
    expect(asked(page).getAll('where')).toEqual(['build_id = "b-0037"']);
    await page.goBack();
    await panel(page).waitFor();
    await page.keyboard.press('d');
    await answered(page);
    expect(asked(page).getAll('where')).toEqual(['name = "place_order"', 'service.name = "checkout"']);
    expect(asked(page).getAll('these')).toEqual(['duration_ms >= 4860']);
    await fine(watched);
  });

  it('are reached from a value, a cell, an event and a pasted id', async () => {
    const query = `?dataset=shop&show=HEATMAP(duration_ms)&show=COUNT&by=build_id&last=7200`;
    const watched = await open(browser, `${target.url}/${query}`);
    const { page } = watched;
    await settled(page);
    await page.locator('table.groups .val', { hasText: 'b-0037' }).focus();
    await page.keyboard.press('t');
    await rows(page).first().waitFor();
    expect(asked(page).get('trace')).toBe(SLOW_TRACE);
    await page.goBack();
    await settled(page);
    await page.getByTestId('heatmap').waitFor();
    const box = (await page.locator('[data-plot]').first().boundingBox())!;
    await page.mouse.click(box.x + box.width * 0.5, box.y + box.height * 0.6);
    await page.getByRole('menuitem', { name: /Open an example trace/ }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('tab', { name: 'Events' }).click();
    const value = page.locator('.events tbody td .val:not(.time)').nth(3);
    await value.click();
    await page.getByRole('menuitem', { name: /Open its trace/ }).waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.events .val.time').first().click();
    await page.getByTestId('open-trace').click();
    await rows(page).first().waitFor();
    await page.goBack();
    await settled(page);
    await page.evaluate((id) => {
      const data = new DataTransfer();
      data.setData('text', ` ${id} `);
      document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true }));
    }, SLOW_TRACE.toUpperCase());
    await row(page, 'place_order').waitFor();
    await page.goto(`${target.url}/?page=traces&dataset=shop`);
    await page.getByLabel('Trace id').fill(`00-${SLOW_TRACE}-00f067aa0ba902b7-01`);
    await page.keyboard.press('Enter');
    await row(page, 'place_order').waitFor();
    await fine(watched);
  });

  it('show the same span from a link, and say when nothing is known of one', async () => {
    const watched = await visit(slow('&span=c1&find=adyen'));
    expect(await active(watched.page)).toContain('adyen');
    expect(await watched.page.getByLabel('Find in the spans').inputValue()).toBe('adyen');
    await fine(watched);
    const none = await open(browser, `${target.url}/?page=trace&dataset=shop&trace=${'0'.repeat(32)}`);
    await none.page.getByTestId('state-block').getByText('No span of this trace is stored').waitFor();
    none.problems.splice(0).forEach((p) => expect(p).toMatch(/status of 404/));
    await fine(none);
  });

  it('are read again when the server was busy, and say what is wrong meanwhile', async () => {
    const { page } = await open(browser, 'about:blank');
    let busy = true;
    await page.route('**/api/v1/traces/**', (route) => (busy ? route.fulfill({ status: 503, headers: { 'retry-after': '30' }, contentType: 'application/json', body: '{"error":{"code":"not_ready","message":"it is reading its log"}}' }) : route.continue()));
    await page.goto(`${target.url}/${slow()}`);
    await page.getByTestId('error-band').getByText('It is reading its log.').waitFor();
    expect(await accessibility(page)).toEqual([]);
    busy = false;
    await page.getByRole('button', { name: 'Try now' }).click();
    await row(page, 'place_order').waitFor();
    await page.getByTestId('error-band').waitFor({ state: 'detached' });
    await page.context().close();
  });

  it(`stay fluid with ${SIZE} spans: few rows are drawn, and each can be reached`, async () => {
    const watched = await visit(`?page=trace&dataset=jobs&trace=${LARGE_TRACE}`);
    const { page } = watched;
    expect(await page.getByLabel('Summary').innerText()).toContain('30,000');
    const drawn = () => rows(page).count();
    expect(await drawn()).toBeLessThan(80);
    await page.keyboard.press('End');
    await expect.poll(() => page.getByTestId('waterfall').evaluate((e) => e.scrollTop)).toBeGreaterThan(500_000);
    expect(await drawn()).toBeLessThan(80);
    await page.keyboard.press('e');
    await page.waitForFunction(() => document.querySelector('[data-testid=waterfall] [aria-selected=true] .tag.bad'));
    await page.keyboard.press('/');
    await page.keyboard.type('p-29999');
    await page.keyboard.press('Enter');
    await page.getByTestId('found').getByText('1 of 1').waitFor();
    await panel(page).getByText('p-29999').waitFor();
    await page.getByRole('button', { name: 'Fold all' }).click();
    await expect.poll(drawn).toBeLessThan(60);
    await fine(watched);
  }, 120_000);

  it('are fine in the dark, and fit a phone', async () => {
    await fine(await visit(slow('&span=a4'), { colorScheme: 'dark' }));
    for (const colorScheme of ['light', 'dark'] as const) {
      const phone = await visit(slow(), { viewport: PHONE, hasTouch: true, isMobile: true, colorScheme });
      expect(await phone.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width);
      expect(await panel(phone.page).count()).toBe(0);
      await row(phone.page, 'place_order').tap();
      await panel(phone.page).getByText('Rare in this span').waitFor();
      await fine(phone);
    }
  });
});
