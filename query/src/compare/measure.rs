//! Fields, counted: of a sample all of its values as a table, of everything the weights of values and bins.
//!
//! Fields are taken a few at a time through all parts in order, so that memory is that of a few fields, threads never
//! merge anything, and the same question gets the same answer. A sample comes first and says what is worth telling apart
//! of each field: its repeated values, and the bins of its numbers.
//!
//! This is where counts come from. Stored counts of a segment's blocks can take the place of reading a baseline: they
//! would be added to the same [`Tally`], and only selected rows be read. It must not know what counts mean.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type};
use outcrop_storage::event::reserved;
use parquet::arrow::arrow_reader::RowSelection;

use super::columns::{Columns, Rows};
use super::fields::{FieldCounts, NumberCounts, ValueCount};
use super::sample::Drawn;
use super::sides::{NOWHERE, Part, Sides};
use super::table::{Cell, FieldBuilder, OTHER, Row, Table, TableField};
use super::tally::Tally;
use super::value::EventValue;
use super::workers::Workers;
use crate::error::QueryError;
use crate::limits;
use crate::scan::coded;
use crate::scope::{FieldRef, ScanColumn, Scope};

/// A field that is compared, and the columns that hold its values.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: Arc<str>,
    pub(crate) columns: Vec<ScanColumn>,
}

/// What a sample says of a field.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    /// Values worth telling apart in any case.
    given: Vec<EventValue>,
    edges: Option<Arc<[f64]>>,
    /// Nearly every value differs: no others are told apart.
    closed: bool,
    /// Different values by row that has one, on either side.
    variety: [f64; 2],
    /// Sampled rows with a value, of either side.
    seen: [f64; 2],
}

/// Fields read together, so that opening a row group is paid once for all of them; more of very many, because a wide
/// segment's footer is decoded for those asked for.
const FIELDS_TOGETHER: usize = 4;
const CHUNKS_MAX: usize = 250;
/// Fields whose values nearly all differ are not told apart from so many rows on.
const CLOSED_ROWS_MIN: u64 = 64 << 10;
/// Rows of a sample that must have been seen on either side to judge that, and the part of values that must differ.
const CLOSED_SEEN_MIN: f64 = 200.0;
const TEXTS_DIFFER: f64 = 0.95;
const NUMBERS_DIFFER: f64 = 0.5;
/// A value of which a sample of n rows shows at most one has, but for one time in two thousand, a share below this / n.
const UNSEEN_EVENTS: f64 = 10.0;

/// The sides of a question as parts are read.
pub(crate) struct Measure<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) sides: &'a Sides,
    pub(crate) columns: &'a Columns<'a>,
    pub(crate) workers: &'a Workers,
    /// The cell that the selection is compared with.
    pub(crate) baseline: Cell,
}

/// What of a part is read: its rows, each one's side, and which of them are drawn.
struct Reading<'a> {
    rows: Rows,
    /// For each row read: 0 the selection, 1 the baseline, 2 neither.
    sides: Vec<u8>,
    weights: Option<Vec<u32>>,
    /// (row read, row of the table).
    drawn: Vec<(u32, u32)>,
    part: &'a Part,
}

impl Reading<'_> {
    fn bytes(&self) -> usize {
        self.sides.len() + self.weights.as_ref().map_or(0, |w| 4 * w.len()) + 8 * self.drawn.len()
    }
}

impl<'a> Measure<'a> {
    /// The fields of the datasets addressed, in the order of their names; of those named only these.
    pub(crate) fn fields(scope: &Scope, named: Option<&[String]>) -> Result<Vec<Field>, QueryError> {
        let mut fields: Vec<Field> = match named {
            None => scope.fields_with_columns().iter().map(|f| field(scope, f.as_str())).collect::<Result<_, _>>()?,
            Some(names) => names.iter().map(|name| field(scope, name)).collect::<Result<_, _>>()?,
        };
        if named.is_none() && scope.datasets.len() > 1 {
            fields.push(field(scope, reserved::DATASET)?);
        }
        fields.retain(|f| !f.columns.is_empty());
        fields.sort_by(|a, b| a.name.cmp(&b.name));
        fields.dedup_by(|a, b| a.name == b.name);
        Ok(fields)
    }

