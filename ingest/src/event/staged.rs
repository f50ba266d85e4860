//! The event that is being read: its values as sent, and those of them that are its time and its sample rate.
//!
//! Must not know columns' builders, nor fields beyond their number.

use std::ops::Range;

use outcrop_storage::event::{TimestampNs, reserved};

use super::FieldId;
use crate::columns::Cell;
use crate::{json_text, sample_rate, time};

/// Names that say when an event happened, the first present wins; then those that say for how many it stands.
pub(super) const SPECIAL: [&str; 7] =
    [reserved::TIMESTAMP, "@timestamp", "time", "_time", reserved::SAMPLE_RATE, "samplerate", "SampleRate"];
pub(super) const TIMES: Range<usize> = 0..4;
const SAMPLE_RATES: Range<usize> = 4..7;

/// A value as it was sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    /// JSON's null: as if the field had not been sent.
    Absent,
    Boolean(bool),
    Integer(i64),
    /// Never NaN or infinite, never `-0.0`.
    Float(f64),
    /// A float that may be a time, still as text because times have more digits than floats.
    Decimal(&'a str),
    Text(&'a str),
    /// A text that lies in the scratch of the event.
    Scratch(Range<usize>),
}

impl Value<'_> {
    /// A float of any kind: those that are no number become the text of their name.
    pub(crate) fn float(value: f64) -> Value<'static> {
        match json_text::not_finite(value) {
            Some(word) => Value::Text(word),
            // Adding 0.0 makes `-0.0` plain.
            None => Value::Float(value + 0.0),
        }
    }
}

/// When an event happened and for how many it stands; and, where that is not what was sent, what was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) timestamp: TimestampNs,
    pub(crate) invalid_timestamp: Option<String>,
    pub(crate) sample_rate: u32,
    pub(crate) invalid_sample_rate: Option<String>,
}

impl Stamp {
    /// The time of an event that stands for itself.
    pub(crate) fn at(timestamp: TimestampNs) -> Stamp {
        Stamp { timestamp, invalid_timestamp: None, sample_rate: 1, invalid_sample_rate: None }
    }

    /// Takes the time that was sent, or keeps what it was if that is none.
    pub(crate) fn time(&mut self, value: &Value<'_>, scratch: &str) {
        match time_of(value, scratch) {
            Some(time) => self.timestamp = time,
            None => self.invalid_timestamp = Some(text_form(value, scratch)),
        }
    }

    /// Takes the sample rate that was sent, or keeps what it was if that is none. `sent` is the event as sent.
    pub(crate) fn rate(&mut self, value: &Value<'_>, scratch: &str, sent: &[u8]) {
        match rate_of(value, scratch, sent) {
            Some(rate) => self.sample_rate = rate,
            None => self.invalid_sample_rate = Some(text_form(value, scratch)),
        }
    }
}

fn time_of(value: &Value<'_>, scratch: &str) -> Option<TimestampNs> {
    match value {
        Value::Absent | Value::Boolean(_) => None,
        Value::Integer(value) => time::from_integer(*value),
        Value::Float(value) => time::from_float(*value),
        Value::Decimal(text) => time::from_decimal(text),
        Value::Text(text) => time::from_text(text),
        Value::Scratch(range) => time::from_text(&scratch[range.clone()]),
    }
}

fn rate_of(value: &Value<'_>, scratch: &str, sent: &[u8]) -> Option<u32> {
    match value {
        Value::Absent | Value::Boolean(_) => None,
        Value::Integer(value) => sample_rate::from_integer(*value),
        Value::Float(value) => sample_rate::from_float(*value, sent),
        Value::Decimal(text) | Value::Text(text) => sample_rate::from_text(text, sent),
        Value::Scratch(range) => sample_rate::from_text(&scratch[range.clone()], sent),
    }
}

/// The event that is being read.
#[derive(Debug, Default)]
pub(super) struct Staged<'a> {
    pub(super) number: u64,
    pub(super) entries: Vec<(FieldId, Value<'a>)>,
    /// Entries of [`SPECIAL`] names.
    pub(super) special: [Option<usize>; SPECIAL.len()],
    pub(super) scratch: String,
    /// Entries that were given a value.
    pub(super) present: usize,
    pub(super) repeated_keys: u64,
    /// What begins several events, the outermost first.
    levels: Vec<Level<'a>>,
}

