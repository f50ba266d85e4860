// Copying text, and telling for two seconds that it was done. It knows neither what is copied nor where it is shown.
const listeners = new Set<(message: string | null) => void>();
let timer: ReturnType<typeof setTimeout> | undefined;

export function say(message: string) {
  listeners.forEach((listener) => listener(message));
  clearTimeout(timer);
  timer = setTimeout(() => listeners.forEach((listener) => listener(null)), 2000);
}

export function onSaid(listener: (message: string | null) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The clipboard needs a secure page; on others an off-screen field and the old command do it. */
export async function copy(text: string) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = document.createElement('textarea');
    field.value = text;
    field.className = 'vh';
    document.body.append(field);
    field.select();
    document.execCommand('copy');
    field.remove();
  }
  say('Copied');
}