    /// The drawn rows as a table.
    pub(crate) fn table(
        &self,
        fields: &[Field],
        drawn: &Drawn,
        progress: &(impl Fn(usize) + Sync),
    ) -> Result<Table, QueryError> {
        let readings: Vec<Reading<'_>> = (0..self.sides.parts.len()).map(|at| self.drawn_only(at, drawn)).collect();
        let chunks: Vec<&[Field]> = fields.chunks(together(fields.len())).collect();
        let read = self.workers.each(chunks.len(), |at| {
            let mut builders: Vec<FieldBuilder> = chunks[at].iter().map(|_| FieldBuilder::default()).collect();
            self.read(chunks[at], &vec![true; chunks[at].len()], &readings, None, Some(&mut builders))?;
            progress(chunks[at].len());
            self.finish(chunks[at], builders, &drawn.rows)
        })?;
        Ok(Table { rows: drawn.rows.clone(), fields: read.into_iter().flatten().flatten().collect() })
    }

    fn finish(
        &self,
        fields: &[Field],
        builders: Vec<FieldBuilder>,
        rows: &[Row],
    ) -> Result<Vec<Option<TableField>>, QueryError> {
        let mut finished = Vec::with_capacity(fields.len());
        for (field, builder) in fields.iter().zip(builders) {
            let built = builder.finish(Arc::clone(&field.name), rows, self.baseline);
            if let Some(built) = &built {
                self.workers.reserve(built.bytes())?;
            }
            finished.push(built);
        }
        Ok(finished)
    }

    /// Both sides counted whole, what `kept` makes of each field's counts, and the drawn rows as a table.
    pub(crate) fn count<T: Send>(
        &self,
        fields: &[(Field, Shape)],
        drawn: &Drawn,
        kept: &(impl Fn(FieldCounts) -> T + Sync),
        progress: &(impl Fn(usize) + Sync),
    ) -> Result<(Vec<T>, Table), QueryError> {
        let readings = self.workers.each(self.sides.parts.len(), |at| {
            let reading = self.both_sides(at, drawn);
            self.workers.reserve(reading.bytes())?;
            Ok(reading)
        })?;
        let chunks: Vec<&[(Field, Shape)]> = fields.chunks(together(fields.len())).collect();
        let counted = self.workers.each(chunks.len(), |at| {
            let _held = self.workers.hold(FIELDS_TOGETHER * Tally::bytes_max())?;
            let (fields, shapes): (Vec<Field>, Vec<&Shape>) = chunks[at].iter().map(|(f, s)| (f.clone(), s)).unzip();
            let mut tallies: Vec<Tally> =
                shapes.iter().map(|s| Tally::new(&s.given, s.edges.clone(), s.closed)).collect();
            let mut builders: Vec<FieldBuilder> =
                shapes.iter().map(|s| FieldBuilder::known(&s.given, s.edges.clone(), s.closed)).collect();
            self.read_unless_told(&fields, &readings, &mut tallies, &mut builders)?;
            let counts = tallies.into_iter().zip(&fields).zip(shapes);
            let counts: Vec<T> = counts.map(|((t, f), s)| kept(self.counts(t, f, s))).collect();
            progress(fields.len());
            Ok((counts, self.finish(&fields, builders, &drawn.rows)?))
        })?;
        let (counts, tables): (Vec<_>, Vec<_>) = counted.into_iter().unzip();
        let table = Table { rows: drawn.rows.clone(), fields: tables.into_iter().flatten().flatten().collect() };
        Ok((counts.into_iter().flatten().collect(), table))
    }

