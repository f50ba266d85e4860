// What is different, against the real binary, as a person asks it: a box, a range, a group, a value; the answer and its
// ways back into the query; what is said when there is nothing to say; everything by keyboard alone.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { accessibility, launch, open, PHONE, settled, type Watched } from './fixture/browser';
import { answered, asked, drag, sentence, stroke } from './fixture/different';
import { startTarget, type Target } from './fixture/outcrop';
import { shopEvents } from './fixture/shop';

let browser: Browser;
let target: Target;
const now = Date.now();
const iso = (ms: number) => new Date(ms).toISOString();
const MINUTE = 60_000;

beforeAll(async () => {
  browser = await launch();
  target = await startTarget();
  await target.send(shopEvents(12_000, now));
});
afterAll(async () => {
  await browser?.close();
  await target?.stop();
});

const range = `from=${iso(now - 120 * MINUTE)}&to=${iso(now)}`;
const show = 'show=HEATMAP(duration_ms)&show=COUNT&show=P99(duration_ms)';
const explore = `?dataset=shop&${show}&${range}`;
const picked = (these: string[], more = '') => `?page=different&dataset=shop&${show}&${range}&${these.map((t) => `these=${encodeURIComponent(t)}`).join('&')}${more}`;
const slow = ['duration_ms >= 2000'];
const boxed = (these: string[], from = 41, more = '') => picked(these, `&these_from=${iso(now - from * MINUTE)}&these_to=${iso(now)}&slow=1${more}`);

async function visit(search: string, options = {}): Promise<Watched> {
  const watched = await open(browser, `${target.url}/${search}`, options);
  if (search.includes('page=different')) await answered(watched.page);
  else await charts(watched.page);
  return watched;
}

const charts = (page: Page) => settled(page).then(() => page.locator('.uplot').first().waitFor());

async function fine({ page, problems }: Watched) {
  expect(await accessibility(page)).toEqual([]);
  expect(problems).toEqual([]);
  await page.context().close();
}

const boxSlow = (page: Page) => drag(page, page.locator('[data-plot]').first(), [0.68, 0.01], [0.995, 0.3]);

