/* Sets the theme before the first paint, so that the page never flashes in the other one.
   A file of its own, because the page's content security policy allows no inline script.
   It knows one storage key and one attribute; src/theme/choose.ts knows the same two. */
{
  let chosen = null;
  try {
    chosen = localStorage.getItem('outcrop.theme');
  } catch {
    // Storage can be forbidden; then the system decides.
  }
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  document.documentElement.dataset.theme = chosen === 'light' || chosen === 'dark' ? chosen : dark ? 'dark' : 'light';
}
