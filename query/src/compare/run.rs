//! One compare from question to answer: first from a sample, then exactly.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use arrow::array::Array;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::prelude::SessionContext;
use outcrop_storage::event::TimestampNs;
use outcrop_storage::{DatasetSnapshot, Snapshot};

use super::answer::CompareAnswer;
use super::columns::Columns;
use super::explain::{self, Cells, Evidence, Explanation, Question, Scored, Search};
use super::fields::{FieldCounts, Sizes, ValueOrder};
use super::measure::{self, Field, Measure, shape};
use super::recount::{medians, recount};
use super::sample::{Draw, Drawn, draw};
use super::score::{self, Mass};
use super::sides::{Sides, Total, sides};
use super::spec::{Baseline, CompareSpec, Comparison, parse_compare};
use super::table::{CELLS, Cell, Table};
use super::workers::Workers;
use super::write::{Measured, Writer, condition_filters};
use crate::answer::Warning;
use crate::error::QueryError;
use crate::execute::{Cancelled, QueryEngine};
use crate::related::Asked;
use crate::scan::ScanStats;
use crate::scope::Scope;
use crate::spec::{Filter, FilterCombination, Options, TimeRange, filters};
use crate::watch::AnswerEvent;
use crate::{limits, missing};

/// What happens before the answer.
type CompareEvent = AnswerEvent<CompareAnswer>;

/// The part of a window's events that the window before must have to be a witness.
const WITNESS_PART_MIN: f64 = 0.1;
/// Rows of each cell, at least, however many fields they have.
const ROWS_MIN: usize = 1_000;

type Watch = Arc<dyn Fn(CompareEvent) + Send + Sync>;

impl QueryEngine {
    /// Answers a compare. Dropping the future cancels it.
    pub async fn compare(
        &self,
        snapshot: Snapshot,
        datasets: &str,
        spec: &CompareSpec,
        options: &Options,
        now: TimestampNs,
    ) -> Result<CompareAnswer, QueryError> {
        self.compare_watched(snapshot, datasets, spec, options, now, None).await
    }

    /// The same, with progress and a first answer from a sample on the way.
    pub async fn compare_with_events(
        &self,
        snapshot: Snapshot,
        datasets: &str,
        spec: &CompareSpec,
        options: &Options,
        now: TimestampNs,
        watch: impl Fn(AnswerEvent<CompareAnswer>) + Send + Sync + 'static,
    ) -> Result<CompareAnswer, QueryError> {
        self.compare_watched(snapshot, datasets, spec, options, now, Some(Arc::new(watch))).await
    }

    async fn compare_watched(
        &self,
        snapshot: Snapshot,
        datasets: &str,
        spec: &CompareSpec,
        options: &Options,
        now: TimestampNs,
        watch: Option<Watch>,
    ) -> Result<CompareAnswer, QueryError> {
        let question = parse_compare(spec, now)?;
        let scope = Scope::new(snapshot, datasets)?;
        let (context, threads, strict) = (self.context(), self.threads(), options.strict);
        let ask = move |mut scope: Scope| {
            let (context, mut question, watch) = (context.clone(), question.clone(), watch.clone());
            async move {
                let began = Instant::now();
                scope = scope.with_calculated(&question.calculated);
                let (names, range) = (question.named(), question.times());
                let values = question.fields.iter().flatten().cloned().collect();
                let filters = question.filters();
                let asked = Asked { context: &context, partitions: threads, range, filters, names, values };
                let mut warnings = asked.resolve(&mut scope, strict).await?;
                warnings.extend(not_compared(&scope, &question));
                let cancelled = Cancelled::default();
                let memory = MemoryConsumer::new("compare").register(&context.runtime_env().memory_pool);
                let workers = Workers { threads, stop: cancelled.flag(), memory };
                let run = Run { context, workers, scope, question, warnings, watch, began };
                let answer = tokio::task::spawn_blocking(move || run.answer()).await;
                drop(cancelled);
                answer.map_err(|_| QueryError::internal("the query panicked; this is a bug"))?
            }
        };
        self.run(options, missing::answer_without_damaged(scope, ask)).await
    }
}

/// With ten thousand fields, those that come seldom share a column, and are not looked at one by one.
fn not_compared(scope: &Scope, question: &Comparison) -> Option<Warning> {
    let fields = if question.fields.is_none() { scope.fields_without_columns() } else { 0 };
    (fields > 0).then(|| Warning::FieldsNotCompared {
        fields,
        message: format!(
            "{fields} fields that come seldom have no column and were not compared; name those of interest in \"fields\", or \
             raise fields_at_sight_max"
        ),
    })
}

