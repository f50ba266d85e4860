// How long the browser is busy at a time while somebody opens and walks through a trace of 30,000 spans, and scrolls tables of
// 10,000 groups and of 10,000 events: every task of 50 ms and more, by what was done. Run it on a machine that does nothing else; it prints and asserts no times.
import { test } from 'vitest';
import { launch, open, settled } from './fixture/browser';
import { startTarget } from './fixture/outcrop';
import { shopEvents } from './fixture/shop';
import { largeTrace } from './fixture/trace';

const SIZE = 30_000;

test('fluid', async () => {
  const browser = await launch();
  const target = await startTarget();
  await target.send(largeTrace(SIZE, Date.now() - 600_000), 'jobs');
  const { page } = await open(browser, `${target.url}/?page=traces&dataset=jobs`);
  await page.locator('.trace-list .val').first().waitFor();
  await page.evaluate(() => {
    const all: number[] = [];
    new PerformanceObserver((list) => all.push(...list.getEntries().map((e) => Math.round(e.duration)))).observe({ type: 'longtask', buffered: false });
    Object.assign(window, { longTasks: all });
  });
  const told = async (what: string, act: () => Promise<unknown>) => {
    await act();
    await page.waitForTimeout(800);
    const tasks = await page.evaluate(() => (window as unknown as { longTasks: number[] }).longTasks.splice(0));
    process.stdout.write(`${what.padEnd(24)} ${tasks.length === 0 ? 'no task over 50 ms' : `${tasks.join(', ')} ms`}\n`);
  };
  const waterfall = page.getByTestId('waterfall');
  await told('open', async () => {
    await page.locator('.trace-list .val').first().click();
    await waterfall.locator('[role=treeitem]').first().waitFor({ timeout: 60_000 });
  });
  await told('scroll by wheel', async () => {
    await waterfall.hover();
    for (let i = 0; i < 60; i += 1) await page.mouse.wheel(0, 700);
  });
  await told('scroll by jumps', async () => {
    for (let i = 0; i < 30; i += 1) await waterfall.evaluate((e, top) => e.scrollTo(0, top), i * 20_011);
  });
  await told('arrows', async () => {
    await waterfall.focus();
    await page.keyboard.press('End');
    for (let i = 0; i < 40; i += 1) await page.keyboard.press('ArrowUp');
  });
  await told('next error', () => page.keyboard.press('e'));
  await told('find', async () => {
    await page.keyboard.press('/');
    await page.keyboard.type('p-2999', { delay: 40 });
    await page.keyboard.press('Enter');
    await page.getByTestId('found').getByText(' of 11').waitFor();
  });
  await told('zoom', async () => {
    await waterfall.focus();
    for (const key of ['+', '+', '+', 'Shift+ArrowRight', '0']) await page.keyboard.press(key);
  });
  await told('fold all', () => page.getByRole('button', { name: 'Fold all' }).click());
  await told('unfold all', () => page.getByRole('button', { name: 'Unfold all' }).click());
  const now = Date.now();
  await target.send(shopEvents(20_000, now).map((e, i) => ({ ...e, 'order.id': `o-${i}` })));
  const table = page.locator('.results .scroll');
  await told('open 10,000 groups', async () => {
    await page.evaluate((search) => (history.pushState({ step: 1 }, '', search), dispatchEvent(new PopStateEvent('popstate'))), '/?dataset=shop&show=COUNT&by=order.id&limit=10000&last=7200&view=number');
    await settled(page);
    await page.locator('table.groups tbody .val').first().waitFor();
  });
  const wheel = async () => {
    await table.hover();
    for (let i = 0; i < 60; i += 1) await page.mouse.wheel(0, 900);
  };
  await told('groups by wheel', wheel);
  await told('groups by jumps', async () => {
    for (let i = 0; i < 30; i += 1) await table.evaluate((e, top) => e.scrollTo(0, top), i * 9_011);
  });
  await page.getByRole('tab', { name: 'Events' }).click();
  await page.locator('.events tbody tr').first().waitFor();
  await told('read 10,000 events', async () => {
    for (let rows = 0; rows < 10_000; ) {
      rows = await table.evaluate((e) => {
        e.scrollTo(0, e.scrollHeight);
        return e.scrollHeight / 28;
      });
      await page.waitForTimeout(20);
    }
  });
  await told('events by wheel', wheel);
  await told('events by jumps', async () => {
    for (let i = 0; i < 30; i += 1) await table.evaluate((e, top) => e.scrollTo(0, top), i * 9_011);
  });
  await browser.close();
  await target.stop();
});