    /// Reads fields, but those of which only their presence counts and of which every event has a value.
    fn read_unless_told(
        &self,
        fields: &[Field],
        readings: &[Reading<'_>],
        tallies: &mut [Tally],
        builders: &mut [FieldBuilder],
    ) -> Result<(), QueryError> {
        let told = fields
            .iter()
            .zip(&*tallies)
            .map(|(f, t)| Ok(t.is_presence_only() && self.columns.always_present(&f.columns)?));
        let told: Vec<bool> = told.collect::<Result<_, QueryError>>()?;
        let sides = [Cell::Selected, self.baseline].map(|cell| self.sides.total(cell).weight);
        for (at, _) in told.iter().enumerate().filter(|(_, told)| **told) {
            tallies[at].add_unseen(sides);
            readings.iter().flat_map(|r| &r.drawn).for_each(|(_, number)| builders[at].put(*number as usize, OTHER));
        }
        let wanted: Vec<bool> = told.into_iter().map(|told| !told).collect();
        self.read(fields, &wanted, readings, Some(tallies), Some(builders))
    }

    /// The counts of a tally, with estimates where values were not told apart on purpose.
    fn counts(&self, tally: Tally, field: &Field, shape: &Shape) -> FieldCounts {
        let mut counts = tally.finish(Arc::clone(&field.name));
        if shape.closed {
            let cells = [Cell::Selected, self.baseline].map(|cell| self.sides.total(cell));
            let mut untold = [0.0; 2];
            for side in 0..2 {
                let weight = cells[side].weight as f64;
                let rows = cells[side].rows as f64 * counts.present[side] / weight.max(1.0);
                counts.distinct[side] = (rows * shape.variety[side]).round() as u64;
                untold[side] = weight * (UNSEEN_EVENTS / shape.seen[side].max(1.0)).min(1.0);
            }
            counts.untold = Some(untold);
        }
        counts
    }

    /// Reads the drawn rows of a part and no others.
    fn drawn_only(&self, at: usize, drawn: &Drawn) -> Reading<'a> {
        let part = &self.sides.parts[at];
        let places = &drawn.places[at];
        let ranges = places.iter().map(|row| *row as usize..*row as usize + 1);
        let whole = places.len() == part.rows();
        let selection = (!whole).then(|| RowSelection::from_consecutive_ranges(ranges, part.rows()));
        let drawn = (0..places.len()).map(|i| (i as u32, (drawn.firsts[at] + i) as u32)).collect();
        Reading { rows: Rows { selection, count: places.len() }, sides: Vec::new(), weights: None, drawn, part }
    }

    /// Reads the pages of a part that have a row on either side, and the drawn rows.
    fn both_sides(&self, at: usize, drawn: &Drawn) -> Reading<'a> {
        let part = &self.sides.parts[at];
        let side = |cell: u8| match cell {
            NOWHERE => 2,
            cell if cell == Cell::Selected as u8 => 0,
            cell if cell == self.baseline as u8 => 1,
            _ => 2,
        };
        let mut wanted = drawn.places[at].iter().copied().peekable();
        let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
        for (page, cells) in part.cells.chunks(limits::COMPARE_PAGE_ROWS).enumerate() {
            let first = page * limits::COMPARE_PAGE_ROWS;
            let end = first + cells.len();
            if cells.iter().any(|cell| side(*cell) < 2) {
                while wanted.next_if(|row| (*row as usize) < end).is_some() {}
                ranges.push(first..end);
            } else {
                while let Some(row) = wanted.next_if(|row| (*row as usize) < end) {
                    ranges.push(row as usize..row as usize + 1);
                }
            }
        }
        let count: usize = ranges.iter().map(ExactSizeIterator::len).sum();
        let read = || ranges.iter().cloned().flatten();
        let sides: Vec<u8> = read().map(|row| side(part.cells[row])).collect();
        let weights = part.is_weighted().then(|| read().map(|row| part.weight(row)).collect());
        let mut found = Vec::with_capacity(drawn.places[at].len());
        let (mut range, mut before) = (0, 0);
        for (i, row) in drawn.places[at].iter().map(|row| *row as usize).enumerate() {
            while ranges[range].end <= row {
                before += ranges[range].len();
                range += 1;
            }
            found.push(((before + row - ranges[range].start) as u32, (drawn.firsts[at] + i) as u32));
        }
        let selection =
            (count < part.rows()).then(|| RowSelection::from_consecutive_ranges(ranges.into_iter(), part.rows()));
        Reading { rows: Rows { selection, count }, sides, weights, drawn: found, part }
    }

    /// Takes those fields that are wanted through all parts.
    fn read(
        &self,
        fields: &[Field],
        wanted: &[bool],
        readings: &[Reading<'_>],
        mut tallies: Option<&mut [Tally]>,
        mut builders: Option<&mut [FieldBuilder]>,
    ) -> Result<(), QueryError> {
        let read = || fields.iter().enumerate().filter(|(at, _)| wanted[*at]);
        let columns: Vec<ScanColumn> = read().flat_map(|(_, f)| f.columns.iter().cloned()).collect();
        let owner: Vec<usize> = read().flat_map(|(at, f)| f.columns.iter().map(move |_| at)).collect();
        for (at, reading) in readings.iter().enumerate() {
            let mut codes: Vec<Option<Dictionary>> = columns.iter().map(|_| None).collect();
            self.columns.read(at, &columns, &reading.rows, self.workers, |first, arrays| {
                for (column, array) in arrays.iter().enumerate() {
                    let Some(array) = array else { continue };
                    let field = owner[column];
                    let tally = tallies.as_deref_mut().map(|t| &mut t[field]);
                    let builder = builders.as_deref_mut().map(|b| &mut b[field]);
                    take(array, reading, first, &mut codes[column], tally, builder)?;
                }
                Ok(())
            })?;
            for (column, dictionary) in codes.iter_mut().enumerate() {
                if let (Some(dictionary), Some(tallies)) = (dictionary, tallies.as_deref_mut()) {
                    dictionary.empty_into(&mut tallies[owner[column]]);
                }
            }
            for (field, of_field) in read() {
                if of_field.columns.contains(&ScanColumn::Dataset) {
                    let name = self.scope.datasets[reading.part.dataset].name.as_str();
                    let tally = tallies.as_deref_mut().map(|t| &mut t[field]);
                    let builder = builders.as_deref_mut().map(|b| &mut b[field]);
                    take_constant(name, reading, tally, builder);
                }
            }
        }
        Ok(())
    }
}

