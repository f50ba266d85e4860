// Takes a picture of each state, light and dark, wide and on a phone, into docs/screenshots. States a real server seldom
// has come from the stand-in; all others from the binary.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { launch, open, PHONE, settled, signIn, WIDE } from './fixture/browser';
import { startKeyed, startTarget } from './fixture/outcrop';
import { standIn } from './fixture/server';
import { boardOf } from './fixture/board';
import { intentEvents } from './fixture/intents';
import { shopEvents } from './fixture/shop';
import { checkouts, LARGE_TRACE, largeTrace, SLOW_TRACE, slowCheckout } from './fixture/trace';

const OUT = join(import.meta.dirname, '../../docs/screenshots');
const DEFAULT = '?dataset=shop&show=HEATMAP(duration_ms)&show=COUNT&show=P99(duration_ms)&last=7200';
const CHECKOUT = `&where=${encodeURIComponent('http.route = "POST /checkout"')}&by=build_id&by=region&order=P99(duration_ms)+desc`;
/** OUTCROP_SHOTS=different,data takes only pictures whose names begin so. */
const ONLY = (process.env.OUTCROP_SHOTS ?? '').split(',').filter(Boolean);
const wanted = (name: string) => ONLY.length === 0 || ONLY.some((start) => name.startsWith(start));
const trace = async (page: Page) => {
  await page.locator('[data-testid=waterfall] [role=treeitem]').first().waitFor({ timeout: 60_000 });
  if (!(await page.getByTestId('span-panel').isVisible())) return;
  await page.getByTestId('siblings').waitFor();
};
/** Sends a handful of events of this moment to the real binary. */
let arriving: () => Promise<void> = async () => {};
const charts = (page: Page) => page.locator('.uplot').first().waitFor();

/** Picked a moment ago: the slow ones of the last forty minutes. */
const picked = (these: string[], minutes: number | null) => {
  const now = Date.now();
  const iso = (ago: number) => new Date(now - ago * 60_000).toISOString();
  const span = minutes === null ? '' : `&these_from=${iso(minutes)}&these_to=${iso(0)}&slow=1`;
  return `?page=different&dataset=shop&show=HEATMAP(duration_ms)&show=COUNT&show=P99(duration_ms)&where=${encodeURIComponent('http.route = "POST /checkout"')}&from=${iso(120)}&to=${iso(0)}${these.map((t) => `&these=${encodeURIComponent(t)}`).join('')}${span}`;
};
const told = async (page: Page) => {
  await page.locator('[data-exact=true]').waitFor();
  await page.locator('[data-testid=heatmap], .uplot').first().waitFor();
};

type Shot = { name: string; search: string; slow?: boolean; /** The stand-in holds exact answers back from the start. */ hold?: boolean; phone?: boolean; act?: (page: Page, server: Awaited<ReturnType<typeof standIn>>) => Promise<void> };