struct Run {
    context: SessionContext,
    workers: Workers,
    scope: Scope,
    question: Comparison,
    warnings: Vec<Warning>,
    watch: Option<Watch>,
    began: Instant,
}

impl Run {
    fn answer(self) -> Result<CompareAnswer, QueryError> {
        let stats = ScanStats::default();
        let fields = Measure::fields(&self.scope, self.question.fields.as_deref())?;
        let sides = sides(&self.scope, &self.question, &self.context.state(), &self.workers, &stats)?;
        let (kind, baseline) = self.kind(&sides);
        let writer = |evidence| Writer {
            question: &self.question,
            scope: &self.scope,
            stats: &stats,
            warnings: &self.warnings,
            began: self.began,
            sides: &sides,
            kind,
            baseline,
            evidence,
            fields: fields.len(),
        };
        if sides.total(Cell::Selected).rows == 0 || sides.total(baseline).rows == 0 {
            return Ok(writer(Evidence::Sampling).write(Vec::new(), &[], None));
        }
        let columns = Columns::new(&self.scope, &sides, &stats);
        let (scope, workers) = (&self.scope, &self.workers);
        let measure = Measure { scope, sides: &sides, columns: &columns, workers, baseline };
        let rows_max = self.rows_max(fields.len());
        let done = AtomicUsize::new(0);
        let total = if self.question.exact { 2 * fields.len() } else { fields.len() };
        let progress = |fields: usize| {
            let done = done.fetch_add(fields, Ordering::Relaxed) + fields;
            self.tell(CompareEvent::Progress { done: done as u64, total: total as u64 });
        };

        let drawn = draw(&sides, draws(kind, baseline, Draw::Pages(rows_max), rows_max));
        let table = measure.table(&fields, &drawn, &progress)?;
        let evidence = explain::evidence(&table);
        let writer = writer(evidence);
        let whole = [Cell::Selected, baseline].iter().all(|cell| drawn.fractions[*cell as usize] == 1.0);
        if !self.question.exact && !whole {
            return Ok(self.first(&writer, &fields, &table, &drawn));
        }
        if self.watch.is_some() {
            self.tell(CompareEvent::First(Box::new(self.first(&writer, &fields, &table, &drawn))));
        }

        let rows = sides.total(Cell::Selected).rows + sides.total(baseline).rows;
        let shaped: Vec<_> = fields
            .iter()
            .map(|field| {
                let known = table.position(&field.name).map(|at| shape(&table, &table.fields[at], baseline, rows));
                (field.clone(), known.unwrap_or_default())
            })
            .collect();
        drop(table);
        let drawn = draw(&sides, draws(kind, baseline, Draw::Rows(rows_max), rows_max));
        let sizes = sizes(&sides, baseline, evidence);
        let keep =
            |counts: FieldCounts| Measured::new(counts, sizes, writer.order(), fields.len(), self.question.values_max);
        let (measured, table) = measure.count(&shaped, &drawn, &keep, &progress)?;
        self.workers.check()?;
        let explanations = self.explained(&writer, &table);
        self.workers.check()?;
        let explanations = self.recounted(&writer, explanations, &stats)?;
        let mut shown = writer.fields(measured, &table);
        let numeric: Vec<usize> = (0..shown.len()).filter(|at| shown[*at].is_numeric()).collect();
        let read: Vec<&Field> =
            numeric.iter().filter_map(|at| fields.iter().find(|f| *f.name == *shown[*at].name())).collect();
        for (at, medians) in numeric.into_iter().zip(medians(&read, baseline, &sides, &columns, &self.workers)?) {
            shown[at].medians = medians;
        }
        Ok(writer.write(shown, &explanations, None))
    }

    fn tell(&self, event: CompareEvent) {
        if let Some(watch) = &self.watch {
            watch(event);
        }
    }

