// The calculations of a query as numbers over the whole range: the view *Number*.
import type { QueryAnswer } from '../api/types';
import { calculationName, type Calculation } from '../state/explore';
import { unitOfCalculation, withUnit } from '../words/units';

export function Numbers({ answer, calculations }: { answer: QueryAnswer; calculations: Calculation[] }) {
  return (
    <div className="numbers">
      {calculations.map((c) => {
        const value = answer.total?.[calculationName(c)] ?? null;
        return (
          <figure key={calculationName(c)}>
            <strong>{value === null ? <span className="dim">no value</span> : withUnit(value, unitOfCalculation(c.op, c.column))}</strong>
            <figcaption>{c.op} {c.column && <span className="mono">{c.column}</span>}</figcaption>
          </figure>
        );
      })}
    </div>
  );
}
