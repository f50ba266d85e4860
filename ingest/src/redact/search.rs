//! Where stored events hold what rules would take out of them: which fields, how many events, when; never the values.
//!
//! What was redacted before is not found again. It must not know where events come from.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, AsArray};
use outcrop_storage::event::{DatasetName, EventBatch, EventColumn, FieldName, FieldType, TimestampNs, reserved};
use outcrop_storage::overflow::{OverflowValue, entries};

use super::detect::DETECTORS;
use super::rules::{Action, Detector, Plan, Sought};
use super::{Redaction, card, columns, hash};
use crate::limits::FINDINGS_MAX;

/// What is found in the name of a field.
const NAME: &str = "name";

/// What a field of a dataset holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub dataset: DatasetName,
    /// Without what its name must not hold.
    pub field: String,
    /// The word of a detector; `field` where the rule means all that is in it, `name` where it is in the field's name.
    pub what: &'static str,
    /// What the rule that counts does with it.
    pub action: Action,
    pub events: u64,
    pub first: TimestampNs,
    pub last: TimestampNs,
}

/// What was found so far.
#[derive(Debug, Default)]
pub struct Findings {
    found: BTreeMap<(DatasetName, String, &'static str), Found>,
    is_cut: bool,
}

#[derive(Clone, Copy, Debug)]
struct Found {
    action: Action,
    events: u64,
    first: TimestampNs,
    last: TimestampNs,
}

impl Findings {
    /// By dataset, field and kind; and whether there are more than these.
    pub fn finish(self) -> (Vec<Finding>, bool) {
        let finding = |((dataset, field, what), found): ((DatasetName, String, &'static str), Found)| {
            let Found { action, events, first, last } = found;
            Finding { dataset, field, what, action, events, first, last }
        };
        (self.found.into_iter().map(finding).collect(), self.is_cut)
    }

    fn note(&mut self, dataset: &DatasetName, field: &str, what: &'static str, action: Action, time: TimestampNs) {
        let key = (dataset.clone(), field.to_owned(), what);
        if self.found.len() >= FINDINGS_MAX && !self.found.contains_key(&key) {
            self.is_cut = true;
            return;
        }
        let found = self.found.entry(key).or_insert(Found { action, events: 0, first: time, last: time });
        found.events += 1;
        (found.first, found.last) = (found.first.min(time), found.last.max(time));
    }
}

impl Redaction {
    /// Notes what of a batch would be taken out if it came in now.
    pub fn search(&self, dataset: &DatasetName, batch: &EventBatch, findings: &mut Findings) {
        let plan = self.plan(dataset);
        if plan.is_idle() {
            return;
        }
        for column in batch.columns() {
            let mut search = Search { plan: &plan, redaction: self, dataset, batch, findings };
            match column.field.as_str() {
                reserved::OVERFLOW => search.overflow(column),
                _ => search.column(column),
            }
        }
    }
}

/// One column to be looked at.
struct Search<'a> {
    plan: &'a Plan,
    redaction: &'a Redaction,
    dataset: &'a DatasetName,
    batch: &'a EventBatch,
    findings: &'a mut Findings,
}

/// What is known of a name.
struct Named {
    sought: Sought,
    shown: String,
    /// What becomes of the name, if it must not stay.
    renamed: Option<Action>,
    holds_ids: bool,
}

impl Search<'_> {
    fn named(&self, field: &FieldName) -> Named {
        let own = reserved::is_reserved(field.as_str());
        let sought = if own { self.plan.of_names() } else { self.plan.of_field(field.as_str()) };
        let shown = columns::name(field, self.plan, self.redaction);
        let of_name = self.plan.of_names();
        let rewritten = (shown != *field).then(|| DETECTORS.rewrite(field.as_str(), &of_name, None)).flatten();
        let renamed = rewritten.and_then(|rewritten| rewritten.found.first().map(|found| of_name.action(*found)));
        Named { sought, shown: shown.as_str().to_owned(), renamed, holds_ids: columns::holds_ids(field.as_str()) }
    }

    fn column(&mut self, column: &EventColumn) {
        let named = self.named(&column.field);
        let is_old = |row: usize| {
            column.field_type == FieldType::String && is_redacted(column.values.as_string::<i32>().value(row))
        };
        for (row, (_, kinds)) in columns::edits(column, &named.sought, self.redaction) {
            for what in kinds.into_iter().filter(|what| *what != columns::WHOLE || !is_old(row)) {
                self.note(row, &named, what);
            }
        }
        if let Some(action) = named.renamed {
            for row in (0..column.values.len()).filter(|row| column.values.is_valid(*row)) {
                self.note_as(row, &named, NAME, action);
            }
        }
    }

    /// Fields without a column of their own: events side by side, each with its names.
    fn overflow(&mut self, column: &EventColumn) {
        let texts = column.values.as_string::<i32>();
        let mut known: HashMap<String, Named> = HashMap::new();
        for row in (0..texts.len()).filter(|row| texts.is_valid(*row)) {
            for (name, value) in entries(texts.value(row)) {
                if !known.contains_key(name.as_ref()) {
                    let named = self.named(&FieldName::trusted(&name));
                    known.insert(name.clone().into_owned(), named);
                }
                let Some(named) = known.get(name.as_ref()) else { continue };
                for what in found_in(&value, named) {
                    self.note(row, named, what);
                }
                if let Some(action) = named.renamed {
                    self.note_as(row, named, NAME, action);
                }
            }
        }
    }

    fn note(&mut self, row: usize, named: &Named, what: &'static str) {
        let detector = Detector::ALL.into_iter().find(|detector| detector.label() == what);
        let action = detector.map_or(named.sought.whole, |detector| named.sought.action(detector));
        self.note_as(row, named, what, action);
    }

    fn note_as(&mut self, row: usize, named: &Named, what: &'static str, action: Action) {
        self.findings.note(self.dataset, &named.shown, what, action, self.batch.timestamp().value(row));
    }
}

/// What a value of an overflow field holds.
fn found_in(value: &OverflowValue<'_>, named: &Named) -> Vec<&'static str> {
    let sought = &named.sought;
    if sought.whole != Action::Keep {
        let is_old = matches!(value, OverflowValue::Text(text) if is_redacted(text));
        return if is_old { Vec::new() } else { vec![columns::WHOLE] };
    }
    let is_card = match value {
        OverflowValue::Text(text) => return found_in_text(text, named),
        OverflowValue::Integer(number) => card::is_number(*number),
        OverflowValue::Float(number) => columns::is_card(*number),
        OverflowValue::Boolean(_) => false,
    };
    let seeks = sought.action(Detector::Card) != Action::Keep;
    if is_card && seeks { vec![Detector::Card.label()] } else { Vec::new() }
}

fn found_in_text(text: &str, named: &Named) -> Vec<&'static str> {
    let is_id = named.holds_ids && columns::is_id(text);
    if is_id || named.sought.is_nothing() || !DETECTORS.may_hold(text.as_bytes(), &named.sought) {
        return Vec::new();
    }
    let rewritten = DETECTORS.rewrite(text, &named.sought, None);
    rewritten.map_or_else(Vec::new, |rewritten| rewritten.found.iter().map(|found| found.label()).collect())
}

/// Whether a rule has been here before.
fn is_redacted(text: &str) -> bool {
    text == columns::MASK || hash::is_hash(text)
}