/// Entries that were staged to begin several events.
#[derive(Debug)]
struct Level<'a> {
    number: u64,
    entries: usize,
    scratch: usize,
    present: usize,
    /// Entries of this level or one further out that were replaced since, the first last to be put back.
    replaced: Vec<(usize, Value<'a>)>,
}

impl<'a> Staged<'a> {
    /// Forgets the event before, and what was kept.
    pub(super) fn begin(&mut self) {
        self.levels.clear();
        self.number += 1;
        self.entries.clear();
        self.special = [None; SPECIAL.len()];
        self.scratch.clear();
        self.present = 0;
        self.repeated_keys = 0;
    }

    pub(super) fn keep(&mut self) {
        let (entries, scratch, present) = (self.entries.len(), self.scratch.len(), self.present);
        self.levels.push(Level { number: self.number, entries, scratch, present, replaced: Vec::new() });
        self.number += 1;
        self.repeated_keys = 0;
    }

    pub(super) fn begin_again(&mut self) {
        self.number += 1;
        self.repeated_keys = 0;
        let Some(level) = self.levels.last_mut() else {
            return self.begin();
        };
        self.entries.truncate(level.entries);
        while let Some((entry, value)) = level.replaced.pop() {
            self.entries[entry].1 = value;
        }
        self.scratch.truncate(level.scratch);
        self.present = level.present;
    }

    pub(super) fn forget_level(&mut self) {
        self.begin_again();
        self.levels.pop();
        self.begin_again();
    }

    /// Whether a field that was last named in this event is a field of the one being read.
    #[inline]
    pub(super) fn is_here(&self, number: u64) -> bool {
        number == self.number || self.levels.iter().any(|level| level.number == number)
    }

    /// Puts a value in the place of another of the same event, which is returned. What was kept is no repeated key.
    pub(super) fn replace(&mut self, entry: usize, value: Value<'a>) -> Value<'a> {
        let before = std::mem::replace(&mut self.entries[entry].1, value);
        match self.levels.last_mut() {
            Some(level) if entry < level.entries => level.replaced.push((entry, before.clone())),
            _ => self.repeated_keys += 1,
        }
        before
    }

    /// Takes time and sample rate out of the event's fields.
    pub(super) fn take_stamp(&mut self, received: TimestampNs, sent: &[u8]) -> Stamp {
        let mut stamp = Stamp::at(received);
        if let Some(value) = self.take_first(TIMES) {
            stamp.time(&value, &self.scratch);
        }
        if let Some(value) = self.take_first(SAMPLE_RATES) {
            // The other spellings mean the same field, so they are repetitions of it.
            while self.take_first(SAMPLE_RATES).is_some() {
                self.repeated_keys += 1;
            }
            stamp.rate(&value, &self.scratch, sent);
        }
        stamp
    }

    /// Takes the first of these special names that has a value out of the event.
    fn take_first(&mut self, which: Range<usize>) -> Option<Value<'a>> {
        self.special[which].iter().flatten().find_map(|entry| {
            let value = std::mem::replace(&mut self.entries[*entry].1, Value::Absent);
            (value != Value::Absent).then_some(value)
        })
    }
}

/// What goes into a column for a value, if anything does.
#[inline]
pub(super) fn cell<'s>(value: &'s Value<'_>, scratch: &'s str) -> Option<Cell<'s>> {
    Some(match value {
        Value::Absent => return None,
        Value::Boolean(value) => Cell::Boolean(*value),
        Value::Integer(value) => Cell::Integer(*value),
        Value::Float(value) => Cell::Float(*value),
        // Adding 0.0 makes `-0.0` plain.
        Value::Decimal(text) => Cell::Float(text.parse::<f64>().unwrap_or_default() + 0.0),
        Value::Text(text) => Cell::Text(text),
        Value::Scratch(range) => Cell::Text(&scratch[range.clone()]),
    })
}

/// A value as text: numbers in digits, integral floats without `.0`.
fn text_form(value: &Value<'_>, scratch: &str) -> String {
    match value {
        Value::Decimal(text) => (*text).to_owned(),
        value => match cell(value, scratch) {
            None => String::new(),
            Some(Cell::Boolean(value)) => value.to_string(),
            Some(Cell::Integer(value)) => value.to_string(),
            Some(Cell::Float(value)) => {
                let mut buffer = ryu::Buffer::new();
                let text = buffer.format(value);
                text.strip_suffix(".0").unwrap_or(text).to_owned()
            }
            Some(Cell::Text(text)) => text.to_owned(),
        },
    }
}
