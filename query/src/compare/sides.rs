//! Which side every event is on: the filters' columns alone are read, and each row gets its cell.
//!
//! 1. Segments and pages that cannot be on any side are left out, as for queries.
//! 2. What is left is a list of parts (a row group, or a batch of the memtable) with the cell and weight of each row.
//!
//! Everything after reads parts. It must not know what is counted.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use datafusion::execution::SessionState;
use outcrop_storage::event::reserved;
use outcrop_storage::{OpenSegment, Segment, StoredBatch};
use parquet::arrow::arrow_reader::RowSelection;
use parquet::file::statistics::Statistics;

use super::columns::{self, Arrays};
use super::spec::{Baseline, Comparison};
use super::table::{CELLS, Cell};
use super::workers::Workers;
use crate::error::QueryError;
use crate::filter;
use crate::limits;
use crate::prune::{self, Predicate, Unit};
use crate::scan::{self, ScanStats, indexes, record_batch};
use crate::scope::{ScanColumn, Scope};
use crate::spec::{Filter, TimeRange};

/// Rows that are read together.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) dataset: usize,
    pub(crate) source: Source,
    /// For each row its cell, or [`NOWHERE`].
    pub(crate) cells: Vec<u8>,
    weights: Option<Vec<u32>>,
}

#[derive(Clone, Debug)]
pub(crate) enum Source {
    Memory(Arc<StoredBatch>),
    /// `open` has the columns of the filters, and of a wide segment no others.
    RowGroup {
        segment: Arc<Segment>,
        open: Arc<OpenSegment>,
        row_group: usize,
    },
}

/// A row that is on no side.
pub(crate) const NOWHERE: u8 = u8::MAX;

impl Part {
    pub(crate) fn new(dataset: usize, source: Source, cells: Vec<u8>, weights: Option<Vec<u32>>) -> Part {
        Part { dataset, source, cells, weights }
    }

    pub(crate) fn rows(&self) -> usize {
        self.cells.len()
    }

    /// How many events a row stands for.
    pub(crate) fn weight(&self, row: usize) -> u32 {
        self.weights.as_ref().map_or(1, |w| w[row])
    }

    pub(crate) fn is_weighted(&self) -> bool {
        self.weights.is_some()
    }

    fn totals(&self) -> [Total; CELLS] {
        let mut totals = [Total::default(); CELLS];
        for (row, cell) in self.cells.iter().enumerate().filter(|(_, cell)| **cell != NOWHERE) {
            totals[usize::from(*cell)].add(self.weight(row));
        }
        totals
    }

    fn bytes(&self) -> usize {
        self.cells.len() + self.weights.as_ref().map_or(0, |w| 4 * w.len())
    }
}

/// What is in one cell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Total {
    pub(crate) rows: u64,
    pub(crate) weight: u64,
    /// The sum of squared weights.
    pub(crate) squares: f64,
}

impl Total {
    pub(crate) fn add(&mut self, weight: u32) {
        self.rows += 1;
        self.weight += u64::from(weight);
        self.squares += f64::from(weight) * f64::from(weight);
    }

    pub(crate) fn join(&mut self, other: Total) {
        self.rows += other.rows;
        self.weight += other.weight;
        self.squares += other.squares;
    }
}

/// Every part that has a row on a side.
#[derive(Debug)]
pub(crate) struct Sides {
    pub(crate) parts: Vec<Part>,
    pub(crate) totals: [Total; CELLS],
}

impl Sides {
    pub(crate) fn total(&self, cell: Cell) -> Total {
        self.totals[cell as usize]
    }
}

/// A filter as conjuncts, each over its own columns.
pub(crate) struct Clause {
    predicates: Vec<Predicate>,
    /// Rows that are evaluated before somebody may say stop.
    pace: AtomicUsize,
}

/// Rows of the first evaluation, and of any: a pattern may take a millisecond a row.
const PACE_MIN: usize = 128;
/// How long an evaluation should take, so that a cancelled question ends soon.
const PACE_WANTED: Duration = Duration::from_millis(50);

/// The filters of a question over the datasets it addresses.
struct Clauses {
    scope: Clause,
    selection: Clause,
    baseline: Clause,
    columns: Vec<ScanColumn>,
}

