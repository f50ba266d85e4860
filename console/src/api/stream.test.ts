// Server-sent events arrive in pieces of any size.
import { describe, expect, it } from 'vitest';
import { eventReader } from './stream';

const TEXT = 'event: progress\ndata: {"done":1,"total":4}\n\n: still here\n\nevent: answer\ndata: {"a":\ndata: 1}\n\n';
const EVENTS = [{ name: 'progress', data: '{"done":1,"total":4}' }, { name: 'comment', data: 'still here' }, { name: 'answer', data: '{"a":\n1}' }];

describe('events', () => {
  it.each([1, 2, 7, 1000])('are whole when read in pieces of %s', (size) => {
    const read = eventReader();
    const found = [];
    for (let at = 0; at < TEXT.length; at += size) found.push(...read(TEXT.slice(at, at + size)));
    expect(found).toEqual(EVENTS);
  });
  it('may end lines the other way', () => {
    const read = eventReader();
    expect([...TEXT.replaceAll('\n', '\r\n')].flatMap((c) => read(c))).toEqual(EVENTS);
  });
  it('are not given before they are whole', () => expect(eventReader()('event: answer\ndata: {}\n')).toEqual([]));
});
