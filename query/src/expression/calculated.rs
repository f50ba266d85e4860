//! A calculated field over batches: the columns of the fields that it names in, its own columns out, one per type.
//!
//! A row has a value in at most one of them, as in the columns of a sender's field, so that whoever filters, groups and
//! calculates need not know that nobody sent it. Must not know where columns come from.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder, Float64Array, Float64Builder, Int64Array, Int64Builder,
    StringViewArray, StringViewBuilder,
};
use arrow::datatypes::{Float64Type, Int64Type};
use outcrop_storage::event::FieldType;

use super::check::Expression;
use super::evaluate::Row;
use super::functions::{self, Types};
use super::value::Value;
use crate::scope::{FieldRef, ScanColumn};

/// A calculated field of a question, resolved. In one question its name tells it from others.
#[derive(Debug)]
pub(crate) struct Calculated {
    name: String,
    expression: Arc<Expression>,
    /// What each input of the expression is read from.
    inputs: Vec<FieldRef>,
    columns: Vec<ScanColumn>,
    types: Vec<FieldType>,
    /// The type that it has in an event without any of the fields.
    type_without: Option<FieldType>,
}

impl Calculated {
    /// `inputs` are those of the expression.
    pub(crate) fn new(name: &str, expression: &Arc<Expression>, inputs: Vec<FieldRef>) -> Calculated {
        let of_inputs: Vec<Types> = inputs.iter().map(types_of).collect();
        let has = expression.node.types(&of_inputs);
        let mut columns: Vec<ScanColumn> = inputs.iter().flat_map(FieldRef::columns).collect();
        columns.sort();
        columns.dedup();
        let type_without = type_of(&expression.evaluate(&Nothing));
        Calculated {
            name: name.to_owned(),
            expression: Arc::clone(expression),
            inputs,
            columns,
            types: FieldType::ALL.into_iter().filter(|t| has[*t as usize]).collect(),
            type_without,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The columns that it is calculated from.
    pub(crate) fn columns(&self) -> &[ScanColumn] {
        &self.columns
    }

    /// The types that it may have, in the order of [`FieldType::ALL`].
    pub(crate) fn types(&self) -> &[FieldType] {
        &self.types
    }

    /// Whether an event without any of the fields may have a value of this type.
    pub(crate) fn has_without(&self, field_type: FieldType) -> bool {
        self.type_without == Some(field_type)
    }

    /// One of its columns. `column` gives those that it is calculated from.
    pub(crate) fn column<E>(
        &self,
        field_type: FieldType,
        rows: usize,
        column: impl Fn(&ScanColumn) -> Result<ArrayRef, E>,
    ) -> Result<ArrayRef, E> {
        let wanted = std::array::from_fn(|at| at == field_type as usize);
        let [boolean, integer, float, text] = self.evaluate(wanted, rows, column)?;
        let found = [boolean, integer, float, text].into_iter().flatten().next();
        Ok(found.unwrap_or_else(|| Arc::new(BooleanArray::new_null(rows))))
    }

    /// Its columns of the wanted types.
    fn evaluate<E>(
        &self,
        wanted: Types,
        rows: usize,
        column: impl Fn(&ScanColumn) -> Result<ArrayRef, E>,
    ) -> Result<[Option<ArrayRef>; 4], E> {
        let arrays = self.columns.iter().map(&column).collect::<Result<Vec<ArrayRef>, E>>()?;
        let find = |column: &ScanColumn| self.columns.iter().position(|c| c == column).map(|at| &arrays[at]);
        let inputs: Vec<InputColumns<'_>> = self.inputs.iter().map(|input| InputColumns::new(input, find)).collect();
        let mut built = Builders::new(wanted, rows);
        for row in 0..rows {
            built.push(&self.expression.evaluate(&BatchRow { inputs: &inputs, row }));
        }
        Ok(built.finish())
    }
}

impl PartialEq for Calculated {
    fn eq(&self, other: &Calculated) -> bool {
        self.name == other.name
    }
}

impl Eq for Calculated {}

impl Hash for Calculated {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl PartialOrd for Calculated {
    fn partial_cmp(&self, other: &Calculated) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Calculated {
    fn cmp(&self, other: &Calculated) -> Ordering {
        self.name.cmp(&other.name)
    }
}

/// Columns of a batch, each calculated field evaluated once for all of its types. `column` gives any other.
pub(crate) fn deliver<E>(
    columns: &[ScanColumn],
    rows: usize,
    column: impl Fn(&ScanColumn) -> Result<ArrayRef, E>,
) -> Result<Vec<ArrayRef>, E> {
    let mut delivered = Vec::with_capacity(columns.len());
    let mut last: Option<(&Calculated, [Option<ArrayRef>; 4])> = None;
    for scanned in columns {
        let ScanColumn::Calculated(calculated, field_type) = scanned else {
            delivered.push(column(scanned)?);
            continue;
        };
        if last.as_ref().is_none_or(|(known, _)| *known != calculated.as_ref()) {
            let is_wanted = |t: FieldType| columns.contains(&ScanColumn::Calculated(Arc::clone(calculated), t));
            let arrays = calculated.evaluate(FieldType::ALL.map(is_wanted), rows, &column)?;
            last = Some((calculated, arrays));
        }
        let array = last.as_ref().and_then(|(_, arrays)| arrays[*field_type as usize].clone());
        delivered.push(array.unwrap_or_else(|| arrow::array::new_null_array(&scanned.data_type(), rows)));
    }
    Ok(delivered)
}

/// The types that values of a field may have.
pub(crate) fn types_of(input: &FieldRef) -> [bool; 4] {
    match input {
        FieldRef::System(ScanColumn::Timestamp | ScanColumn::Received) => functions::FLOAT,
        FieldRef::System(ScanColumn::Dataset) => functions::TEXT,
        FieldRef::System(_) => functions::INTEGER,
        field => FieldType::ALL.map(|t| field.types().contains(&t)),
    }
}

fn type_of(value: &Value<'_>) -> Option<FieldType> {
    Some(match value {
        Value::Absent => return None,
        Value::Boolean(_) => FieldType::Boolean,
        Value::Integer(_) => FieldType::Integer,
        Value::Float(_) => FieldType::Float,
        Value::Text(_) => FieldType::String,
    })
}

/// The arrays of one input.
pub(crate) enum InputColumns<'b> {
    Field {
        boolean: Option<&'b BooleanArray>,
        integer: Option<&'b Int64Array>,
        float: Option<&'b Float64Array>,
        text: Option<&'b StringViewArray>,
    },
    /// A time, which expressions have as seconds.
    Time(&'b Int64Array),
}

impl<'b> InputColumns<'b> {
    pub(crate) fn new(input: &FieldRef, find: impl Fn(&ScanColumn) -> Option<&'b ArrayRef>) -> InputColumns<'b> {
        let nothing = InputColumns::Field { boolean: None, integer: None, float: None, text: None };
        match input {
            FieldRef::System(column) => {
                let Some(array) = find(column) else { return nothing };
                match column {
                    ScanColumn::Timestamp | ScanColumn::Received => {
                        InputColumns::Time(array.as_primitive::<Int64Type>())
                    }
                    ScanColumn::Dataset => {
                        let text = Some(array.as_string_view());
                        InputColumns::Field { boolean: None, integer: None, float: None, text }
                    }
                    _ => {
                        let integer = Some(array.as_primitive::<Int64Type>());
                        InputColumns::Field { boolean: None, integer, float: None, text: None }
                    }
                }
            }
            field => {
                let column = |t| field.column(t).and_then(|c| find(&c));
                InputColumns::Field {
                    boolean: column(FieldType::Boolean).map(|a| a.as_boolean()),
                    integer: column(FieldType::Integer).map(|a| a.as_primitive::<Int64Type>()),
                    float: column(FieldType::Float).map(|a| a.as_primitive::<Float64Type>()),
                    text: column(FieldType::String).map(|a| a.as_string_view()),
                }
            }
        }
    }

    /// An integer of the store's own, in nanoseconds if it is a time.
    pub(crate) fn integer(&self, row: usize) -> i64 {
        match self {
            InputColumns::Time(times) => times.value(row),
            InputColumns::Field { integer, .. } => integer.map_or(0, |values| values.value(row)),
        }
    }

    pub(crate) fn value(&self, row: usize) -> Value<'b> {
        match self {
            InputColumns::Time(times) => Value::float(times.value(row) as f64 / 1e9),
            InputColumns::Field { boolean, integer, float, text } => {
                if let Some(values) = text.filter(|a| a.is_valid(row)) {
                    return Value::Text(values.value(row).into());
                }
                if let Some(values) = integer.filter(|a| a.is_valid(row)) {
                    return Value::Integer(values.value(row));
                }
                if let Some(values) = float.filter(|a| a.is_valid(row)) {
                    return Value::float(values.value(row));
                }
                boolean.filter(|a| a.is_valid(row)).map_or(Value::Absent, |values| Value::Boolean(values.value(row)))
            }
        }
    }
}

struct BatchRow<'b> {
    inputs: &'b [InputColumns<'b>],
    row: usize,
}

impl Row for BatchRow<'_> {
    fn value(&self, input: usize) -> Value<'_> {
        self.inputs[input].value(self.row)
    }
}