pub(crate) fn sides(
    scope: &Scope,
    question: &Comparison,
    state: &SessionState,
    workers: &Workers,
    stats: &ScanStats,
) -> Result<Sides, QueryError> {
    let clauses = Clauses::new(scope, question, state)?;
    let found = found(scope, question, &clauses.columns, state, stats)?;
    let parts = workers.each(found.len(), |at| {
        let part = read_part(scope, question, &clauses, &found[at], workers, stats)?;
        workers.reserve(part.bytes())?;
        let totals = part.totals();
        Ok((part, totals))
    })?;
    let mut totals = [Total::default(); CELLS];
    let mut kept = Vec::with_capacity(parts.len());
    for (part, own) in parts {
        totals.iter_mut().zip(own).for_each(|(total, own)| total.join(own));
        if own.iter().any(|own| own.rows > 0) {
            kept.push(part);
        }
    }
    Ok(Sides { parts: kept, totals })
}

impl Clauses {
    fn new(scope: &Scope, question: &Comparison, state: &SessionState) -> Result<Clauses, QueryError> {
        let all = Filter::All(Vec::new());
        let baseline = if let Baseline::Others(side) = &question.baseline { &side.filter } else { &all };
        let clauses = Clauses {
            scope: Clause::new(&question.scope.filter, scope, state)?,
            selection: Clause::new(&question.selection.filter, scope, state)?,
            baseline: Clause::new(baseline, scope, state)?,
            columns: Vec::new(),
        };
        let used = [&clauses.scope, &clauses.selection, &clauses.baseline];
        let used: BTreeSet<ScanColumn> = used.iter().flat_map(|c| c.columns().cloned()).collect();
        Ok(Clauses { columns: used.into_iter().collect(), ..clauses })
    }
}

impl Clause {
    pub(crate) fn new(filter: &Filter, scope: &Scope, state: &SessionState) -> Result<Clause, QueryError> {
        let mut predicates = Vec::new();
        if !matches!(filter, Filter::All(parts) if parts.is_empty()) {
            let mut used = BTreeSet::new();
            let expression = filter::expression(filter, scope, &mut used)?;
            let used: Vec<ScanColumn> = used.into_iter().collect();
            let everywhen = TimeRange { start: i64::MIN, end: i64::MAX };
            predicates = scan::predicates(state, &used, everywhen, &[expression])?;
            predicates.retain(|p| !p.time_range);
        }
        Ok(Clause { predicates, pace: AtomicUsize::new(PACE_MIN) })
    }

    /// The columns that it reads.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &ScanColumn> {
        self.predicates.iter().flat_map(|p| &p.columns)
    }

    /// Which rows pass; none if there is nothing to pass.
    pub(crate) fn evaluate(
        &self,
        arrays: &Arrays,
        rows: usize,
        workers: &Workers,
    ) -> Result<Option<Vec<bool>>, QueryError> {
        if self.predicates.is_empty() {
            return Ok(None);
        }
        let mut passing = vec![true; rows];
        let mut from = 0;
        while from < rows {
            workers.check()?;
            let began = Instant::now();
            let count = self.pace.load(Ordering::Relaxed).min(rows - from);
            for predicate in &self.predicates {
                let arrays = predicate.columns.iter().filter_map(|c| arrays.get(c)).map(|a| a.slice(from, count));
                let passes = predicate.passes(&record_batch(&predicate.schema, arrays.collect(), count)?)?;
                let slice = passing[from..from + count].iter_mut().enumerate();
                slice.for_each(|(row, all)| *all &= passes.is_valid(row) && passes.value(row));
            }
            let faster = PACE_WANTED.as_secs_f64() / began.elapsed().as_secs_f64().max(1e-9);
            let pace = (count as f64 * faster.min(64.0)) as usize;
            self.pace.store(pace.clamp(PACE_MIN, limits::BATCH_ROWS), Ordering::Relaxed);
            from += count;
        }
        Ok(Some(passing))
    }
}

/// The times and filters that put events on sides.
fn regions(question: &Comparison) -> Vec<(TimeRange, Vec<&Filter>)> {
    let scope = &question.scope.filter;
    let selected = (question.selection.range, vec![scope, &question.selection.filter]);
    match &question.baseline {
        Baseline::Rest { before } => {
            let mut regions = vec![selected, (question.scope.range, vec![scope])];
            regions.extend(before.map(|range| (range, vec![scope])));
            regions
        }
        Baseline::RestOfTime => vec![selected, (question.scope.range, vec![scope])],
        Baseline::Others(side) => vec![selected, (side.range, vec![scope, &side.filter])],
        Baseline::Earlier(range) => vec![(question.selection.range, vec![scope]), (*range, vec![scope])],
        Baseline::EarlierAll(range) => vec![selected, (*range, vec![scope])],
    }
}

