import { chromium } from 'playwright-core';
const base = process.argv[2];
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
const shot = async (name, path, size, scheme, act) => {
  const ctx = await browser.newContext({ viewport: size, colorScheme: scheme });
  const page = await ctx.newPage();
  const errors = [];
  page.on('pageerror', (e) => errors.push(String(e)));
  page.on('console', (m) => m.type() === 'error' && errors.push(m.text()));
  await page.goto(base + path);
  await page.waitForTimeout(+(process.argv[4] ?? 9000));
  if (act) { try { await act(page); } catch (e) { errors.push('act: ' + e.message.slice(0, 300)); } await page.waitForTimeout(2500); }
  await page.screenshot({ path: `/tmp/look-${name}.png` });
  console.log(name, page.url().slice(0, 200), errors);
  await ctx.close();
};
const wide = { width: 1440, height: 900 }, phone = { width: 390, height: 844 };
const only = process.argv[3];
const all = {
  explore: () => shot('explore', '/', wide, 'light'),
  phone: () => shot('phone', '/', phone, 'dark'),
  intents: () => shot('intents', '/?page=intents', wide, 'dark'),
  traces: () => shot('traces', '/?page=traces', wide, 'light', async (p) => { await p.locator('tbody tr').first().click(); }),
  live: () => shot('live', '/?page=live', wide, 'dark'),
  boards: () => shot('boards', '/?page=boards', wide, 'light'),
  data: () => shot('data', '/?page=data', wide, 'light'),
  settings: () => shot('settings', '/?page=settings', wide, 'light'),
};
for (const [name, run] of Object.entries(all)) if (!only || only.split(',').includes(name)) await run();
await browser.close();
