// Live events against the real binary: they arrive while the page is open, filters hold, reading rests the list, and one
// event opens, links to itself and to its trace.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { accessibility, launch, open, PHONE, settled, type Watched } from './fixture/browser';
import { asked } from './fixture/different';
import { startTarget, type Target } from './fixture/outcrop';
import { shopEvents } from './fixture/shop';
import { SLOW_TRACE, slowCheckout } from './fixture/trace';

let browser: Browser;
let target: Target;
beforeAll(async () => {
  browser = await launch();
  target = await startTarget();
  await target.send([...shopEvents(500, Date.now()), ...slowCheckout(Date.now() - 60_000)]);
});
afterAll(async () => {
  await browser?.close();
  await target?.stop();
});

async function visit(search = '?page=live&dataset=shop', options = {}): Promise<Watched> {
  const watched = await open(browser, `${target.url}/${search}`, options);
  await watched.page.locator('[data-testid=live-page][data-state=open]').waitFor();
  return watched;
}
async function fine({ page, problems }: Watched) {
  expect(await accessibility(page)).toEqual([]);
  expect(problems).toEqual([]);
  await page.context().close();
}
let sent = 0;
/** Events of now, each with a mark of its own. */
async function send(count: number, more = {}): Promise<number[]> {
  const marks = Array.from({ length: count }, () => (sent += 1));
  await target.send(marks.map((mark) => ({ timestamp: new Date().toISOString(), name: 'GET /cart', 'http.route': 'GET /cart', region: 'eu-west-1', duration_ms: mark, mark, ...more })));
  return marks;
}
const lines = (page: Page) => page.locator('[aria-label="Live events"] tbody tr:not(.spacer)');
const durations = (page: Page) => lines(page).locator('td.num .val').allInnerTexts().then((all) => all.map(Number));
const bar = (page: Page) => page.getByTestId('live-bar');