/// Every unit that some region may need, with the rows that any of them may.
fn found(
    scope: &Scope,
    question: &Comparison,
    columns: &[ScanColumn],
    state: &SessionState,
    stats: &ScanStats,
) -> Result<Vec<Unit>, QueryError> {
    let mut found: Vec<Unit> = Vec::new();
    let mut known: HashMap<(u64, usize), usize> = HashMap::new();
    for (range, filters) in regions(question) {
        let mut used = BTreeSet::new();
        let filters = filters.into_iter().map(|f| filter::expression(f, scope, &mut used));
        let filters: Vec<_> = filters.collect::<Result<_, _>>()?;
        let used: Vec<ScanColumn> = used.into_iter().collect();
        let predicates = scan::predicates(state, &used, range, &filters)?;
        let pruned = prune::prune(&scope.datasets, range, &predicates, columns)?;
        for unit in pruned.units {
            match known.get(&identity(&unit)) {
                Some(at) => widen(&mut found[*at], unit),
                None => {
                    known.insert(identity(&unit), found.len());
                    found.push(unit);
                }
            }
        }
    }
    note_segments(scope, question, &found, stats);
    Ok(found)
}

/// Tells one batch or row group from another: a segment may be opened more than once.
fn identity(unit: &Unit) -> (u64, usize) {
    match unit {
        Unit::Memory { batch, .. } => (Arc::as_ptr(batch) as u64, usize::MAX),
        Unit::RowGroup { segment, row_group, .. } => (segment.footer().segment, *row_group),
    }
}

fn widen(unit: &mut Unit, other: Unit) {
    if let (Unit::RowGroup { selection, .. }, Unit::RowGroup { selection: more, .. }) = (unit, other) {
        *selection = match (selection.take(), more) {
            (Some(one), Some(other)) => Some(one.union(&other)),
            _ => None,
        };
    }
}

fn note_segments(scope: &Scope, question: &Comparison, found: &[Unit], stats: &ScanStats) {
    let ranges: Vec<TimeRange> = regions(question).into_iter().map(|r| r.0).collect();
    let segments = || scope.datasets.iter().flat_map(|d| d.segments.iter());
    let in_time = segments().filter(|s| ranges.iter().any(|r| r.overlaps(s.info().time_min, s.info().time_max)));
    let scanned: BTreeSet<u64> =
        found.iter().filter(|f| matches!(f, Unit::RowGroup { .. })).map(|f| identity(f).0).collect();
    let (total, in_time, scanned) = (segments().count() as u64, in_time.count() as u64, scanned.len() as u64);
    stats.segments.store(total, Ordering::Relaxed);
    stats.skipped_by_time.store(total - in_time, Ordering::Relaxed);
    stats.skipped_by_index.store(in_time.saturating_sub(scanned), Ordering::Relaxed);
    stats.scanned.store(scanned, Ordering::Relaxed);
}

fn read_part(
    scope: &Scope,
    question: &Comparison,
    clauses: &Clauses,
    unit: &Unit,
    workers: &Workers,
    stats: &ScanStats,
) -> Result<Part, QueryError> {
    let mut columns = clauses.columns.clone();
    columns.push(ScanColumn::SampleRate);
    let (dataset, source, selection, rows, weighted, times) = match unit {
        Unit::Memory { dataset, batch } => {
            stats.rows.fetch_add(batch.rows() as u64, Ordering::Relaxed);
            let weighted = batch.events().sample_rate().is_some();
            (*dataset, Source::Memory(Arc::clone(batch)), None, batch.rows(), weighted, Some(batch.time_range()))
        }
        Unit::RowGroup { dataset, segment, row_group, selection } => {
            let rows = segment.metadata().metadata().row_group(*row_group).num_rows() as usize;
            let weighted = segment.system_column(reserved::SAMPLE_RATE).is_some();
            let handle = scope.datasets[*dataset].segments.iter().find(|s| s.info().id.0 == segment.footer().segment);
            let handle = handle.ok_or_else(|| QueryError::internal("a segment is not one of its dataset"))?;
            let (handle, open) = (Arc::clone(handle), Arc::clone(segment));
            let source = Source::RowGroup { segment: handle, open, row_group: *row_group };
            (*dataset, source, selection.as_ref(), rows, weighted, time_range(segment, *row_group))
        }
    };
    // Where all times are on the same side of every bound, one stands for all.
    let one_time = times.filter(|times| regions(question).iter().all(|(r, _)| inside_or_outside(*r, *times)));
    let one_time = one_time.map(|(time, _)| time);
    if one_time.is_none() && !columns.contains(&ScanColumn::Timestamp) {
        columns.push(ScanColumn::Timestamp);
    }
    if let Unit::RowGroup { segment, row_group, .. } = unit {
        let group = segment.metadata().metadata().row_group(*row_group);
        stats.note_row_group(group, selection.map_or(rows, RowSelection::row_count), indexes(segment, &columns));
    }
    let mut part = Part::new(dataset, source, vec![NOWHERE; rows], weighted.then(|| vec![1; rows]));
    let (source, name) = (part.source.clone(), scope.datasets[dataset].name.as_str());
    columns::scan(&source, name, &columns, selection, workers, |arrays, rows| {
        part.mark(question, clauses, arrays, rows, one_time, workers)
    })?;
    Ok(part)
}

