//! Values of other events, found by keys: what expressions over the spans of a trace read. Knows no traces.

use std::collections::HashMap;

use datafusion::execution::memory_pool::MemoryReservation;
use xxhash_rust::xxh3::xxh3_128;

use super::functions::Types;
use super::value::Value;
use crate::error::QueryError;

/// A key of some texts. Two keys are taken for one once in 2^128 pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key(u128);

impl Key {
    pub(crate) fn new(texts: &[&str]) -> Key {
        match texts {
            [only] => Key(xxh3_128(only.as_bytes())),
            many => {
                let parts =
                    many.iter().flat_map(|text| (text.len() as u64).to_le_bytes().into_iter().chain(text.bytes()));
                Key(xxh3_128(&parts.collect::<Vec<u8>>()))
            }
        }
    }
}

/// When an event was, and its sequence: the order of events.
pub(crate) type Moment = (i64, i64);

/// The values of some fields by key, each of the first event that had the key.
#[derive(Debug)]
pub(crate) struct Table {
    rows: HashMap<Key, (Moment, Box<[Value<'static>]>)>,
    /// The types that each of the fields may have.
    types: Vec<Types>,
    /// What the rows hold, for as long as they do.
    memory: MemoryReservation,
}

/// Bytes of a row beside its values.
const ROW_BYTES: usize = 64;

impl Table {
    pub(crate) fn new(types: Vec<Types>, memory: MemoryReservation) -> Table {
        Table { rows: HashMap::new(), types, memory }
    }

    /// Takes the values of an event, unless an earlier one had the key.
    pub(crate) fn offer(
        &mut self,
        key: Key,
        moment: Moment,
        values: impl FnOnce() -> Vec<Value<'static>>,
    ) -> Result<(), QueryError> {
        let bytes = |values: &[Value<'_>]| {
            let text = |value: &Value<'_>| if let Value::Text(text) = value { text.len() } else { 0 };
            size_of_val(values) + values.iter().map(text).sum::<usize>()
        };
        if let Some(known) = self.rows.get_mut(&key) {
            if moment < known.0 {
                let values = values();
                self.memory.try_grow(bytes(&values))?;
                *known = (moment, values.into());
            }
            return Ok(());
        }
        let values = values();
        self.memory.try_grow(ROW_BYTES + bytes(&values))?;
        self.rows.insert(key, (moment, values.into()));
        Ok(())
    }

    pub(crate) fn has(&self, key: Key) -> bool {
        self.rows.contains_key(&key)
    }

    pub(super) fn value(&self, key: Key, field: usize) -> Value<'_> {
        match self.rows.get(&key).map(|(_, values)| &values[field]) {
            Some(Value::Text(text)) => Value::Text(text.as_ref().into()),
            Some(value) => value.clone(),
            None => Value::Absent,
        }
    }

    pub(super) fn types(&self, field: usize) -> Types {
        self.types[field]
    }
}
