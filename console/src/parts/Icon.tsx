// The icons of the console: one stroke weight, drawn on 24 units. Icons stand beside words and are hidden from readers of the page.
const PATHS = {
  explore: 'M3 17l4-5 4 3 5-8 5 6 M3 21h18',
  traces: 'M4 5h9 M8 10h10 M8 15h6 M12 20h8',
  live: 'M3 12h4l3-8 4 16 3-8h4',
  data: 'M4 6a8 3 0 1 0 16 0a8 3 0 1 0-16 0 M4 6v12c0 1.7 3.6 3 8 3s8-1.3 8-3V6 M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3',
  help: 'M12 3.5a8.5 8.5 0 1 0 0 17a8.5 8.5 0 1 0 0-17 M9.7 9.5a2.4 2.4 0 1 1 3.3 2.2c-.7.3-1 .8-1 1.5 M12 16.3v.1',
  sun: 'M12 8a4 4 0 1 0 0 8a4 4 0 1 0 0-8 M12 2.5v2 M12 19.5v2 M4.5 12h-2 M21.5 12h-2 M5.3 5.3l1.4 1.4 M17.3 17.3l1.4 1.4 M5.3 18.7l1.4-1.4 M17.3 6.7l1.4-1.4',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z',
  caret: 'M6 9l6 6 6-6',
  up: 'M6 15l6-6 6 6',
  critical: 'M3 18h18 M3 17h18 M5 11h14',
  pause: 'M8 5v14 M16 5v14',
  play: 'M8 5l11 7-11 7z',
  x: 'M6 6l12 12 M18 6L6 18',
  undo: 'M9 14L4 9l5-5 M4 9h10a6 6 0 0 1 0 12h-3',
  redo: 'M15 14l5-5-5-5 M20 9H10a6 6 0 0 0 0 12h3',
  link: 'M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.7L12 7 M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.7L12 17',
  clock: 'M12 3.5a8.5 8.5 0 1 0 0 17a8.5 8.5 0 1 0 0-17 M12 7v5l3 2',
  only: 'M4 6h16 M7 12h10 M10 18h4',
  not: 'M12 3.5a8.5 8.5 0 1 0 0 17a8.5 8.5 0 1 0 0-17 M6 6l12 12',
  group: 'M4 6h6 M4 12h6 M4 18h6 M14 6h6 M14 12h6 M14 18h6',
  atLeast: 'M7 5l10 5-10 5 M7 19h10',
  atMost: 'M17 5L7 10l10 5 M7 19h10',
  zoom: 'M10.5 4.5a6 6 0 1 0 0 12a6 6 0 1 0 0-12 M15 15l5 5 M8 10.5h5 M10.5 8v5',
  search: 'M10.5 4.5a6 6 0 1 0 0 12a6 6 0 1 0 0-12 M15 15l5 5',
  copy: 'M10 8.5h8a1.5 1.5 0 0 1 1.5 1.5v8a1.5 1.5 0 0 1-1.5 1.5h-8A1.5 1.5 0 0 1 8.5 18v-8A1.5 1.5 0 0 1 10 8.5z M15.5 8.5v-3a1 1 0 0 0-1-1h-9a1 1 0 0 0-1 1v9a1 1 0 0 0 1 1h3',
  warn: 'M12 4l9 16H3z M12 10v4 M12 17v.1',
  different: 'M4 5h13 M4 9h7 M4 15h5 M4 19h16',
  back: 'M19 12H5 M11 6l-6 6 6 6',
  leave: 'M14 4.5H6.5A1.5 1.5 0 0 0 5 6v12a1.5 1.5 0 0 0 1.5 1.5H14 M10.5 12H20 M16.5 8.5L20 12l-3.5 3.5',
  intents: 'M12 3.5a8.5 8.5 0 1 0 0 17a8.5 8.5 0 1 0 0-17 M8 12.2l2.8 2.8L16 9.5',
  boards: 'M4 4.5h7v9H4z M14 4.5h6v5h-6z M14 12.5h6v7h-6z M4 16.5h7v3H4z',
  save: 'M7 4.5h10v15l-5-4-5 4z',
  edit: 'M5 19l1-4L16 5l3 3L9 18z',
  trash: 'M5 7h14 M9 7V4.5h6V7 M7 7l1 12.5h8L17 7',
  history: 'M4 12a8 8 0 1 0 2.5-5.8 M4 4v4h4 M12 8v4l3 2',
  flag: 'M6 21V4 M6 4.5h11l-2.5 4 2.5 4H6',
  settings: 'M4 8h8 M16.5 8H20 M4 16h3.5 M12 16h8 M14.2 5.8a2.2 2.2 0 1 0 0 4.4a2.2 2.2 0 1 0 0-4.4 M9.8 13.8a2.2 2.2 0 1 0 0 4.4a2.2 2.2 0 1 0 0-4.4',
  key: 'M8 11.5a4 4 0 1 0 0 8a4 4 0 1 0 0-8 M11 12.5L19.5 4 M16 7.5l3 3 M13.5 10l2 2',
  download: 'M12 4v11 M7.5 11l4.5 4.5 4.5-4.5 M5 20h14',
  plus: 'M12 5v14 M5 12h14',
  check: 'M5 12.5l4.5 4.5L19 7.5',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, small = false }: { name: IconName; small?: boolean }) {
  return (
    <svg className={small ? 'i small' : 'i'} viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

export function Mark() {
  return (
    <svg width="24" height="24" viewBox="0 0 24 24" role="img" aria-label="Outcrop" className="mark">
      <path d="M2 20h20" className="m1" />
      <path d="M4.5 15.5h15" className="m2" />
      <path d="M8 11h10" className="m3" />
      <path d="M12.5 6.5h4" className="m4" />
    </svg>
  );
}
