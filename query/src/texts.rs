//! The texts of one field by number: one text has one number in all of a question, whatever file it comes from.
//!
//! Groups are found by numbers and get their names at the end: most columns that people group by have a few hundred
//! texts, and come from files as codes of dictionaries, so that no text is looked at twice. It must not know who groups.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, StringViewArray, UInt16Array, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::Int32Type;
use datafusion::common::{DataFusionError, HashMap, Result};
use outcrop_storage::event::FieldName;

use crate::limits;

/// The number of a text. 0 is no value.
pub(crate) type Number = u16;

/// See the module. A question has one for each field.
pub(crate) struct Texts {
    field: FieldName,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    numbers: HashMap<Arc<str>, Number>,
    /// By number, from 1.
    texts: Vec<Arc<str>>,
    bytes: usize,
    too_many: bool,
    /// By number, no value first, as of when there were so many.
    names: Option<StringViewArray>,
}

/// The numbers of the dictionary that was met last: batches of one row group share it.
#[derive(Default)]
pub(crate) struct LastDictionary {
    values: Option<ArrayRef>,
    numbers: Vec<Number>,
}

impl Texts {
    pub(crate) fn new(field: FieldName) -> Texts {
        Texts { field, known: Mutex::default() }
    }

    pub(crate) fn field(&self) -> &FieldName {
        &self.field
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether numbers did not suffice: whoever asked must ask again by the texts themselves.
    pub(crate) fn are_too_many(&self) -> bool {
        self.known().too_many
    }

    /// The number of each row of texts or of codes of a dictionary.
    pub(crate) fn numbers(&self, array: &ArrayRef, last: &mut LastDictionary) -> Result<ArrayRef> {
        match array.as_dictionary_opt::<Int32Type>() {
            Some(codes) => self.of_codes(codes, last),
            None => self.of_texts(array.as_string_view()),
        }
    }

    fn of_codes(&self, codes: &DictionaryArray<Int32Type>, last: &mut LastDictionary) -> Result<ArrayRef> {
        if !last.values.as_ref().is_some_and(|known| crate::scan::coded::is_same(known, codes.values())) {
            let mut known = self.known();
            let texts = codes.values().as_string::<i32>().iter();
            last.numbers = texts.map(|text| known.number(text)).collect::<Result<_>>()?;
            last.values = Some(Arc::clone(codes.values()));
        }
        let number = |code: i32| last.numbers.get(code as usize).copied().unwrap_or(0);
        let keys = codes.keys();
        Ok(Arc::new(match keys.nulls() {
            None => UInt16Array::from_iter_values(keys.values().iter().map(|code| number(*code))),
            Some(nulls) => {
                let rows = keys.values().iter().zip(nulls);
                UInt16Array::from_iter_values(rows.map(|(code, valid)| if valid { number(*code) } else { 0 }))
            }
        }))
    }

    fn of_texts(&self, texts: &StringViewArray) -> Result<ArrayRef> {
        let mut known = self.known();
        let mut before: Option<(Option<&str>, Number)> = None;
        let mut numbers = Vec::with_capacity(texts.len());
        for text in texts {
            let number = match before {
                Some((same, number)) if same == text => number,
                _ => known.number(text)?,
            };
            before = Some((text, number));
            numbers.push(number);
        }
        Ok(Arc::new(UInt16Array::from(numbers)))
    }

    /// The texts of numbers that [`Texts::numbers`] has given.
    pub(crate) fn names(&self, numbers: &UInt32Array) -> Result<ArrayRef> {
        let names = self.known().names();
        Ok(take(&names, numbers, None)?)
    }
}

impl Known {
    fn number(&mut self, text: Option<&str>) -> Result<Number> {
        let Some(text) = text else { return Ok(0) };
        if let Some(number) = self.numbers.get(text) {
            return Ok(*number);
        }
        let number = Number::try_from(self.texts.len() + 1).ok();
        self.bytes += text.len();
        let Some(number) = number.filter(|_| self.bytes <= limits::NUMBERED_TEXTS_BYTES_MAX) else {
            self.too_many = true;
            return Err(DataFusionError::ResourcesExhausted("too many texts to number".into()));
        };
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        Ok(number)
    }

    fn names(&mut self) -> StringViewArray {
        if self.names.as_ref().is_none_or(|names| names.len() <= self.texts.len()) {
            let texts = self.texts.iter().map(|text| Some(text.as_ref()));
            self.names = Some(std::iter::once(None).chain(texts).collect());
        }
        self.names.clone().unwrap_or_else(|| StringViewArray::new_null(0))
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Texts").field(&self.field).finish()
    }
}
