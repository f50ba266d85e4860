//! One event at a time: holds its values until it is whole, then applies the rules that all protocols share.
//!
//! An event is first staged and only then put into columns. So one that turns out wrong leaves no trace, the last of
//! several values for a field wins whatever their types, and time and sample rate are chosen when all is known. Must not
//! know any protocol's syntax.

#[cfg(test)]
mod tests;

mod path;
mod staged;

use hashbrown::HashMap;
use outcrop_storage::event::{DatasetName, EventBatch, FieldName, InvalidName, TimestampNs, reserved};

use crate::Context;
use crate::columns::{Cell, Columns};
use crate::error::DecodeError;
use crate::limits::{BATCH_CELLS_FREE, Bounds, EVENT_BYTES_CEILING, Limits};
use crate::steps::Steps;

pub(crate) use self::path::Path;
use self::staged::{SPECIAL, Staged, TIMES, cell};
pub(crate) use self::staged::{Stamp, Value};

/// No column, no entry.
const NONE: u32 = u32::MAX;

/// A field as [`Rows`] knows it, until [`Rows::forget_names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FieldId(u32);

/// What a field means whose name says when an event happened or for how many it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpecialNames {
    /// Just that: it is consumed.
    Consumed,
    /// What any other field means: the protocol says time and sample rate elsewhere.
    Kept,
}

/// An event has more fields than the settings allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyFields;

/// Turns events into batches, of one dataset at a time.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    dataset: DatasetName,
    received: TimestampNs,
    limits: &'a Limits,
    bounds: Bounds,
    special: SpecialNames,
    /// By the sender's name, which is not the field's if it is reserved.
    names: HashMap<FieldName, FieldId>,
    /// Fields that only we write.
    own: Vec<(&'static str, FieldId)>,
    fields: Vec<Field>,
    staged: Staged<'a>,
    /// Names of cut fields; here only for its allocation.
    truncated: String,
    columns: Columns,
    closed: Vec<(DatasetName, EventBatch)>,
    closed_width: usize,
    /// Columns × rows of the closed batches.
    closed_cells: usize,
    closed_text_bytes: usize,
    closed_bytes: usize,
    /// For columns.
    memory: Steps<'a>,
    accepted: usize,
    repeated_keys: u64,
}

#[derive(Debug)]
struct Field {
    name: FieldName,
    /// Index into [`SPECIAL`].
    special: Option<usize>,
    /// Number of the last event that named the field, and its entry there.
    event: u64,
    entry: u32,
    /// Its column of each type in the batch that is being made.
    columns: [u32; 4],
}

