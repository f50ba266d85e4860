// The lock on the page: closed by any 401, opened by signing in, and nobody is told twice.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { getDatasets, postSession } from './client';
import { isKeyNeeded, onKeyNeeded, setKeyNeeded } from './session';

const answering = (status: number, body: unknown) => vi.stubGlobal('fetch', vi.fn(async () => new Response(JSON.stringify(body), { status })));
const refusal = { error: { code: 'key_needed', message: 'this needs a valid key', details: {} } };

afterEach(() => {
  vi.unstubAllGlobals();
  setKeyNeeded(false);
});

describe('The lock', () => {
  it('is closed by a 401 and by nothing else', async () => {
    const told = vi.fn();
    const forget = onKeyNeeded(told);
    answering(403, refusal);
    await expect(getDatasets()).rejects.toMatchObject({ status: 403 });
    expect(isKeyNeeded()).toBe(false);
    answering(401, refusal);
    await expect(getDatasets()).rejects.toMatchObject({ status: 401, code: 'key_needed' });
    await expect(getDatasets()).rejects.toMatchObject({ status: 401 });
    expect(isKeyNeeded()).toBe(true);
    expect(told).toHaveBeenCalledTimes(1);
    forget();
  });

  it('sends the key in the body and nowhere else', async () => {
    answering(200, { key: { id: '1', name: 'ana', scopes: [] } });
    await postSession('outcrop_secret');
    const [url, options] = vi.mocked(fetch).mock.calls[0]! as [string, RequestInit];
    expect([url, options.method, options.body]).toEqual(['/api/v1/session', 'POST', '{"key":"outcrop_secret"}']);
    expect(JSON.stringify(options.headers)).not.toContain('outcrop_secret');
  });
});
