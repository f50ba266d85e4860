// The names the console uses for the shapes of the HTTP contract. They come from schema.gen.ts, which is generated from the
// server's OpenAPI document. That document leaves values open (any JSON); here, and only here, they become typed.
import type { components } from './schema.gen';
import type { Value } from '../words/values';

type S = components['schemas'];
type Numbers = Record<string, number | null>;

type Scalar = Exclude<Value, null>;
type FilterSpec = Omit<S['FilterSpec'], 'value'> & { value?: Scalar | Scalar[] };
type Asked = { filters?: FilterSpec[]; orders?: Partial<S['OrderSpec']>[] };

export type QuerySpec = Partial<Omit<S['QuerySpec'], keyof Asked>> & Asked;
export type RowsSpec = Partial<Omit<S['RowsSpec'], 'filters'>> & Pick<Asked, 'filters'>;
type SideSpec = Partial<Omit<S['SideSpec'], 'filters'>> & Pick<Asked, 'filters'>;
export type CompareSpec = Partial<Omit<S['CompareSpec'], 'filters' | 'selection' | 'baseline'>> & Pick<Asked, 'filters'> & { selection: SideSpec; baseline: SideSpec | null };
export type Explanation = Omit<S['ExplanationAnswer'], 'filters' | 'rivals'> & { filters: FilterSpec[]; rivals: Rival[] };
export type Rival = Omit<S['RivalAnswer'], 'filters'> & { filters: FilterSpec[] };
export type ComparedValue = Omit<S['ValueAnswer'], 'value'> & { value: Value };
export type ComparedField = Omit<S['FieldAnswer'], 'values'> & { values?: ComparedValue[] | null };
export type Bin = S['BinAnswer'];
export type CompareAnswer = Omit<S['CompareAnswer'], 'fields' | 'explanations' | 'warnings'> & { fields: ComparedField[]; explanations: Explanation[]; warnings?: Warning[] };
export type DatasetInfo = S['DatasetSummary'];
export type FieldInfo = Omit<S['FieldSummary'], 'types'> & { types: Record<string, number> };
export type FieldValue = { value: Value; events: number };
export type FieldList = Omit<S['FieldList'], 'fields' | 'warnings'> & { fields: FieldInfo[] };
export type DatasetSettings = S['DatasetSettings'];
export type DatasetChange = Partial<S['DatasetChange']>;
export type DeletionSpec = Partial<Omit<S['DeletionSpec'], 'filters'>> & Pick<Asked, 'filters'>;
export type DeletionAnswer = S['DeletionAnswer'];
export type TaskInfo = S['TaskInfo'];
export type Roles = S['Roles'];
export type RolesInfo = S['RolesInfo'];
export type SessionInfo = S['SessionInfo'];
export type Grant = S['Grant'];
export type KeyInfo = S['KeyInfo'];
export type KeyLimits = S['KeyLimits'];
export type CreatedKey = S['CreatedKey'];
export type Readiness = S['Readiness'];
export type IntentItem = Omit<S['IntentAnswer'], 'state' | 'series'> & { series: { events: number[]; unmet: number[] }; state: 'worse' | 'new' | 'holding' | 'better' | 'quiet' | 'never_exercised' | 'gone' };
export type Stats = S['AnswerStats'];
export type Warning = S['Warning'];
export type HeatmapAnswer = Pick<S['Heatmap'], 'name' | 'column' | 'scale' | 'bounds' | 'counts'>;
export type Series = Omit<S['Series'], 'groups' | 'truncated'> & { truncated?: boolean; groups: { key: Value[]; values: Record<string, (number | null)[]> }[] };
export type QueryAnswer = Pick<S['Answer'], 'columns' | 'stats'> & { rows: Value[][]; series?: Series | null; heatmaps?: HeatmapAnswer[]; compare?: { rows: Value[][]; series?: Series | null } | null; total?: Numbers | null; other?: Numbers | null; warnings?: Warning[] };
export type RowsAnswer = Pick<S['RowsAnswer'], 'columns' | 'stats' | 'cursor'> & { rows: Value[][]; warnings?: Warning[] };
type Fields = { fields: Record<string, Value> };
export type SpanEvent = Omit<S['SpanEventAnswer'], 'fields'> & Fields;
export type SpanLink = Omit<S['LinkAnswer'], 'fields'> & Fields;
export type TraceSpan = Omit<S['SpanAnswer'], 'fields' | 'events' | 'links'> & Fields & { events: SpanEvent[]; links: SpanLink[] };
export type TraceAnswer = Omit<S['TraceAnswer'], 'spans' | 'events' | 'links' | 'warnings'> & { spans: TraceSpan[]; events?: SpanEvent[]; links?: SpanLink[]; warnings?: Warning[] };
export type EventAnswer = Omit<S['EventAnswer'], 'fields'> & Fields;
