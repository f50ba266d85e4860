//! The columns of a batch without what must not be kept. It must not know how anything is found.
//!
//! A value that becomes a text moves to its field's column of texts. A field whose own name must not be kept goes to the
//! name that is left of it; where several do and one event has them, the first one stays.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringArray, StringBuilder};
use arrow::compute::kernels::zip::zip;
use arrow::compute::{nullif, or_kleene};
use arrow::datatypes::{Float64Type, Int64Type};
use arrow::error::ArrowError;
use outcrop_storage::event::{EventBatch, EventColumn, FieldName, FieldType, InvalidBatch, reserved};

use super::detect::{DETECTORS, Rewritten};
use super::rules::{Action, Detector, Plan, Sought};
use super::{Redaction, card};

/// What stands for a field that is masked whole.
pub(super) const MASK: &str = "[masked]";
/// What `meta.redacted` says of a field that was meant as a whole.
pub(super) const WHOLE: &str = "field";
/// The names of fields that hold ids of traces and spans end so. Sixteen hexadecimal digits that happen to be a card's number
/// are what such a field is for.
const ID_FIELDS: [&str; 6] = ["trace_id", "span_id", "parent_id", "traceid", "spanid", "parentid"];

/// What becomes of one value.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    Nothing,
    Text(String),
}

/// A column while the batch is made anew.
struct Draft {
    field: FieldName,
    field_type: FieldType,
    values: ArrayRef,
}

/// The notes of each row.
type Notes = BTreeMap<usize, Vec<String>>;

pub(super) fn redact(batch: EventBatch, plan: &Plan, redaction: &Redaction) -> Result<EventBatch, InvalidBatch> {
    let mut drafts: Vec<Draft> = Vec::new();
    let mut notes = Notes::new();
    let mut changed = false;
    for column in batch.columns() {
        // The store's own columns of texts hold names of fields.
        let is_own = reserved::is_reserved(column.field.as_str());
        let sought = if is_own { plan.of_names() } else { plan.of_field(column.field.as_str()) };
        let field = name(&column.field, plan, redaction);
        let renamed = field != column.field;
        let edits = edits(column, &sought, redaction);
        changed |= renamed || !edits.is_empty();
        for (row, (_, kinds)) in &edits {
            notes.entry(*row).or_default().extend(kinds.iter().map(|kind| format!("{field}: {kind}")));
        }
        if renamed {
            let has = |row: &usize| column.values.is_valid(*row);
            for row in (0..batch.rows()).filter(has) {
                notes.entry(row).or_default().push(format!("{field}: name"));
            }
        }
        draft(column, field, edits, batch.rows(), &mut drafts).map_err(|e| InvalidBatch(e.to_string()))?;
    }
    if !changed {
        return Ok(batch);
    }
    note(&notes, batch.rows(), &mut drafts);
    let columns = join(drafts, batch.rows()).map_err(|e| InvalidBatch(e.to_string()))?;
    EventBatch::new(batch.timestamp().clone(), batch.sample_rate().cloned(), columns)
}

pub(super) fn name(field: &FieldName, plan: &Plan, redaction: &Redaction) -> FieldName {
    let sought = plan.of_names();
    if sought.is_nothing() || !DETECTORS.may_hold(field.as_str().as_bytes(), &sought) {
        return field.clone();
    }
    match DETECTORS.rewrite(field.as_str(), &sought, redaction.hasher.as_ref()) {
        Some(rewritten) => {
            let text = rewritten.text.filter(|text| !text.is_empty()).unwrap_or_else(|| MASK.to_owned());
            FieldName::new(&text).unwrap_or_else(|_| FieldName::trusted(MASK))
        }
        None => field.clone(),
    }
}