describe('Live', () => {
  it('shows events as they arrive, newest on top', async () => {
    const watched = await visit();
    const { page } = watched;
    await page.getByText('No event has arrived since this page was opened.').waitFor();
    expect(await accessibility(page)).toEqual([]);
    const marks = await send(3);
    await expect.poll(() => durations(page)).toEqual([...marks].reverse());
    const [next] = await send(1);
    await expect.poll(async () => (await durations(page))[0]).toBe(next);
    expect(await bar(page).innerText()).toContain('4 events arrived');
    await fine(watched);
  });

  it('lets through what meets the filters, by editor and by value', async () => {
    const watched = await visit();
    const { page } = watched;
    await page.keyboard.press('/');
    await page.keyboard.type('region = us-east-1');
    await page.keyboard.press('Enter');
    await page.waitForURL(/where=/);
    await page.locator('[data-testid=live-page][data-state=open]').waitFor();
    await send(2);
    const [other] = await send(1, { region: 'us-east-1' });
    await expect.poll(() => durations(page)).toEqual([other]);
    await lines(page).first().locator('.val', { hasText: 'GET /cart' }).first().click();
    await page.getByTestId('value-menu').waitFor();
    expect(await accessibility(page)).toEqual([]);
    await page.keyboard.press('n');
    await expect.poll(() => asked(page).getAll('where').length).toBe(2);
    expect(asked(page).get('page')).toBe('live');
    await page.goBack();
    expect(asked(page).getAll('where')).toEqual(['region = "us-east-1"']);
    await fine(watched);
  });

  it('rests while somebody reads, counts what waits, and goes on', async () => {
    const watched = await visit();
    const { page } = watched;
    const [first] = await send(1);
    await expect.poll(() => durations(page)).toEqual([first]);
    await page.keyboard.press(' ');
    await bar(page).getByText('Paused').waitFor();
    const waiting = await send(5);
    await page.getByTestId('waiting').getByText('Show 5 waiting').waitFor();
    expect(await durations(page)).toEqual([first]);
    expect(await accessibility(page)).toEqual([]);
    await page.keyboard.press(' ');
    await expect.poll(() => durations(page)).toEqual([...waiting].reverse().concat(first!));
    await send(200);
    await bar(page).getByText('206 events arrived').waitFor();
    await page.locator('[aria-label="Live events"]').evaluate((e) => e.scrollTo(0, 400));
    await bar(page).getByText('Resting while you read further down').waitFor();
    await send(2);
    await page.getByTestId('waiting').click();
    await bar(page).getByText('Live', { exact: true }).waitFor();
    await fine(watched);
  });

  it('says what was dropped and that the connection broke, and goes on after the last event', async () => {
    const { page, problems } = await open(browser, 'about:blank');
    const asked: string[] = [];
    const event = (sequence: number) => `id: ${sequence}\ndata: ${JSON.stringify({ dataset: 'shop', sequence, timestamp: '2026-11-18T02:46:00Z', fields: { name: 'GET /cart', duration_ms: sequence } })}\n\n`;
    await page.route('**/api/v1/tail/**', (route) => {
      asked.push(new URL(route.request().url()).search);
      const body = asked.length === 1 ? `: following\n\n${event(7)}: dropped 2500\n\n${event(9)}` : event(10);
      return route.fulfill({ contentType: 'text/event-stream', body });
    });
    await page.goto(`${target.url}/?page=live&dataset=shop`);
    await page.getByTestId('dropped').getByText('2,500 dropped').waitFor();
    await bar(page).getByText('Not connected; trying again').waitFor();
    expect(await accessibility(page)).toEqual([]);
    await expect.poll(async () => (await durations(page)).slice(0, 3)).toEqual([10, 9, 7]);
    expect(asked.slice(0, 2)).toEqual(['', '?after=9']);
    expect(problems.filter((p) => !p.startsWith('outside request'))).toEqual([]);
    await page.context().close();
  });

  it('opens an event with every field, links to it, and to its trace', async () => {
    const watched = await visit();
    const { page } = watched;
    const [mark] = await send(1, { 'trace.trace_id': SLOW_TRACE, 'trace.span_id': 'a4' });
    await page.locator('.events .val.time').first().click();
    const panel = page.getByTestId('event-panel');
    await panel.getByText('mark', { exact: true }).waitFor();
    expect(await accessibility(page)).toEqual([]);
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.evaluate(() => navigator.clipboard.writeText('nothing'));
    await panel.getByRole('button', { name: 'Copy a link to this event' }).click();
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toMatch(/page=event/);
    const link = await page.evaluate(() => navigator.clipboard.readText());
    const elsewhere = await open(browser, link);
    await elsewhere.page.getByTestId('event-panel').getByText('mark', { exact: true }).waitFor();
    expect(await elsewhere.page.getByTestId('event-panel').locator('dd').allInnerTexts()).toContain(String(mark));
    await elsewhere.page.getByTestId('event-panel').locator('.val', { hasText: 'eu-west-1' }).focus();
    await elsewhere.page.keyboard.press('o');
    await settled(elsewhere.page);
    expect(asked(elsewhere.page).getAll('where')).toEqual(['region = "eu-west-1"']);
    await elsewhere.page.goBack();
    await elsewhere.page.getByRole('button', { name: 'Events around it' }).click();
    await settled(elsewhere.page);
    await elsewhere.page.goBack();
    await fine(elsewhere);
    await panel.getByTestId('open-trace').click();
    await page.locator('[data-testid=waterfall] [role=treeitem]').first().waitFor();
    expect([asked(page).get('trace'), asked(page).get('span')]).toEqual([SLOW_TRACE, 'a4']);
    await fine(watched);
  });

  it('links to an event of a query, wherever it stands in the list', async () => {
    const watched = await open(browser, `${target.url}/?dataset=shop&show=COUNT&tab=events&last=7200`);
    const { page } = watched;
    await settled(page);
    await page.locator('.events .val.time').nth(7).click();
    const sought = await page.getByTestId('event-panel').locator('dl').innerText();
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.evaluate(() => navigator.clipboard.writeText('nothing'));
    await page.getByRole('button', { name: 'Copy a link to this event' }).click();
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toMatch(/page=event.*sequence=\d+/);
    await page.goto(await page.evaluate(() => navigator.clipboard.readText()));
    await page.getByTestId('event-panel').waitFor();
    expect(await page.getByTestId('event-panel').locator('dl').innerText()).toBe(sought);
    await fine(watched);
    const none = await open(browser, `${target.url}/?page=event&dataset=shop&sequence=999999999`);
    await none.page.getByTestId('state-block').getByText('This event is not stored').waitFor();
    none.problems.splice(0).forEach((p) => expect(p).toMatch(/status of 404/));
    await fine(none);
  });

  it('is fine in the dark, and fits a phone', async () => {
    const dark = await visit(undefined, { colorScheme: 'dark' });
    await send(30);
    await lines(dark.page).first().waitFor();
    await fine(dark);
    const phone = await visit('?page=live&dataset=shop&where=region+%3D+%22eu-west-1%22', { viewport: PHONE, hasTouch: true, isMobile: true });
    await send(30);
    await lines(phone.page).first().waitFor();
    expect(await phone.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width);
    await phone.page.locator('.events .val.time').first().tap();
    await phone.page.getByTestId('event-panel').waitFor();
    await fine(phone);
  });
});
