// Reads server-sent events out of the pieces in which a body arrives. Pure; it knows neither the network nor what events mean.
export type ServerEvent = { name: string; data: string };

/** A reader to be fed with text; it gives back each event once it is whole, a comment by the name of *comment*. */
export function eventReader(): (piece: string) => ServerEvent[] {
  let rest = '';
  return (piece) => {
    // A carriage return at the end may be half of a line's end.
    const text = rest + piece;
    const blocks = text.replace(/\r\n/g, '\n').split('\n\n');
    rest = blocks.pop() ?? '';
    return blocks.map(readBlock).filter((e): e is ServerEvent => e !== null);
  };
}

function readBlock(block: string): ServerEvent | null {
  let name = 'message';
  const data: string[] = [];
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon === 0) return { name: 'comment', data: line.slice(1).trim() };
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') name = value;
    if (field === 'data') data.push(value);
  }
  return data.length > 0 ? { name, data: data.join('\n') } : null;
}
