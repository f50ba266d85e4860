// The colour of a service within one trace: the busiest first, in the order of the palette; what is beyond it is grey.
const COLOURS = 7;

export function colourOf(services: string[], service: string | null | undefined): string {
  const at = services.indexOf(service ?? '');
  return at >= 0 && at < COLOURS ? `var(--cat-${at + 1})` : 'var(--cat-other)';
}