const cross = async (page: Page) => {
  const box = (await page.locator('[data-plot]').first().boundingBox())!;
  await page.mouse.move(box.x + box.width * 0.8, box.y + 40);
};
const SHOTS: Shot[] = [
  { name: 'explore-default', search: DEFAULT, phone: true, act: charts },
  { name: 'explore', search: DEFAULT + CHECKOUT, phone: true, act: async (page) => charts(page).then(() => cross(page)) },
  { name: 'explore-menu', search: DEFAULT + CHECKOUT, phone: true, act: async (page) => {
    await charts(page);
    await page.locator('table.groups tbody .val').first().click();
    await page.getByTestId('value-menu').waitFor();
  } },
  { name: 'explore-box', search: DEFAULT + CHECKOUT, act: async (page) => {
    await charts(page);
    await page.locator('.stack').focus();
    await page.keyboard.press('b');
    await page.getByTestId('box').waitFor();
  } },
  { name: 'explore-editing', search: DEFAULT + CHECKOUT, act: async (page) => {
    await charts(page);
    await page.keyboard.press('/');
    await page.keyboard.type('tax');
    await page.locator('.preview .common').first().waitFor();
  } },
  { name: 'explore-calculated', search: `${DEFAULT}&by=outcome&field=${encodeURIComponent('outcome = IF($http.status_code >= 500, "failed", "ok")')}`, phone: true, act: async (page) => {
    await charts(page);
    const edit = page.getByRole('button', { name: 'Edit', exact: true });
    if (await edit.isVisible()) await edit.click();
    await page.getByRole('button', { name: 'Add a calculated field' }).click();
    await page.getByTestId('made-editor').getByLabel('Name', { exact: true }).fill('kind');
    await page.getByTestId('made-editor').getByLabel('Expression').fill('IF($tax.lookup_count > 5 AND $duration_ms > 1500, "tax item by item", $outcome = "failed", $error.kind, STARTS_WITH($http.route, "GET"), "read", "write")');
    await page.getByTestId('given').getByText('read').waitFor();
  } },
  { name: 'explore-formula', search: `?dataset=shop&show=COUNT&using=${encodeURIComponent('errors = COUNT if http.status_code >= 500')}&formula=${encodeURIComponent('"error rate" = $errors / $COUNT')}&show=P99(duration_ms)&by=region&order=${encodeURIComponent('"error rate" desc')}&last=7200`, phone: true, act: async (page) => charts(page).then(() => cross(page)) },
  { name: 'explore-search', search: DEFAULT, phone: true, act: async (page) => {
    await charts(page);
    await page.keyboard.press('Control+k');
    await page.keyboard.type('tax');
    await page.getByRole('option', { name: /tax_timeout/ }).first().waitFor();
  } },
  { name: 'explore-compare', search: `${DEFAULT.replace('last=7200', 'last=3600')}${CHECKOUT}&compare=3600`, phone: true, act: async (page) => charts(page).then(() => cross(page)) },
  { name: 'explore-events', search: `${DEFAULT}&tab=events`, phone: true, act: async (page) => {
    await charts(page);
    await page.locator('.events .val.time').nth(2).click();
    await page.getByTestId('event-panel').waitFor();
  } },
  { name: 'explore-stacked', search: `?dataset=shop&show=COUNT&show=P95(duration_ms)&by=http.route&last=7200&view=stacked`, act: charts },
  { name: 'explore-number', search: `?dataset=shop&show=COUNT&show=P95(duration_ms)&show=COUNT_DISTINCT(customer.id)&last=7200&view=number`, act: async (page) => page.locator('.numbers').waitFor() },
  { name: 'explore-empty', search: `${DEFAULT}&where=${encodeURIComponent('region = "eu-west-l"')}`, phone: true, act: async (page) => page.getByTestId('state-block').getByText('eu-west-1').waitFor() },
  { name: 'explore-keys', search: DEFAULT + CHECKOUT, act: async (page) => {
    await charts(page);
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
  } },
  { name: 'explore-query-sheet', search: DEFAULT + CHECKOUT, phone: true, act: async (page) => {
    await charts(page);
    const edit = page.getByRole('button', { name: 'Edit', exact: true });
    if (await edit.isVisible()) await edit.click();
  } },
  { name: 'different', search: picked(['duration_ms >= 1500'], 40), phone: true, act: told },
  { name: 'different-fields', search: picked(['duration_ms >= 1500'], 40), act: async (page) => {
    await told(page);
    await page.locator('main').evaluate((e) => e.scrollTo(0, 520));
  } },
  { name: 'different-range', search: picked([], 40), phone: true, act: told },
  { name: 'different-group', search: picked(['region = "eu-west-1"', 'build_id = "b-0037"'], null), act: async (page) => {
    await told(page);
    await page.locator('h2 .cond').first().click();
    await page.getByTestId('value-menu').waitFor();
  } },
  { name: 'different-nothing', search: picked(['customer.id ends-with "7"'], null), phone: true, act: told },
  { name: 'different-everything', search: picked(['duration_ms exists'], 120), act: told },
  { name: 'different-refining', search: picked(['duration_ms >= 1500'], 40), slow: true, hold: true, phone: true, act: async (page) => page.getByTestId('sentence').waitFor() },
  { name: 'data', search: '?page=data&dataset=shop', phone: true, act: async (page) => page.locator('.fields tbody .val').first().waitFor() },
  { name: 'traces', search: '?page=traces&dataset=checkouts', phone: true, act: async (page) => page.locator('.trace-list .val').first().waitFor() },
  { name: 'trace', search: `?page=trace&dataset=checkouts&trace=${SLOW_TRACE}&span=a4`, phone: true, act: async (page) => {
    await trace(page);
    if (await page.getByTestId('span-panel').isVisible()) await page.getByText('Rare in this span').waitFor();
  } },
  { name: 'trace-found', search: `?page=trace&dataset=checkouts&trace=${SLOW_TRACE}`, act: async (page) => {
    await trace(page);
    await page.keyboard.press('/');
    await page.keyboard.type('adyen');
    await page.keyboard.press('Enter');
    await page.getByTestId('found').getByText('1 of 2').waitFor();
    await page.getByRole('tab', { name: /^Events/ }).click();
  } },
  { name: 'trace-large', search: `?page=trace&dataset=jobs&trace=${LARGE_TRACE}`, act: trace },
  { name: 'live', search: '?page=live&dataset=shop', phone: true, act: async (page) => {
    await page.locator('[data-testid=live-page][data-state=open]').waitFor();
    await arriving();
    await page.locator('[aria-label="Live events"] .val').first().waitFor();
  } },
  { name: 'live-open', search: `?page=live&dataset=shop&where=${encodeURIComponent('duration_ms >= 20')}`, act: async (page) => {
    await page.locator('[data-testid=live-page][data-state=open]').waitFor();
    await arriving();
    await page.locator('[aria-label="Live events"] .val.time').nth(3).click();
    await arriving();
    await page.getByTestId('waiting').waitFor();
  } },
  { name: 'trace-unknown', search: '?page=trace&dataset=checkouts&trace=00000000000000000000000000000000', act: async (page) => page.getByTestId('state-block').waitFor() },
  { name: 'explore-loading', search: DEFAULT + CHECKOUT, slow: true, phone: true, act: async (page, server) => {
    await charts(page);
    server.hold();
    await page.keyboard.press('Control+Enter');
    await page.getByTestId('running-band').waitFor();
  } },
  { name: 'explore-error', search: DEFAULT + CHECKOUT, slow: true, phone: true, act: async (page, server) => {
    await charts(page);
    server.refuse({ status: 422, code: 'unknown_field', message: 'There is no number field duration in shop.', details: { field: 'duration', similar: ['duration_ms'] } });
    await page.evaluate(() => {
      history.pushState({ step: 1 }, '', `${location.href}&show=P50(duration)`);
      dispatchEvent(new PopStateEvent('popstate'));
    });
    await page.getByTestId('error-band').waitFor();
  } },
];

