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
export type SessionInfo = S['SessionInfo'];
export type Stats = S['AnswerStats'];
export type Warning = S['Warning'];
export type HeatmapAnswer = Pick<S['Heatmap'], 'name' | 'column' | 'scale' | 'bounds' | 'counts'>;
export type Series = Omit<S['Series'], 'groups' | 'truncated'> & { truncated?: boolean; groups: { key: Value[]; values: Record<string, (number | null)[]> }[] };
export type QueryAnswer = Pick<S['Answer'], 'columns' | 'stats'> & { rows: Value[][]; series?: Series | null; heatmaps?: HeatmapAnswer[]; total?: Numbers | null; other?: Numbers | null; warnings?: Warning[] };
export type RowsAnswer = Pick<S['RowsAnswer'], 'columns' | 'stats' | 'cursor'> & { rows: Value[][]; warnings?: Warning[] };
type Fields = Record<string, Value>;
export type SpanEvent = { span_id: string | null; name: string | null; time: string; offset_ms: number; dataset: string; sequence: number; fields: Fields };
export type SpanLink = { trace_id: string | null; span_id: string | null; dataset: string; sequence: number; fields: Fields };
export type TraceSpan = { span_id: string | null; parent_id: string | null; name: string | null; service: string | null; start: string; offset_ms: number; duration_ms: number | null; error: boolean; kind: string | null; depth: number; missing_parent: boolean; repeated_id: boolean; dataset: string; sequence: number; fields: Fields; events: SpanEvent[]; links: SpanLink[] };
export type TraceAnswer = { trace_id: string; start: string; duration_ms: number; spans: TraceSpan[]; events?: SpanEvent[]; links?: SpanLink[]; truncated: boolean; /** Spans carry no fields, because there are too many. */ fields_truncated: boolean; warnings?: Warning[] };
export type EventAnswer = { dataset: string; sequence: number; timestamp: string; fields: Fields };