fn together(fields: usize) -> usize {
    FIELDS_TOGETHER.max(fields.div_ceil(CHUNKS_MAX))
}

fn field(scope: &Scope, name: &str) -> Result<Field, QueryError> {
    let columns = match scope.resolve(name) {
        FieldRef::System(ScanColumn::Dataset) => vec![ScanColumn::Dataset],
        FieldRef::System(_) => {
            return Err(QueryError::impossible(
                "not_a_field",
                format!("{name} belongs to the store and is not compared; compare times with start_time and end_time"),
            ));
        }
        field => field.columns(),
    };
    Ok(Field { name: name.into(), columns })
}

/// A dictionary's codes: their weights not yet in the tally, and their codes in the table.
struct Dictionary {
    values: ArrayRef,
    /// By code and side; the third and fourth are for rows of neither.
    weights: Vec<u64>,
    codes: Vec<u32>,
}

/// A code of the table that was not looked up yet.
const UNKNOWN: u32 = u32::MAX - 2;

impl Dictionary {
    fn new(values: &ArrayRef) -> Dictionary {
        Dictionary {
            values: Arc::clone(values),
            weights: vec![0; 4 * values.len()],
            codes: vec![UNKNOWN; values.len()],
        }
    }

    fn empty_into(&mut self, tally: &mut Tally) {
        let texts = self.values.as_string::<i32>();
        for (code, weights) in self.weights.chunks_exact(4).enumerate() {
            if weights[0] + weights[1] > 0 {
                tally.add_text(texts.value(code), [weights[0], weights[1]]);
            }
        }
        self.weights.fill(0);
    }

    fn code(&mut self, at: usize, builder: &mut FieldBuilder) -> u32 {
        if self.codes[at] == UNKNOWN {
            self.codes[at] = builder.code(EventValue::Text(self.values.as_string::<i32>().value(at).into()));
        }
        self.codes[at]
    }
}