/// What becomes of which rows of a column, and what was found in them.
pub(super) type Edits = BTreeMap<usize, (Edit, Vec<&'static str>)>;

pub(super) fn edits(column: &EventColumn, sought: &Sought, redaction: &Redaction) -> Edits {
    if sought.whole != Action::Keep {
        let whole = |row: usize| {
            let edit = match sought.whole {
                Action::Drop => Edit::Nothing,
                Action::Hash => Edit::Text(redaction.hash(&value_text(column, row)).unwrap_or_else(|| MASK.to_owned())),
                Action::Mask | Action::Keep => Edit::Text(MASK.to_owned()),
            };
            (row, (edit, vec![WHOLE]))
        };
        return (0..column.values.len()).filter(|row| column.values.is_valid(*row)).map(whole).collect();
    }
    match column.field_type {
        FieldType::String => edits_of_texts(column, sought, redaction),
        FieldType::Integer if sought.action(Detector::Card) != Action::Keep => {
            let values = column.values.as_primitive::<Int64Type>();
            let is_card = |row: &usize| values.is_valid(*row) && card::is_number(values.value(*row));
            (0..values.len()).filter(is_card).map(|row| (row, card_edit(column, row, sought, redaction))).collect()
        }
        FieldType::Float if sought.action(Detector::Card) != Action::Keep => {
            let values = column.values.as_primitive::<Float64Type>();
            let is_card = |row: &usize| values.is_valid(*row) && is_card(values.value(*row));
            (0..values.len()).filter(is_card).map(|row| (row, card_edit(column, row, sought, redaction))).collect()
        }
        _ => Edits::new(),
    }
}

fn card_edit(column: &EventColumn, row: usize, sought: &Sought, redaction: &Redaction) -> (Edit, Vec<&'static str>) {
    let edit = match sought.action(Detector::Card) {
        Action::Drop => Edit::Nothing,
        Action::Hash => redaction.hash(&value_text(column, row)).map_or(Edit::Nothing, Edit::Text),
        Action::Mask | Action::Keep => Edit::Text(Detector::Card.mask().to_owned()),
    };
    (edit, vec![Detector::Card.label()])
}

fn edits_of_texts(column: &EventColumn, sought: &Sought, redaction: &Redaction) -> Edits {
    let values: &StringArray = column.values.as_string();
    let bytes = values.value_data();
    let (start, end) = match values.value_offsets() {
        [first, .., last] => (*first as usize, *last as usize),
        _ => return Edits::new(),
    };
    // Of most columns this is all that is done.
    if sought.is_nothing() || !DETECTORS.may_hold(&bytes[start..end], sought) {
        return Edits::new();
    }
    let holds_ids = holds_ids(column.field.as_str());
    let mut known: HashMap<&str, Option<Rewritten>> = HashMap::new();
    let mut edits = Edits::new();
    for row in (0..values.len()).filter(|row| values.is_valid(*row)) {
        let text = values.value(row);
        if holds_ids && is_id(text) {
            continue;
        }
        let rewrite = || DETECTORS.rewrite(text, sought, redaction.hasher.as_ref());
        let Some(rewritten) = known.entry(text).or_insert_with(rewrite) else { continue };
        let edit = rewritten.text.clone().map_or(Edit::Nothing, Edit::Text);
        edits.insert(row, (edit, rewritten.found.iter().map(|detector| detector.label()).collect()));
    }
    edits
}

/// Whether a number is a card's. Larger ones are not whole any more.
pub(super) fn is_card(value: f64) -> bool {
    value.fract() == 0.0 && (1e13..9e15).contains(&value) && card::is_number(value as i64)
}

pub(super) fn holds_ids(field: &str) -> bool {
    let name = field.to_ascii_lowercase();
    ID_FIELDS.iter().any(|end| name.ends_with(end))
}

pub(super) fn is_id(text: &str) -> bool {
    matches!(text.len(), 16 | 32) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A value as a question about it writes it.
fn value_text(column: &EventColumn, row: usize) -> Cow<'_, str> {
    match column.field_type {
        FieldType::String => Cow::Borrowed(column.values.as_string::<i32>().value(row)),
        FieldType::Integer => Cow::Owned(column.values.as_primitive::<Int64Type>().value(row).to_string()),
        FieldType::Boolean => Cow::Owned(column.values.as_boolean().value(row).to_string()),
        FieldType::Float => Cow::Owned(super::number_text(column.values.as_primitive::<Float64Type>().value(row))),
    }
}

/// The column as it is to be, and the texts that its values become.
fn draft(
    column: &EventColumn,
    field: FieldName,
    edits: Edits,
    rows: usize,
    drafts: &mut Vec<Draft>,
) -> Result<(), ArrowError> {
    let field_type = column.field_type;
    if edits.is_empty() {
        drafts.push(Draft { field, field_type, values: Arc::clone(&column.values) });
        return Ok(());
    }
    let mut texts = StringBuilder::new();
    let old = (field_type == FieldType::String).then(|| column.values.as_string::<i32>());
    for row in 0..rows {
        match (edits.get(&row), old) {
            (Some((Edit::Text(text), _)), _) => texts.append_value(text),
            (None, Some(old)) if old.is_valid(row) => texts.append_value(old.value(row)),
            _ => texts.append_null(),
        }
    }
    if old.is_none() {
        let edited: BooleanArray = (0..rows).map(|row| Some(edits.contains_key(&row))).collect();
        let values = nullif(&column.values, &edited)?;
        drafts.push(Draft { field: field.clone(), field_type, values });
    }
    drafts.push(Draft { field, field_type: FieldType::String, values: Arc::new(texts.finish()) });
    Ok(())
}

/// `meta.redacted`: what was found in which field, of the events in which something was.
fn note(notes: &Notes, rows: usize, drafts: &mut Vec<Draft>) {
    let mut texts = StringBuilder::new();
    for row in 0..rows {
        match notes.get(&row) {
            Some(notes) => texts.append_value(notes.join(", ")),
            None => texts.append_null(),
        }
    }
    drafts.push(Draft {
        field: FieldName::trusted(reserved::REDACTED),
        field_type: FieldType::String,
        values: Arc::new(texts.finish()),
    });
}

/// One column for each field and type; in one event a field has a value of one type, that which comes first.
fn join(drafts: Vec<Draft>, rows: usize) -> Result<Vec<EventColumn>, ArrowError> {
    let mut sources: HashMap<FieldName, usize> = HashMap::new();
    drafts.iter().for_each(|draft| *sources.entry(draft.field.clone()).or_default() += 1);
    let mut taken: HashMap<FieldName, BooleanArray> = HashMap::new();
    let mut places: HashMap<(FieldName, FieldType), usize> = HashMap::new();
    let mut columns: Vec<EventColumn> = Vec::with_capacity(drafts.len());
    for Draft { field, field_type, mut values } in drafts {
        if sources.get(&field).is_some_and(|sources| *sources > 1) {
            let before = taken.entry(field.clone()).or_insert_with(|| BooleanArray::from(vec![false; rows]));
            values = nullif(&values, before)?;
            *before = or_kleene(before, &arrow::compute::is_not_null(&values)?)?;
        }
        match places.get(&(field.clone(), field_type)) {
            None => {
                places.insert((field.clone(), field_type), columns.len());
                columns.push(EventColumn { field, field_type, values });
            }
            Some(at) => {
                let first = &columns[*at].values;
                columns[*at].values = zip(&arrow::compute::is_not_null(first)?, first, &values)?;
            }
        }
    }
    columns.retain(|column| column.values.null_count() < rows);
    Ok(columns)
}