fn time_range(segment: &OpenSegment, row_group: usize) -> Option<(i64, i64)> {
    let index = segment.system_column(reserved::TIMESTAMP)?;
    match segment.metadata().metadata().row_group(row_group).column(index).statistics()? {
        Statistics::Int64(s) => Some((*s.min_opt()?, *s.max_opt()?)),
        _ => None,
    }
}

fn inside_or_outside(range: TimeRange, (min, max): (i64, i64)) -> bool {
    range.contains(min, max) || !range.overlaps(min, max)
}

impl Part {
    /// Puts rows on sides by their columns. `one_time` stands for all their times.
    fn mark(
        &mut self,
        question: &Comparison,
        clauses: &Clauses,
        arrays: &Arrays,
        rows: &[usize],
        one_time: Option<i64>,
        workers: &Workers,
    ) -> Result<(), QueryError> {
        let scope = clauses.scope.evaluate(arrays, rows.len(), workers)?;
        let selection = clauses.selection.evaluate(arrays, rows.len(), workers)?;
        let baseline = clauses.baseline.evaluate(arrays, rows.len(), workers)?;
        let integers = |column: ScanColumn| arrays.get(&column).map(|array| array.as_primitive::<Int64Type>());
        let times = if one_time.is_none() { integers(ScanColumn::Timestamp) } else { None };
        let weights = integers(ScanColumn::SampleRate);
        let passes = |clause: &Option<Vec<bool>>, at: usize| clause.as_ref().is_none_or(|c| c[at]);
        for (at, row) in rows.iter().enumerate() {
            let time = one_time.or_else(|| times.map(|times| times.value(at))).unwrap_or(i64::MIN);
            if passes(&scope, at) {
                let cell = cell(question, time, passes(&selection, at), passes(&baseline, at));
                self.cells[*row] = cell.map_or(NOWHERE, |cell| cell as u8);
            }
            if let (Some(all), Some(weights)) = (&mut self.weights, weights) {
                all[*row] = weights.value(at) as u32;
            }
        }
        Ok(())
    }
}

/// The cell of an event of the scope's filters, by its time and by whether it passes either side's filters.
fn cell(question: &Comparison, time: i64, selection: bool, baseline: bool) -> Option<Cell> {
    let within = |range: TimeRange| range.start <= time && time < range.end;
    let now = within(question.selection.range);
    if now && selection {
        return Some(Cell::Selected);
    }
    match &question.baseline {
        Baseline::Rest { before } => {
            if within(question.scope.range) {
                return Some(Cell::Rest);
            }
            let earlier = before.is_some_and(within);
            earlier.then_some(if selection { Cell::SelectedBefore } else { Cell::RestBefore })
        }
        Baseline::Others(side) => (within(side.range) && baseline).then_some(Cell::Rest),
        Baseline::Earlier(range) => {
            let earlier = within(*range);
            if earlier && selection {
                return Some(Cell::SelectedBefore);
            }
            match (now, earlier) {
                (true, _) => Some(Cell::Rest),
                (false, true) => Some(Cell::RestBefore),
                (false, false) => None,
            }
        }
        Baseline::EarlierAll(range) => within(*range).then_some(Cell::SelectedBefore),
        Baseline::RestOfTime => within(question.scope.range).then_some(Cell::SelectedBefore),
    }
}