/// Takes one batch of one column: into the tally what is on a side, into the builder what is drawn.
fn take(
    array: &ArrayRef,
    reading: &Reading<'_>,
    first: usize,
    dictionary: &mut Option<Dictionary>,
    mut tally: Option<&mut Tally>,
    builder: Option<&mut FieldBuilder>,
) -> Result<(), QueryError> {
    let end = first + array.len();
    let from = reading.drawn.partition_point(|(row, _)| (*row as usize) < first);
    let drawn = reading.drawn[from..].iter().take_while(|(row, _)| (*row as usize) < end);
    let drawn =
        drawn.map(|(row, number)| (*row as usize - first, *number as usize)).filter(|(row, _)| array.is_valid(*row));
    let sides = tally.as_ref().map(|_| &reading.sides[first..end]);
    let weights = reading.weights.as_ref().map(|w| &w[first..end]);
    let counted = |row: usize| {
        let side = sides.map_or(2, |s| s[row]);
        let weight = weights.map_or(1, |w| u64::from(w[row]));
        [u64::from(side == 0) * weight, u64::from(side == 1) * weight]
    };
    match array.data_type() {
        DataType::Dictionary(..) => {
            let coded = array.as_dictionary::<Int32Type>();
            let known = dictionary.as_ref().is_some_and(|d| coded::is_same(&d.values, coded.values()));
            if !known {
                if let (Some(old), Some(tally)) = (dictionary.as_mut(), tally.as_deref_mut()) {
                    old.empty_into(tally);
                }
                *dictionary = Some(Dictionary::new(coded.values()));
            }
            let Some(dictionary) = dictionary else { return Ok(()) };
            let keys = coded.keys();
            if let Some(sides) = sides {
                count_codes(keys.values(), keys.nulls(), sides, weights, &mut dictionary.weights);
            }
            if let Some(builder) = builder {
                for (row, number) in drawn {
                    let code = dictionary.code(keys.value(row) as usize, builder);
                    builder.put(number, code);
                }
            }
        }
        DataType::Utf8View => {
            let texts = array.as_string_view();
            if let Some(tally) = tally {
                let blind = tally.is_blind();
                for row in (0..texts.len()).filter(|row| texts.is_valid(*row)) {
                    match counted(row) {
                        [0, 0] => {}
                        weights if blind => tally.add_unseen(weights),
                        weights => tally.add_text(texts.value(row), weights),
                    }
                }
            }
            if let Some(builder) = builder {
                let blind = builder.is_blind();
                for (row, number) in drawn {
                    let code = if blind { OTHER } else { builder.code(EventValue::Text(texts.value(row).into())) };
                    builder.put(number, code);
                }
            }
        }
        DataType::Int64 => {
            let integers = array.as_primitive::<Int64Type>();
            if let Some(tally) = tally {
                for row in (0..integers.len()).filter(|row| integers.is_valid(*row)) {
                    let weights = counted(row);
                    if weights != [0; 2] {
                        tally.add_integer(integers.value(row), weights);
                    }
                }
            }
            if let Some(builder) = builder {
                for (row, number) in drawn {
                    let value = integers.value(row);
                    let code = builder.code(EventValue::Integer(value));
                    builder.put(number, code);
                    builder.put_number(number, value as f64);
                }
            }
        }
        DataType::Float64 => {
            let floats = array.as_primitive::<Float64Type>();
            if let Some(tally) = tally {
                for row in (0..floats.len()).filter(|row| floats.is_valid(*row)) {
                    let weights = counted(row);
                    if weights != [0; 2] {
                        tally.add_float(floats.value(row), weights);
                    }
                }
            }
            if let Some(builder) = builder {
                for (row, number) in drawn {
                    let code = builder.code(EventValue::float(floats.value(row)));
                    builder.put(number, code);
                    builder.put_number(number, floats.value(row));
                }
            }
        }
        DataType::Boolean => {
            let booleans = array.as_boolean();
            if let Some(tally) = tally {
                let mut weights = [[0u64; 2]; 2];
                for row in (0..booleans.len()).filter(|row| booleans.is_valid(*row)) {
                    let slot = &mut weights[usize::from(booleans.value(row))];
                    let more = counted(row);
                    *slot = [slot[0] + more[0], slot[1] + more[1]];
                }
                tally.add_boolean(false, weights[0]);
                tally.add_boolean(true, weights[1]);
            }
            if let Some(builder) = builder {
                for (row, number) in drawn {
                    let code = builder.code(EventValue::Boolean(booleans.value(row)));
                    builder.put(number, code);
                }
            }
        }
        other => return Err(QueryError::internal(format!("a column of events is {other}"))),
    }
    Ok(())
}

/// Adds each row's weight to its code and side.
fn count_codes(
    keys: &[i32],
    nulls: Option<&arrow::buffer::NullBuffer>,
    sides: &[u8],
    weights: Option<&[u32]>,
    counts: &mut [u64],
) {
    let slot = |row: usize| 4 * keys[row] as usize + usize::from(sides[row]);
    match (nulls, weights) {
        (None, None) => (0..keys.len()).for_each(|row| counts[slot(row)] += 1),
        (Some(nulls), None) => nulls.valid_indices().for_each(|row| counts[slot(row)] += 1),
        (None, Some(weights)) => (0..keys.len()).for_each(|row| counts[slot(row)] += u64::from(weights[row])),
        (Some(nulls), Some(weights)) => {
            nulls.valid_indices().for_each(|row| counts[slot(row)] += u64::from(weights[row]));
        }
    }
}