/// An event without any field.
struct Nothing;

impl Row for Nothing {
    fn value(&self, _: usize) -> Value<'_> {
        Value::Absent
    }
}

/// The columns that are made.
struct Builders {
    boolean: Option<BooleanBuilder>,
    integer: Option<Int64Builder>,
    float: Option<Float64Builder>,
    text: Option<StringViewBuilder>,
}

impl Builders {
    fn new(wanted: Types, rows: usize) -> Builders {
        Builders {
            boolean: wanted[0].then(|| BooleanBuilder::with_capacity(rows)),
            integer: wanted[1].then(|| Int64Builder::with_capacity(rows)),
            float: wanted[2].then(|| Float64Builder::with_capacity(rows)),
            text: wanted[3].then(|| StringViewBuilder::with_capacity(rows)),
        }
    }

    fn push(&mut self, value: &Value<'_>) {
        if let Some(builder) = &mut self.boolean {
            builder.append_option(if let Value::Boolean(value) = value { Some(*value) } else { None });
        }
        if let Some(builder) = &mut self.integer {
            builder.append_option(if let Value::Integer(value) = value { Some(*value) } else { None });
        }
        if let Some(builder) = &mut self.float {
            builder.append_option(if let Value::Float(value) = value { Some(*value) } else { None });
        }
        if let Some(builder) = &mut self.text {
            builder.append_option(if let Value::Text(value) = value { Some(value) } else { None });
        }
    }

    fn finish(self) -> [Option<ArrayRef>; 4] {
        [
            self.boolean.map(|mut b| Arc::new(b.finish()) as ArrayRef),
            self.integer.map(|mut b| Arc::new(b.finish()) as ArrayRef),
            self.float.map(|mut b| Arc::new(b.finish()) as ArrayRef),
            self.text.map(|mut b| Arc::new(b.finish()) as ArrayRef),
        ]
    }
}