    /// The kind of question, by what the sides hold, and the cell that the selection is compared with.
    fn kind(&self, sides: &Sides) -> (Question, Cell) {
        let selection = self.question.selection.range;
        match &self.question.baseline {
            Baseline::Rest { .. } => {
                let weight = |a, b| (sides.total(a).weight + sides.total(b).weight) as f64;
                let earlier = weight(Cell::SelectedBefore, Cell::RestBefore);
                let now = weight(Cell::Selected, Cell::Rest);
                let witness = earlier > 0.0 && earlier >= now * WITNESS_PART_MIN;
                (if witness { Question::TwoWitnesses } else { Question::Share }, Cell::Rest)
            }
            Baseline::Others(_) => (Question::Share, Cell::Rest),
            Baseline::Earlier(_) => (Question::Rate, Cell::SelectedBefore),
            Baseline::EarlierAll(range) => {
                (counted(self.seconds(selection), self.seconds(*range), sides), Cell::SelectedBefore)
            }
            Baseline::RestOfTime => {
                let scope = self.question.scope.range;
                let both = TimeRange { start: selection.start.max(scope.start), end: selection.end.min(scope.end) };
                let rest = self.seconds(scope) - self.seconds(both);
                (counted(self.seconds(selection), rest, sides), Cell::SelectedBefore)
            }
        }
    }

    /// How long the datasets have events within a range: nothing could be counted outside.
    fn seconds(&self, range: TimeRange) -> f64 {
        let times = self.scope.datasets.iter().filter_map(DatasetSnapshot::time_range);
        let (first, last) = times.fold((i64::MAX, i64::MIN), |(a, b), (first, last)| (a.min(first), b.max(last)));
        let (start, end) = (range.start.max(first), range.end.min(last.saturating_add(1)));
        (end as f64 - start as f64).max(0.0) / 1e9
    }

    /// Rows of each cell that fit into memory with all their fields.
    fn rows_max(&self, fields: usize) -> usize {
        let (mut values, mut events) = (0u64, 0u64);
        for dataset in self.scope.datasets.iter() {
            events += dataset.events();
            values += dataset.fields.iter().flat_map(|(_, f)| f.types()).map(|(_, t)| t.events).sum::<u64>();
            for batch in &dataset.memtable {
                let columns = batch.events().columns().iter();
                values += columns.map(|c| (c.values.len() - c.values.null_count()) as u64).sum::<u64>();
            }
        }
        let by_event = (values as f64 / events.max(1) as f64).min(fields as f64).max(1.0);
        let fitting = (limits::COMPARE_CELLS_MAX as f64 / by_event / CELLS as f64) as usize;
        fitting.clamp(ROWS_MIN, limits::COMPARE_ROWS_MAX)
    }

    /// The answer of the sample alone.
    fn first(&self, writer: &Writer<'_>, fields: &[Field], table: &Table, drawn: &Drawn) -> CompareAnswer {
        let sizes = sampled_sizes(table, writer.baseline, writer.evidence);
        let measured = fields.iter().map(|field| {
            let counts = match table.position(&field.name) {
                Some(at) => measure::counts(table, &table.fields[at], writer.baseline),
                None => FieldCounts::none(Arc::clone(&field.name)),
            };
            let medians = counts.numbers.as_ref().map_or([None, None], |n| n.medians());
            let mut measured = Measured::new(counts, sizes, writer.order(), fields.len(), self.question.values_max);
            measured.medians = medians;
            measured
        });
        let shown = writer.fields(measured.collect(), table);
        let weight = |cell: Cell| writer.sides.total(cell).weight as f64;
        let drawn_weight = |cell: Cell| weight(cell) * drawn.fractions[cell as usize];
        let (selection, baseline) = (Cell::Selected, writer.baseline);
        let fraction = (drawn_weight(selection) + drawn_weight(baseline)) / (weight(selection) + weight(baseline));
        writer.write(shown, &self.explained(writer, table), Some(fraction))
    }

    fn explained(&self, writer: &Writer<'_>, table: &Table) -> Vec<Explanation> {
        let restated = self.question.restated();
        let allowed: Vec<bool> = table.fields.iter().map(|f| !restated.contains(&*f.name)).collect();
        let search = Search {
            question: writer.kind,
            evidence: writer.evidence,
            allowed: &allowed,
            explanations_max: self.question.explanations_max,
            stop: &self.workers.stop,
        };
        explain::explain(table, &search)
    }

