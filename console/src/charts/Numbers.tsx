// The calculations of a query as numbers over the whole range: the view *Number*.
import type { QueryAnswer } from '../api/types';
import { calculationName, type Calculation } from '../state/explore';
import { CalculationTitle } from '../parts/CalculationTitle';
import { unitOf, withUnit } from '../words/units';

type Props = { answer: QueryAnswer; calculations: Calculation[]; /** What the time before is called, where there is one number for it. */ earlier: string | null };

export function Numbers({ answer, calculations, earlier }: Props) {
  return (
    <div className="numbers">
      {calculations.map((c) => {
        const value = answer.total?.[calculationName(c)] ?? null;
        const then = answer.compare?.rows[0]?.[answer.columns.findIndex((column) => column.name === calculationName(c))];
        return (
          <figure key={calculationName(c)}>
            <strong>{value === null ? <span className="dim">no value</span> : withUnit(value, unitOf(c))}</strong>
            <figcaption><CalculationTitle c={c} /></figcaption>
            {earlier && typeof then === 'number' && <p className="dim">{withUnit(then, unitOf(c))} {earlier}</p>}
          </figure>
        );
      })}
    </div>
  );
}