/// A value that every row of a part has.
fn take_constant(text: &str, reading: &Reading<'_>, tally: Option<&mut Tally>, builder: Option<&mut FieldBuilder>) {
    if let Some(tally) = tally {
        let mut weights = [0; 3];
        for (row, side) in reading.sides.iter().enumerate() {
            weights[usize::from(*side)] += reading.weights.as_ref().map_or(1, |w| u64::from(w[row]));
        }
        if weights[..2] != [0, 0] {
            tally.add_text(text, [weights[0], weights[1]]);
        }
    }
    if let Some(builder) = builder {
        let code = builder.code(EventValue::Text(text.into()));
        reading.drawn.iter().for_each(|(_, number)| builder.put(*number as usize, code));
    }
}

/// A field's counts by the weights of a table's rows.
pub(crate) fn counts(table: &Table, field: &TableField, baseline: Cell) -> FieldCounts {
    let side = |row: usize| [Cell::Selected, baseline].iter().position(|cell| table.rows[row].cell == *cell);
    let mut counts = FieldCounts::none(Arc::clone(&field.name));
    let mut values = vec![[0.0; 2]; field.values.len()];
    field.each(|row, code| {
        let Some(side) = side(row) else { return };
        counts.present[side] += table.rows[row].weight;
        match values.get_mut(code as usize) {
            Some(weights) => weights[side] += table.rows[row].weight,
            None => counts.untold = Some([0.0; 2]),
        }
    });
    let weighed = field.values.iter().zip(values).filter(|(_, weight)| *weight != [0.0; 2]);
    counts.values = weighed.map(|(value, weight)| ValueCount { value: value.clone(), weight }).collect();
    counts.distinct = [0, 1].map(|side| counts.values.iter().filter(|v| v.weight[side] > 0.0).count() as u64);
    counts.numbers = field.bins.as_ref().map(|bins| {
        let mut weights = vec![[0.0; 2]; bins.count()];
        bins.each(|row, bin| {
            if let Some(side) = side(row) {
                weights[bin as usize][side] += table.rows[row].weight;
            }
        });
        let different = field.values.iter().filter(|v| v.number().is_some()).count();
        NumberCounts {
            edges: Arc::clone(&bins.edges),
            bins: weights,
            least: bins.least,
            greatest: bins.greatest,
            different: if counts.untold.is_some() { usize::MAX } else { different },
        }
    });
    counts
}

/// What a table says of one of its fields; `rows` is how many both sides have in all.
pub(crate) fn shape(table: &Table, field: &TableField, baseline: Cell, rows: u64) -> Shape {
    let sides = [Cell::Selected, baseline];
    let side = |row: usize| sides.iter().position(|cell| table.rows[row].cell == *cell);
    let mut seen = [0.0; 2];
    let mut by_code = vec![[0u32; 2]; field.values.len()];
    field.each(|row, code| {
        if let Some(side) = side(row) {
            seen[side] += 1.0;
            if let Some(counts) = by_code.get_mut(code as usize) {
                counts[side] += 1;
            }
        }
    });
    let different = [0, 1].map(|side| by_code.iter().filter(|counts| counts[side] > 0).count() as f64);
    let variety = [0, 1].map(|side| if seen[side] > 0.0 { different[side] / seen[side] } else { 0.0 });
    let least = if field.is_distribution() { NUMBERS_DIFFER } else { TEXTS_DIFFER };
    let judged = |side: usize| seen[side] < CLOSED_SEEN_MIN || variety[side] >= least;
    let closed =
        rows >= CLOSED_ROWS_MIN && (seen[0] >= CLOSED_SEEN_MIN || seen[1] >= CLOSED_SEEN_MIN) && judged(0) && judged(1);
    let repeated = field.values.iter().zip(&by_code).filter(|(_, counts)| counts[0] + counts[1] > 1);
    let given = repeated.map(|(value, _)| value.clone()).collect();
    Shape { given, edges: field.bins.as_ref().map(|b| Arc::clone(&b.edges)), closed, variety, seen }
}