    /// The explanations with what all events say of them, in the order of that.
    fn recounted(
        &self,
        writer: &Writer<'_>,
        mut explanations: Vec<Explanation>,
        stats: &ScanStats,
    ) -> Result<Vec<Explanation>, QueryError> {
        let mut conditions: Vec<Filter> = Vec::new();
        let mut conjunctions: Vec<Vec<usize>> = Vec::new();
        for scored in explanations.iter().flat_map(|e| std::iter::once(&e.best).chain(&e.rivals)) {
            let mut parts = Vec::new();
            for condition in &scored.conditions {
                let filter = filters(&condition_filters(condition), FilterCombination::And)?;
                let known = conditions.iter().position(|c| *c == filter);
                parts.push(known.unwrap_or_else(|| {
                    conditions.push(filter);
                    conditions.len() - 1
                }));
            }
            conjunctions.push(parts);
        }
        if conjunctions.is_empty() {
            return Ok(explanations);
        }
        let asked = conjunctions.len();
        conjunctions.extend((0..conditions.len()).map(|at| vec![at]));
        let place = (&self.scope, writer.sides);
        let counted = recount(&conditions, &conjunctions, place, &self.context.state(), &self.workers, stats)?;
        let masses: Vec<Cells> = counted.into_iter().map(|cells| cells.map(|t| mass(t, writer.evidence))).collect();
        let totals = writer.sides.totals.map(|t| mass(t, writer.evidence));
        let mut at = 0;
        let mut rescore = |question: Question, scored: &mut Scored| {
            let singles: Vec<Cells> = conjunctions[at].iter().map(|part| masses[asked + part]).collect();
            scored.cells = masses[at];
            scored.score = explain::score(question, totals, masses[at], &singles);
            at += 1;
        };
        for explanation in &mut explanations {
            rescore(explanation.question, &mut explanation.best);
            explanation.rivals.iter_mut().for_each(|rival| rescore(explanation.question, rival));
            explanation.rivals.sort_by(|a, b| b.score.total_cmp(&a.score));
        }
        explanations.retain(|e| e.best.score > 0.0);
        explain::order(&mut explanations);
        Ok(explanations)
    }
}

/// Counts over so many seconds against counts over others; by all events where one has no length.
fn counted(now: f64, earlier: f64, sides: &Sides) -> Question {
    let by_events =
        || sides.total(Cell::Selected).weight as f64 / (sides.total(Cell::SelectedBefore).weight as f64).max(1.0);
    Question::Count { ratio: if now > 0.0 && earlier > 0.0 { now / earlier } else { by_events() } }
}

/// How each cell is drawn: both sides as said, what else the question needs by pages.
fn draws(kind: Question, baseline: Cell, sides: Draw, rows_max: usize) -> [Draw; CELLS] {
    Cell::ALL.map(|cell| match kind {
        _ if cell == Cell::Selected || cell == baseline => sides,
        Question::Rate | Question::TwoWitnesses => Draw::Pages(rows_max),
        Question::Share | Question::Count { .. } => Draw::None,
    })
}

fn mass(total: Total, evidence: Evidence) -> Mass {
    let weight = total.weight as f64;
    match evidence {
        Evidence::Sampling => Mass { weight, squares: total.squares, seen: total.rows as f64 },
        Evidence::Weak => Mass { weight, squares: weight, seen: weight },
    }
}

fn sizes(sides: &Sides, baseline: Cell, evidence: Evidence) -> Sizes {
    let masses = [Cell::Selected, baseline].map(|cell| mass(sides.total(cell), evidence));
    Sizes { weight: masses.map(|m| m.weight), effective: masses.map(|m| m.effective()) }
}

fn sampled_sizes(table: &Table, baseline: Cell, evidence: Evidence) -> Sizes {
    let mut masses = [Mass::default(); 2];
    for row in &table.rows {
        if let Some(side) = [Cell::Selected, baseline].iter().position(|cell| *cell == row.cell) {
            let squares = match evidence {
                Evidence::Sampling => row.weight * row.weight,
                Evidence::Weak => row.weight * row.gain,
            };
            masses[side].add(Mass { weight: row.weight, squares, seen: 1.0 });
        }
    }
    Sizes { weight: masses.map(|m| m.weight), effective: masses.map(|m| m.effective()) }
}

/// The order of a field's values, by the kind of question.
pub(crate) fn value_order(kind: Question, sides: &Sides) -> ValueOrder {
    let weight = |cell| sides.total(cell).weight as f64;
    match kind {
        Question::Share | Question::TwoWitnesses => ValueOrder::Share,
        Question::Count { ratio } => ValueOrder::Count(ratio),
        Question::Rate => {
            let now = weight(Cell::Selected) + weight(Cell::Rest);
            let earlier = weight(Cell::SelectedBefore) + weight(Cell::RestBefore);
            ValueOrder::Count(score::ratio(now, earlier))
        }
    }
}
