// Three small pictures of what will be possible: a heatmap, a box on it, and the answer. Drawn, not measured.
const COLUMNS = 26;
const ROWS = 9;

/** How many events a cell of the drawn heatmap has: a steady band, and at the end a slow one. */
function density(x: number, y: number): number {
  const noise = Math.abs(Math.sin(x * 12.9898 + y * 78.233) * 43758.5453) % 1;
  const band = Math.exp(-((y - 5.4) ** 2) / 2.2) * 8.6;
  const slow = x > 17 && y < 2 ? 4.4 : 0;
  return Math.floor(Math.max(band * (0.72 + noise * 0.36), slow * (0.5 + noise)) - 0.6);
}

function Cells({ faded = false }: { faded?: boolean }) {
  const cells = [];
  for (let x = 0; x < COLUMNS; x += 1) {
    for (let y = 0; y < ROWS; y += 1) {
      const step = Math.min(9, density(x, y));
      if (step >= 0) cells.push(<rect key={`${x} ${y}`} x={10 + x * 6.4} y={9 + y * 5} width="6.4" height="5" style={{ fill: `var(--heat-${step})`, opacity: faded && !(x > 17 && y < 2) ? 0.42 : 1 }} />);
    }
  }
  return <>{cells}</>;
}

const VIEW = '0 0 186 64';

export const See = () => <svg viewBox={VIEW} aria-hidden="true"><Cells /></svg>;

export const Box = () => (
  <svg viewBox={VIEW} aria-hidden="true">
    <Cells faded />
    <rect x="123" y="6" width="55" height="15" rx="1" className="picture-box" />
  </svg>
);

export const Read = () => (
  <svg viewBox={VIEW} aria-hidden="true">
    <rect x="10" y="10" width="46" height="7" rx="1.5" className="picture-ink" />
    <rect x="60" y="10" width="74" height="7" rx="1.5" className="picture-these" />
    <rect x="10" y="22" width="92" height="7" rx="1.5" className="picture-ink" />
    {[[38, 150, 24], [48, 118, 66]].map(([y, these, others]) => (
      <g key={y}>
        <rect x="10" y={y} width={these} height="3.4" rx="1" className="picture-these" />
        <rect x="10" y={y! + 4} width={others} height="3.4" rx="1" className="picture-others" />
      </g>
    ))}
  </svg>
);
