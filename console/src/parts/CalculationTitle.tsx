// What a chart, a column or a number is called: the name that somebody gave it, else its function and field.
import { isFormula, type Calculation } from '../state/explore';
import { writeCalculation } from '../state/grammar';

export function CalculationTitle({ c }: { c: Calculation }) {
  if (c.name !== undefined) return <bdi title={isFormula(c) ? undefined : writeCalculation(c)}>{c.name}</bdi>;
  return <>{c.op}{c.column && <span className="mono"> {c.column}</span>}</>;
}
