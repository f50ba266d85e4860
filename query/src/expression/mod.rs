//! Expressions over fields: the language of calculated fields and formulas.
//!
//! [`parse`] reads text into syntax with positions, [`check`] finds functions and compiles patterns, [`value`] is what a
//! value is and how two of them compare, [`evaluate`] calculates one value out of a row. [`calculated`] brings batches of
//! columns in and out, [`formula`] the values of calculations, [`lookup`] what was found of other events. An error says at which character of the text it is.
//!
//! It must not know segments or plans. `docs/calculated-fields.md` tells people what each function means.

mod calculated;
mod check;
mod evaluate;
mod formula;
mod functions;
mod lookup;
mod parse;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use value::Value;

pub(crate) use calculated::{Calculated, InputColumns, deliver, types_of};
pub(crate) use check::{CalculatedFields, Expression, formulas};
pub(crate) use formula::formula;
pub(crate) use lookup::{Key, Moment, Table};