test('screenshots', async () => {
  await mkdir(OUT, { recursive: true });
  const browser = await launch();
  const end = Date.now();
  const real = await startTarget();
  arriving = () => real.send(shopEvents(60, Date.now() + 1000, Math.floor(performance.now())).map((e, i) => ({ ...e, timestamp: new Date(Date.now() - 60 + i).toISOString() })));
  const sizes = [['', WIDE], ['-390', PHONE]] as const;
  const each = async (url: string, name: string, phones: boolean, act: (page: Page) => Promise<void>, after: () => void = () => {}) => {
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const [suffix, viewport] of phones ? sizes : sizes.slice(0, 1)) {
        const { page } = await open(browser, url, { viewport, colorScheme, ...(suffix ? { hasTouch: true, isMobile: true } : {}) });
        await act(page);
        await page.screenshot({ path: join(OUT, `${name}${suffix}-${colorScheme}.png`) });
        await page.context().close();
        after();
      }
    }
  };
  if (wanted('first-run')) {
    await each(real.url, 'first-run', true, async (page) => page.getByTestId('first-run').waitFor());
    await fetch(`${real.url}/api/v1/events/shop`, { method: 'POST', body: '{"service.name": "checkout", duration_ms: 138.4}' });
    await each(real.url, 'first-run-refused', false, async (page) => page.getByTestId('refusals').waitFor());
  }
  const events = shopEvents(40_000, end);
  await real.send(events);
  if (wanted('trace')) {
    await real.send([...checkouts(2000, end), ...slowCheckout(end - 300_000)], 'checkouts');
    await real.send(largeTrace(30_000, end - 600_000), 'jobs');
  }
  if (wanted('data-settings')) {
    const keyed = await startKeyed(['query', 'ingest', 'admin']);
    await keyed.send(events.slice(0, 2000));
    await each(`${keyed.url}/?page=data&dataset=shop&part=settings`, 'data-settings', true, async (page) => {
      await signIn(page, keyed.key);
      await page.getByTestId('keeping').waitFor();
      await page.getByRole('button', { name: 'Add a filter on what is deleted' }).click();
      await page.keyboard.type('region = eu-west-1');
      await page.keyboard.press('Enter');
      await page.getByRole('button', { name: 'Count them' }).click();
      await page.getByTestId('matching').getByText('would be deleted').waitFor();
      await page.getByTestId('keeping').evaluate((e) => e.scrollTo(0, 0));
    });
    await keyed.stop();
  }
  const slow = await standIn(events);
  for (const shot of SHOTS.filter((s) => wanted(s.name))) {
    if (shot.hold) slow.hold();
    await each(`${shot.slow ? slow.url : real.url}/${shot.search}`, shot.name, shot.phone ?? false, async (page) => {
      if (!shot.search.includes('page=')) await settled(page);
      await shot.act?.(page, slow);
    }, () => {
      slow.release();
      if (shot.hold) slow.hold();
      slow.refuse(null);
    });
    slow.release();
  }
  if (wanted('intents')) {
    const code = await startTarget();
    await code.send(intentEvents(30_000, end));
    await code.send([{ timestamp: new Date(end).toISOString(), plain: true }], 'plain');
    await each(`${code.url}/?page=intents&dataset=shop&last=7200`, 'intents', true, async (page) => page.getByTestId('intent-sentence').waitFor());
    await each(`${code.url}/?page=intents&dataset=plain&last=7200`, 'intents-none', false, async (page) => page.getByTestId('state-block').waitFor());
    await code.stop();
  }
  if (wanted('board')) {
    const kept = await startTarget();
    await kept.send([...shopEvents(40_000, end), ...intentEvents(20_000, end)]);
    const post = (path: string, body: unknown) => fetch(`${kept.url}/api/v1/${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }).then(async (r) => (await r.json()) as { id: string });
    const { id } = await post('boards', boardOf('shop'));
    await post('boards', { ...boardOf('shop'), name: 'Search quality', description: 'Weekly review', panels: boardOf('shop').panels.slice(0, 3) });
    await post('queries', { name: 'Slow checkouts', description: '', dataset: 'shop', spec: { calculations: [{ op: 'P99', column: 'duration_ms' }], filters: [{ column: 'http.route', op: '=', value: 'POST /checkout' }], breakdowns: ['build_id'], time_range: 7200 }, view: null });
    const ready = async (page: Page) => {
      await page.getByTestId('heatmap').waitFor();
      await page.waitForFunction(() => document.querySelectorAll('.uplot').length > 1 && document.querySelector('.panel-wait') === null);
    };
    await each(`${kept.url}/?page=board&board=${id}`, 'board', true, async (page) => ready(page).then(() => cross(page)));
    await each(`${kept.url}/?page=board&board=${id}`, 'board-editing', false, async (page) => {
      await ready(page);
      await page.keyboard.press('e');
      await page.getByTestId('panel').nth(4).focus();
    });
    for (const [minutes, text] of [[110, 'payments 2.19.0'], [80, 'b-0037 us-east-1'], [49, 'b-0037 eu-west-1'], [41, 'new_checkout on']] as const) await post('markers', { text, kind: 'deploy', dataset: 'shop', time: new Date(end - minutes * 60_000).toISOString() });
    await each(`${kept.url}/${DEFAULT}`, 'explore-history', true, async (page) => {
      await settled(page);
      await charts(page);
      const goto = async (search: string) => {
        await page.evaluate((url) => (history.pushState({ step: 1 }, '', url), dispatchEvent(new PopStateEvent('popstate'))), search);
        await settled(page);
      };
      await goto(`/${DEFAULT}&where=${encodeURIComponent('http.route = "POST /checkout"')}`);
      await goto(`/${DEFAULT}&where=${encodeURIComponent('http.route = "POST /checkout"')}&by=build_id`);
      await goto(`/${DEFAULT}${CHECKOUT}`);
      await page.getByTestId('history-button').click();
      await page.getByTestId('history').getByText('build_id').first().waitFor();
    });
    await each(`${kept.url}/?page=boards`, 'boards', true, async (page) => page.getByText('Slow checkouts').waitFor());
    await kept.stop();
  }
  if (wanted('settings')) {
    const keyed = await startKeyed(['query', 'ingest', 'admin']);
    await keyed.send(shopEvents(500, end));
    for (const [name, ...scopes] of [['shop', 'ingest'], ['checkout pipeline', 'query', 'ingest']]) await fetch(`${keyed.url}/api/v1/keys`, { method: 'POST', headers: { 'content-type': 'application/json', 'x-outcrop-key': keyed.key }, body: JSON.stringify({ name, scopes: scopes.map((scope) => ({ scope, datasets: scope === 'ingest' ? ['shop'] : null })) }) });
    await each(`${keyed.url}/?page=settings`, 'settings', true, async (page) => {
      await signIn(page, keyed.key);
      await page.getByRole('button', { name: 'New key' }).click();
      await page.getByLabel('Who uses it').fill('payments');
    });
    for (const rule of [{ detector: 'card', datasets: ['test-*'], action: 'keep', position: -1, description: 'Made-up cards' }, { fields: ['*password*', '*secret*'], action: 'drop' }, { detector: 'email', fields: ['note', '*.comment'], action: 'mask', description: 'Support pastes addresses into notes' }]) await fetch(`${keyed.url}/api/v1/redactions`, { method: 'POST', headers: { 'content-type': 'application/json', 'x-outcrop-key': keyed.key }, body: JSON.stringify(rule) });
    await each(`${keyed.url}/?page=settings`, 'settings-redaction', true, async (page) => {
      await signIn(page, keyed.key);
      await page.getByRole('button', { name: 'New rule' }).click();
      await page.getByLabel('Fields').fill('customer.name');
      await page.getByTestId('redaction').evaluate((e) => e.scrollIntoView());
    });
    await keyed.stop();
  }
  await browser.close();
  await slow.close();
  await real.stop();
  expect(SHOTS.length).toBeGreaterThan(0);
});