/// What [`Rows::finish`] hands over.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) batches: Vec<(DatasetName, EventBatch)>,
    pub(crate) accepted: usize,
    pub(crate) repeated_keys: u64,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(context: &Context<'a>, bounds: Bounds, special: SpecialNames) -> Rows<'a> {
        Rows {
            dataset: context.dataset.clone(),
            received: context.received,
            limits: context.limits,
            bounds,
            special,
            names: HashMap::new(),
            own: Vec::new(),
            fields: Vec::new(),
            staged: Staged::default(),
            truncated: String::new(),
            columns: Columns::default(),
            closed: Vec::new(),
            closed_width: 0,
            closed_cells: 0,
            closed_text_bytes: 0,
            closed_bytes: 0,
            memory: Steps::new(context.memory),
            accepted: 0,
            repeated_keys: 0,
        }
    }

    /// Starts an event, dropping what was staged of the one before.
    pub(crate) fn begin(&mut self) {
        self.staged.begin();
    }

    /// Room for texts of the event that do not lie in the body as they are; emptied by [`Rows::begin`].
    #[inline]
    pub(crate) fn scratch(&mut self) -> &mut String {
        &mut self.staged.scratch
    }

    /// The field that a sender's flattened name means; a reserved one becomes `meta.sent.<name>`.
    #[inline]
    pub(crate) fn field(&mut self, name: &str) -> Result<FieldId, InvalidName> {
        match self.names.get(name) {
            Some(field) => Ok(*field),
            None => self.new_field(name),
        }
    }

    #[cold]
    fn new_field(&mut self, name: &str) -> Result<FieldId, InvalidName> {
        let special = match self.special {
            SpecialNames::Consumed => SPECIAL.iter().position(|special| *special == name),
            SpecialNames::Kept => None,
        };
        let sent = FieldName::new(name)?;
        let field = if special.is_none() && reserved::is_reserved(name) {
            self.field(&format!("{}{name}", reserved::SENT_PREFIX))?
        } else {
            self.known(sent.clone(), special)
        };
        self.names.insert(sent, field);
        Ok(field)
    }

    /// A field that only we write, whatever senders name theirs.
    pub(crate) fn own_field(&mut self, name: &'static str) -> FieldId {
        if let Some((_, field)) = self.own.iter().find(|(own, _)| *own == name) {
            return *field;
        }
        let field = self.known(FieldName::trusted(name), None);
        self.own.push((name, field));
        field
    }

    fn known(&mut self, name: FieldName, special: Option<usize>) -> FieldId {
        self.fields.push(Field { name, special, event: 0, entry: NONE, columns: [NONE; 4] });
        FieldId(self.fields.len() as u32 - 1)
    }

    /// Whether a field may be the event's time, so that its digits matter.
    #[inline]
    pub(crate) fn may_be_time(&self, field: FieldId) -> bool {
        self.fields[field.0 as usize].special.is_some_and(|special| TIMES.contains(&special))
    }

    /// Stages a value. A later one for the same field takes its place, `Absent` too.
    #[inline]
    pub(crate) fn add(&mut self, field: FieldId, value: Value<'a>) -> Result<(), TooManyFields> {
        let staged = &mut self.staged;
        let known = &mut self.fields[field.0 as usize];
        let absent = matches!(value, Value::Absent);
        let was_absent = if staged.is_here(known.event) {
            matches!(staged.replace(known.entry as usize, value), Value::Absent)
        } else {
            known.event = staged.number;
            known.entry = staged.entries.len() as u32;
            if let Some(special) = known.special {
                staged.special[special] = Some(staged.entries.len());
            }
            staged.entries.push((field, value));
            true
        };
        staged.present += usize::from(was_absent && !absent);
        if staged.present > self.limits.event_fields_max { Err(TooManyFields) } else { Ok(()) }
    }

    /// Stages a value unless the event names the field already.
    #[inline]
    pub(crate) fn add_default(&mut self, field: FieldId, value: Value<'a>) -> Result<(), TooManyFields> {
        if self.staged.is_here(self.fields[field.0 as usize].event) { Ok(()) } else { self.add(field, value) }
    }

    /// What is staged now begins every event that [`Rows::begin_again`] starts, until [`Rows::forget_level`]. Levels lie on
    /// each other.
    pub(crate) fn keep_level(&mut self) {
        self.staged.keep();
    }

    /// Starts another event with what was kept. Values for the same fields take its place, in this event only.
    pub(crate) fn begin_again(&mut self) {
        self.staged.begin_again();
    }

    /// Forgets the last level that was kept, and starts with those before it.
    pub(crate) fn forget_level(&mut self) {
        self.staged.forget_level();
    }

    /// Puts the staged event into columns, time and sample rate taken out of its fields. `sent` is the event as sent: its
    /// bytes settle how a fraction is rounded.
    pub(crate) fn commit(&mut self, sent: &[u8]) -> Result<(), DecodeError> {
        let stamp = self.staged.take_stamp(self.received, sent);
        self.commit_stamped(stamp, sent.len())
    }

    /// Puts the staged event, which has `bytes` as sent, into columns.
    pub(crate) fn commit_stamped(&mut self, stamp: Stamp, bytes: usize) -> Result<(), DecodeError> {
        let staged = std::mem::take(&mut self.staged);
        let invalid = usize::from(stamp.invalid_timestamp.is_some()) + usize::from(stamp.invalid_sample_rate.is_some());
        self.make_room(&staged, invalid, bytes)?;
        self.truncated.clear();
        for (field, value) in &staged.entries {
            if let Some(cell) = cell(value, &staged.scratch) {
                self.put(*field, cell);
            }
        }
        if let Some(original) = stamp.invalid_timestamp {
            self.put_own(reserved::INVALID_TIMESTAMP, &original);
        }
        if let Some(original) = stamp.invalid_sample_rate {
            self.put_own(reserved::INVALID_SAMPLE_RATE, &original);
        }
        if !self.truncated.is_empty() {
            let names = std::mem::take(&mut self.truncated);
            self.put_own(reserved::TRUNCATED, &names);
            self.truncated = names;
        }
        self.columns.end_row(stamp.timestamp, stamp.sample_rate);
        self.accepted += 1;
        self.repeated_keys += staged.repeated_keys;
        self.staged = staged;
        let text_bytes = self.closed_text_bytes + self.columns.text_bytes();
        if text_bytes / self.bounds.body_text_growth_max > self.limits.body_bytes_max {
            return Err(DecodeError::too_large(
                "what the events of the body have in common would be repeated too often; send them in several smaller bodies",
            ));
        }
        self.memory.hold(self.closed_bytes + self.columns.memory_bytes_max())
    }

    /// Closes the batch if it would become too large with the staged event, which brings `invalid` fields of ours and has
    /// `bytes` as sent.
    fn make_room(&mut self, staged: &Staged<'_>, invalid: usize, bytes: usize) -> Result<(), DecodeError> {
        let rows = self.columns.rows();
        if rows == 0 {
            return Ok(());
        }
        // A short event has no long strings.
        let own = invalid + usize::from(bytes > self.limits.string_bytes_max);
        let values = self.columns.values() + staged.entries.len() + own;
        let cells_max = (values.saturating_mul(self.bounds.batch_cells_per_value_max) + BATCH_CELLS_FREE)
            .min(self.bounds.batch_cells_max);
        let fits = |new: usize| {
            let width = self.columns.width() + new + own;
            width <= self.bounds.batch_columns_max
                && width.saturating_mul(rows + 1) <= cells_max
                && self.columns.text_bytes() + bytes <= self.bounds.batch_text_bytes_max
        };
        // Only where the cheap upper bound does not fit are the columns counted that would really be new.
        if fits(staged.entries.len()) {
            return Ok(());
        }
        let is_new = |(field, value): &&(FieldId, Value<'_>)| {
            cell(value, &staged.scratch)
                .is_some_and(|cell| self.fields[field.0 as usize].columns[cell.field_type() as usize] == NONE)
        };
        let new = staged.entries.iter().filter(is_new).count();
        if fits(new) { Ok(()) } else { self.close() }
    }

    fn close(&mut self) -> Result<(), DecodeError> {
        if self.columns.rows() == 0 {
            return Ok(());
        }
        self.closed_width += self.columns.width();
        self.closed_cells += self.columns.width() * self.columns.rows();
        self.closed_text_bytes += self.columns.text_bytes();
        if self.closed_width > self.bounds.body_columns_max || self.closed_cells > self.bounds.body_cells_max {
            return Err(DecodeError::too_large(
                "the body has too many different field names; send values as values instead of as names, or send the \
                 events in several smaller bodies",
            ));
        }
        let batch = self.columns.finish()?;
        self.closed_bytes += batch.memory_bytes();
        self.closed.push((self.dataset.clone(), batch));
        for field in &mut self.fields {
            field.columns = [NONE; 4];
        }
        Ok(())
    }

    #[inline]
    fn put(&mut self, id: FieldId, cell: Cell<'_>) {
        let field = &mut self.fields[id.0 as usize];
        let cell = match cell {
            Cell::Text(text) if text.len() > self.limits.string_bytes_max => {
                if !self.truncated.is_empty() {
                    self.truncated.push(',');
                }
                self.truncated.push_str(field.name.as_str());
                Cell::Text(cut(text, self.limits.string_bytes_max))
            }
            other => other,
        };
        let column = &mut field.columns[cell.field_type() as usize];
        if *column == NONE {
            *column = self.columns.open(field.name.clone(), cell.field_type()) as u32;
        }
        self.columns.put(*column as usize, cell);
    }

    fn put_own(&mut self, name: &'static str, text: &str) {
        let field = self.own_field(name);
        self.put(field, Cell::Text(text));
    }

    /// Whether so many names are known that they should be forgotten.
    pub(crate) fn is_crowded(&self) -> bool {
        self.fields.len() > self.bounds.names_max
    }

    /// Forgets every [`FieldId`]; the columns so far become a batch. Between events only.
    pub(crate) fn forget_names(&mut self) -> Result<(), DecodeError> {
        self.close()?;
        self.begin();
        self.names.clear();
        self.own.clear();
        self.fields.clear();
        Ok(())
    }

    /// Further events are of this dataset. Forgets every [`FieldId`].
    pub(crate) fn turn_to(&mut self, dataset: DatasetName) -> Result<(), DecodeError> {
        self.forget_names()?;
        self.dataset = dataset;
        Ok(())
    }

    pub(crate) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    pub(crate) fn received(&self) -> TimestampNs {
        self.received
    }

    #[inline]
    pub(crate) fn limits(&self) -> &'a Limits {
        self.limits
    }

    /// Bytes that an event may have as sent.
    pub(crate) fn event_bytes_max(&self) -> usize {
        self.limits.event_bytes_max.min(EVENT_BYTES_CEILING)
    }

    pub(crate) fn finish(mut self) -> Result<Finished, DecodeError> {
        self.close()?;
        Ok(Finished { batches: self.closed, accepted: self.accepted, repeated_keys: self.repeated_keys })
    }
}

/// The longest start of `text` that has at most `bytes_max` bytes and ends between two characters.
fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