describe('What is different', () => {
  it('is asked by a box, says it in a sentence, and leads back into the query', async () => {
    const watched = await visit(explore);
    const { page } = watched;
    await boxSlow(page);
    await answered(page);
    expect(await sentence(page)).toMatch(/^\d+ % of the slow ones have new_checkout on\b.*\. Of the others, .* have\.$/);
    expect(await page.locator('h1').innerText()).toBe('What is different');
    expect(await accessibility(page)).toEqual([]);
    const first = page.getByTestId('field-card').first();
    await first.waitFor();
    await page.locator('h2 .cond').first().click();
    await page.getByTestId('value-menu').waitFor();
    expect(await accessibility(page)).toEqual([]);
    await page.getByRole('menuitem', { name: /Only this/ }).click();
    await settled(page);
    expect(asked(page).getAll('where')).toEqual([expect.stringMatching(/new_checkout = true$/)]);
    expect(asked(page).get('page')).toBeNull();
    await page.goBack();
    await answered(page);
    const shown = await page.getByRole('button', { name: /^Show me these/ }).innerText();
    await page.getByRole('button', { name: /^Show me these/ }).click();
    await settled(page);
    const events = shown.replace(/\D/g, '');
    expect((await page.getByTestId('cost').innerText()).replace(/,/g, '')).toMatch(new RegExp(`^${events} events`));
    await fine(watched);
  });

  it('shows the same page from a link and after a reload', async () => {
    const watched = await visit(boxed(slow));
    const { page } = watched;
    const said = await sentence(page);
    await page.reload();
    await answered(page);
    expect(await sentence(page)).toBe(said);
    const elsewhere = await open(browser, page.url());
    await answered(elsewhere.page);
    expect(await sentence(elsewhere.page)).toBe(said);
    await elsewhere.page.context().close();
    await fine(watched);
  });

  it('follows the box when it is moved and drawn anew', async () => {
    const watched = await visit(boxed(slow));
    const { page } = watched;
    await page.getByTestId('box').waitFor();
    const before = asked(page).get('these_from');
    await drag(page, page.getByTestId('box'), [0.5, 0.5], [0.2, 0.5]);
    await page.waitForFunction((from) => new URL(location.href).searchParams.get('these_from') !== from, before);
    await answered(page);
    const moved = asked(page).get('these_from')!;
    expect(Date.parse(moved)).toBeLessThan(Date.parse(before!));
    await drag(page, page.locator('[data-plot]').first(), [0.1, 0.5], [0.3, 0.95]);
    await page.waitForFunction((from) => new URL(location.href).searchParams.get('these_from') !== from, moved);
    await answered(page);
    expect(asked(page).get('slow')).toBeNull();
    await page.goBack();
    await answered(page);
    expect(asked(page).get('these_from')).toBe(moved);
    await fine(watched);
  });

  it('is asked of a range on a chart', async () => {
    const watched = await visit(explore);
    const { page } = watched;
    await drag(page, page.locator('[data-plot]').last(), [0.7, 0.5], [0.99, 0.5]);
    await page.getByRole('menuitem', { name: /What is different/ }).click();
    await answered(page);
    expect(asked(page).getAll('these')).toEqual([]);
    expect(await page.getByTestId('answer').innerText()).toContain('events in your range');
    expect(await sentence(page)).toContain('the ones in your range');
    await page.getByRole('region', { name: 'Your range' }).getByTestId('box').waitFor();
    await fine(watched);
    const keyed = await visit(`?dataset=shop&show=COUNT&${range}`);
    await keyed.page.locator('.stack').focus();
    for (const key of ['b', 'ArrowLeft', 'Enter']) await keyed.page.keyboard.press(key);
    await answered(keyed.page);
    expect([asked(keyed.page).getAll('these').length, asked(keyed.page).get('these_from') !== null]).toEqual([0, true]);
    await fine(keyed);
  });

  it('is asked of a group and of a value, by menu and by the letter D', async () => {
    const watched = await visit(`${explore}&by=region&by=build_id`);
    const { page } = watched;
    const value = page.locator('table.groups tbody .val', { hasText: 'eu-west-1' }).first();
    await value.click();
    await page.getByRole('menuitem', { name: /about this group/ }).click();
    await answered(page);
    expect(asked(page).getAll('these').map((t) => t.split(' ')[0])).toEqual(['region', 'build_id']);
    await page.getByRole('region', { name: 'These over time' }).getByRole('img').waitFor();
    await page.goBack();
    await settled(page);
    await value.focus();
    await page.keyboard.press('v');
    await answered(page);
    expect(asked(page).getAll('these')).toEqual(['region = "eu-west-1"']);
    await fine(watched);
    const plain = await visit(`?dataset=shop&show=COUNT&by=region&${range}`);
    await plain.page.locator('table.groups tbody .val', { hasText: 'us-east-1' }).focus();
    await plain.page.keyboard.press('d');
    await answered(plain.page);
    expect(asked(plain.page).getAll('these')).toEqual(['region = "us-east-1"']);
    expect(await plain.page.getByTestId('answer').innerText()).toContain('events in us-east-1');
    await fine(plain);
  });

  it('makes every bar and every step of a distribution a way in', async () => {
    const watched = await visit(boxed(slow));
    const { page } = watched;
    const card = page.getByTestId('field-card').filter({ hasText: 'region' }).first();
    await card.getByTestId('pair').filter({ hasText: 'eu-west-1' }).click();
    await page.getByTestId('value-menu').getByText(/of these, .* of the others/).waitFor();
    await page.getByRole('menuitem', { name: /Group by/ }).click();
    await settled(page);
    expect(asked(page).getAll('by')).toEqual(['region']);
    await page.goBack();
    await answered(page);
    await page.locator('.dist-steps').first().locator('button').nth(3).click();
    await page.getByTestId('value-menu').getByText(/about .* of these/).waitFor();
    expect(await accessibility(page)).toEqual([]);
    await page.getByRole('menuitem', { name: /Only these/ }).click();
    await settled(page);
    expect(asked(page).getAll('where').length).toBe(2);
    await fine(watched);
  });

  it('compares with another time and with other events', async () => {
    const watched = await visit(boxed(slow));
    const { page } = watched;
    await page.getByRole('button', { name: 'The same box yesterday' }).click();
    await answered(page);
    expect(await sentence(page)).toBe('There are no events in the same box yesterday; there is nothing to compare with.');
    await page.getByRole('button', { name: 'Compare with all the others' }).click();
    await answered(page);
    expect(asked(page).get('than')).toBeNull();
    await page.getByRole('button', { name: 'Other…' }).click();
    await page.keyboard.type('build_id = b-0036');
    await page.keyboard.press('Enter');
    await answered(page);
    expect(asked(page).getAll('than_where')).toEqual(['build_id = "b-0036"']);
    expect(await page.getByTestId('answer').innerText()).toContain('of build b-0036');
    await fine(watched);
  });

  it('says why there is no answer, in words', async () => {
    const states: [string, string][] = [
      [boxed(['duration_ms >= 1000000000']), 'There are no events in your box.'],
      [boxed(['duration_ms exists'], 120), 'Your box holds everything; there is nothing to compare it with.'],
      [picked(['duration_ms exists']), 'These are everything; there is nothing to compare them with.'],
    ];
    for (const [search, words] of states) {
      const watched = await visit(search);
      expect(await sentence(watched.page)).toBe(words);
      await fine(watched);
    }
  });

  it('shows the one event when there is only one', async () => {
    const watched = await visit(explore);
    const { page } = watched;
    const one = await page.evaluate(async (span) => {
      const answer = await fetch('/api/v1/rows/shop', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ...span, limit: 1 }) }).then((r) => r.json());
      return answer.rows[0][answer.columns.findIndex((c: { name: string }) => c.name === 'trace.trace_id')] as string;
    }, { start_time: iso(now - 120 * MINUTE), end_time: iso(now) });
    await page.goto(`${target.url}/${picked([`trace.trace_id = "${one}"`])}`);
    await answered(page);
    expect(await sentence(page)).toBe('One event is not enough to compare; here it is.');
    await page.getByTestId('one-event').getByText(one).waitFor();
    await fine(watched);
  });

  it('says when nothing stands out, and shows all fields when asked', async () => {
    // Customers are dealt by chance: those of one letter look like all others.
    const watched = await visit(picked(['customer.id ends-with "7"']));
    const { page } = watched;
    expect(await sentence(page)).toBe('Nothing sets these apart.');
    expect(await accessibility(page)).toEqual([]);
    await page.getByRole('button', { name: /^Show all .* fields anyway/ }).click();
    await page.getByTestId('field-card').first().waitFor();
    expect(asked(page).get('all')).toBe('1');
    expect(await sentence(page)).toBe('Nothing sets these apart.');
    await fine(watched);
  });

  it('works by keyboard alone: box, answer, a bar into the query', async () => {
    const watched = await visit(explore);
    const { page } = watched;
    await page.locator('.stack').focus();
    await page.keyboard.press('b');
    const box = page.getByTestId('box');
    await box.waitFor();
    expect(await accessibility(page)).toEqual([]);
    const before = await box.getAttribute('aria-label');
    for (const key of ['ArrowUp', 'ArrowDown', 'Shift+ArrowDown', 'ArrowLeft', 'ArrowUp']) await page.keyboard.press(key);
    expect(await box.getAttribute('aria-label')).not.toBe(before);
    await page.keyboard.press('Escape');
    await box.waitFor({ state: 'detached' });
    await page.keyboard.press('b');
    await box.waitFor();
    await page.keyboard.press('Enter');
    await answered(page);
    expect(asked(page).get('page')).toBe('different');
    await page.keyboard.press('/');
    await page.keyboard.type('region');
    await expect.poll(() => page.getByTestId('field-card').count()).toBe(1);
    await page.keyboard.press('Tab');
    await expect.poll(() => page.evaluate(() => document.activeElement?.className)).toContain('vrow');
    await page.keyboard.press('n');
    await settled(page);
    expect(asked(page).getAll('where')[0]).toMatch(/^region != /);
    await page.keyboard.press('Control+z');
    await answered(page);
    await page.keyboard.press('Enter');
    await settled(page);
    expect(asked(page).get('tab')).toBe('events');
    await page.goBack();
    await answered(page);
    await page.locator('body').click({ position: { x: 5, y: 400 } });
    await page.keyboard.press('Escape');
    await settled(page);
    expect(asked(page).get('page')).toBeNull();
    await fine(watched);
  });

  it('draws a box by a long press on a phone, and scrolls by a short one', async () => {
    const watched = await visit(explore, { viewport: PHONE, hasTouch: true, isMobile: true });
    const { page } = watched;
    const plot = page.locator('[data-plot]').first();
    await stroke(page, plot, false);
    expect(asked(page).get('page')).toBeNull();
    // The page may still be rolling.
    await page.reload();
    await charts(page);
    await stroke(page, plot, true);
    await answered(page);
    expect(asked(page).getAll('these')[0]).toMatch(/^duration_ms >= /);
    await fine(watched);
  });

  it('is fine in the dark, and fits a phone', async () => {
    await fine(await visit(boxed(slow), { colorScheme: 'dark' }));
    for (const colorScheme of ['light', 'dark'] as const) {
      const phone = await visit(boxed(slow), { viewport: PHONE, hasTouch: true, isMobile: true, colorScheme });
      expect(await phone.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width);
      await phone.page.getByRole('combobox', { name: 'These are compared with' }).selectOption('86400');
      await phone.page.waitForURL(/than=86400/);
      await answered(phone.page);
      await fine(phone);
    }
  });
});
