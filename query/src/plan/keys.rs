//! A breakdown as columns: one per type that the field has, because `1`, `"1"` and `true` are three groups.
//!
//! In a row at most one of them has a value; none is the group of absent values. Integers and floats of one number are
//! one group: where a field has both, integral floats move to the integer column.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::{Expr, cast, lit, try_cast, when};
use outcrop_storage::event::FieldType;

use super::col;
use crate::filter;
use crate::functions::is_not_true;
use crate::scope::{FieldRef, ScanColumn};
use crate::spec::INTEGERS_END;
use crate::texts::Texts;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyPart {
    Boolean,
    Integer,
    Float,
    Text,
    Time,
    /// The field has no value anywhere: one group, which is the group of absent values.
    Absent,
}

impl KeyPart {
    pub(crate) fn type_label(self) -> &'static str {
        match self {
            KeyPart::Boolean => "boolean",
            KeyPart::Integer => "integer",
            KeyPart::Float => "float",
            KeyPart::Text => "string",
            KeyPart::Time => "time",
            KeyPart::Absent => "null",
        }
    }
}

/// The columns of one breakdown, in the order of types.
#[derive(Clone, Debug)]
pub(crate) struct KeyParts {
    at: usize,
    pub(crate) parts: Vec<(KeyPart, Expr)>,
    /// Where its texts are those of a column.
    texts: Option<Arc<Texts>>,
}

impl KeyParts {
    pub(crate) fn new(at: usize, field: &FieldRef) -> KeyParts {
        let parts = match field {
            FieldRef::System(column) => {
                let part = match column {
                    ScanColumn::Timestamp | ScanColumn::Received => KeyPart::Time,
                    ScanColumn::Dataset => KeyPart::Text,
                    _ => KeyPart::Integer,
                };
                vec![(part, filter::column(column))]
            }
            FieldRef::Field(..) | FieldRef::Overflowing(..) | FieldRef::Calculated(_) => field_parts(field),
        };
        let texts = match field {
            FieldRef::Field(name, types) if types.contains(&FieldType::String) => {
                Some(Arc::new(Texts::new(name.clone())))
            }
            _ => None,
        };
        KeyParts { at, parts, texts }
    }

    fn name(&self, part: KeyPart) -> String {
        format!("key{}:{}", self.at, part.type_label())
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = String> + '_ {
        self.parts.iter().map(|(part, _)| self.name(*part))
    }

    /// The texts that may stand in plans by number.
    pub(crate) fn texts(&self) -> Option<&Arc<Texts>> {
        self.texts.as_ref()
    }

    /// As [`KeyParts::aliased`], without the texts that may stand by number.
    pub(crate) fn aliased_but_texts(&self) -> impl Iterator<Item = Expr> + '_ {
        let others = self.parts.iter().filter(|(part, _)| self.texts.is_none() || *part != KeyPart::Text);
        others.map(|(part, expression)| expression.clone().alias(self.name(*part)))
    }

    /// Every part as it is after grouping; texts that stand by number are `unpacked`.
    pub(crate) fn named(&self, unpacked: Option<Expr>) -> impl Iterator<Item = Expr> + '_ {
        self.parts.iter().map(move |(part, _)| match (part, &unpacked) {
            (KeyPart::Text, Some(unpacked)) => unpacked.clone().alias(self.name(*part)),
            _ => col(&self.name(*part)),
        })
    }

    pub(crate) fn aliased(&self) -> impl Iterator<Item = Expr> + '_ {
        self.parts.iter().map(|(part, expression)| expression.clone().alias(self.name(*part)))
    }

    /// Boolean < number < text, absent last; descending turns the values around and leaves absent last.
    pub(crate) fn sorts(&self, descending: bool) -> Vec<Sort> {
        let has = |part| self.parts.iter().any(|(p, _)| *p == part);
        let both = has(KeyPart::Integer) && has(KeyPart::Float);
        // By kind: where numbers have two columns they are one order, in which the integers tell those apart that are one
        // float.
        let mut kinds: Vec<Vec<Expr>> = Vec::new();
        for (part, _) in &self.parts {
            let name = col(&self.name(*part));
            match part {
                KeyPart::Integer if both => {
                    let float = col(&self.name(KeyPart::Float));
                    let number = datafusion::prelude::coalesce(vec![cast(name.clone(), DataType::Float64), float]);
                    kinds.push(vec![number, name]);
                }
                KeyPart::Float if both => {}
                _ => kinds.push(vec![name]),
            }
        }
        if descending {
            kinds.reverse();
        }
        kinds.into_iter().flatten().map(|key| key.sort(!descending, false)).collect()
    }
}

fn field_parts(field: &FieldRef) -> Vec<(KeyPart, Expr)> {
    let column = |t| field.column(t).map(|c| filter::column(&c));
    let mut parts = Vec::new();
    if let Some(boolean) = column(FieldType::Boolean) {
        parts.push((KeyPart::Boolean, boolean));
    }
    match (column(FieldType::Integer), column(FieldType::Float)) {
        (Some(integer), Some(float)) => {
            let integral = float
                .clone()
                .eq(datafusion::prelude::trunc(vec![float.clone()]))
                .and(float.clone().gt_eq(lit(-INTEGERS_END)))
                .and(float.clone().lt(lit(INTEGERS_END)));
            let moved = when(integral.clone(), try_cast(float.clone(), DataType::Int64)).end();
            let kept = when(is_not_true(integral), float.clone()).end();
            parts.push((
                KeyPart::Integer,
                datafusion::prelude::coalesce(vec![integer, moved.unwrap_or_else(|_| float.clone())]),
            ));
            parts.push((KeyPart::Float, kept.unwrap_or(float)));
        }
        (Some(integer), None) => parts.push((KeyPart::Integer, integer)),
        (None, Some(float)) => parts.push((KeyPart::Float, float)),
        (None, None) => {}
    }
    if let Some(text) = column(FieldType::String) {
        parts.push((KeyPart::Text, text));
    }
    if parts.is_empty() {
        // Always false, which the optimizer cannot know: without a column to group by, no events would make a group.
        parts.push((KeyPart::Absent, filter::column(&ScanColumn::Timestamp).lt(lit(0i64))));
    }
    parts
}
