//! Which datasets a question addresses, and which types its fields have there. Must not know what is calculated.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use outcrop_storage::event::{DatasetName, EventColumn, FieldName, FieldType, TimestampNs, reserved};
use outcrop_storage::{DatasetSnapshot, OverflowTable, SegmentInfo, Snapshot};

use crate::error::{QueryError, QueryErrorKind};
use crate::expression::{Calculated, CalculatedFields};
use crate::limits;

/// A column that the scan can deliver.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum ScanColumn {
    Timestamp,
    Sequence,
    Received,
    Dataset,
    SampleRate,
    Field(FieldName, FieldType),
    /// The texts of a field by number, 0 for none.
    Numbered(FieldName),
    /// A field some of whose values may lie in overflow, those of events in the times.
    Overflowing(FieldName, FieldType, Times),
    /// All overflow fields of an event as they are stored.
    Overflow,
    /// A calculated field's values of one type.
    Calculated(Arc<Calculated>, FieldType),
}

/// The earliest and the latest event time.
pub(crate) type Times = (TimestampNs, TimestampNs);

impl ScanColumn {
    /// Its name inside plans: fields are marked by type, so that no field can be taken for another.
    pub(crate) fn name(&self) -> String {
        match self {
            ScanColumn::Timestamp => "timestamp".into(),
            ScanColumn::Sequence => "sequence".into(),
            ScanColumn::Received => "received".into(),
            ScanColumn::Dataset => "dataset".into(),
            ScanColumn::SampleRate => "sample_rate".into(),
            ScanColumn::Field(field, field_type) | ScanColumn::Overflowing(field, field_type, _) => {
                format!("{}:{field}", field_type.label())
            }
            ScanColumn::Numbered(field) => format!("number:{field}"),
            ScanColumn::Overflow => "overflow".into(),
            ScanColumn::Calculated(calculated, field_type) => {
                format!("calculated {}:{}", field_type.label(), calculated.name())
            }
        }
    }

    pub(crate) fn data_type(&self) -> DataType {
        match self {
            ScanColumn::Timestamp | ScanColumn::Received | ScanColumn::SampleRate | ScanColumn::Sequence => {
                DataType::Int64
            }
            ScanColumn::Dataset | ScanColumn::Overflow => DataType::Utf8View,
            ScanColumn::Numbered(_) => DataType::UInt16,
            ScanColumn::Field(_, field_type)
            | ScanColumn::Overflowing(_, field_type, _)
            | ScanColumn::Calculated(_, field_type) => match field_type {
                FieldType::String => DataType::Utf8View,
                FieldType::Boolean | FieldType::Integer | FieldType::Float => field_type.data_type(),
            },
        }
    }

    /// Whether an event may be without a value.
    pub(crate) fn nullable(&self) -> bool {
        match self {
            ScanColumn::Field(..) | ScanColumn::Overflowing(..) | ScanColumn::Overflow | ScanColumn::Calculated(..) => {
                true
            }
            ScanColumn::Timestamp
            | ScanColumn::Sequence
            | ScanColumn::Received
            | ScanColumn::Dataset
            | ScanColumn::Numbered(_)
            | ScanColumn::SampleRate => false,
        }
    }

    /// The columns that are read for it: itself, or those that it is calculated from.
    pub(crate) fn read(&self) -> &[ScanColumn] {
        match self {
            ScanColumn::Calculated(calculated, _) => calculated.columns(),
            other => std::slice::from_ref(other),
        }
    }
}

pub(crate) fn schema_of(columns: &[ScanColumn]) -> SchemaRef {
    let fields: Vec<Field> = columns.iter().map(|c| Field::new(c.name(), c.data_type(), c.nullable())).collect();
    Arc::new(Schema::new(fields))
}

/// A name in a question, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FieldRef {
    /// One of the store's own columns.
    System(ScanColumn),
    /// A sender's field and the types it has in the datasets addressed, in the order of [`FieldType::ALL`].
    Field(FieldName, Vec<FieldType>),
    /// The same for a field that may have values in overflow, and the times of events that may have them there.
    Overflowing(FieldName, Vec<FieldType>, Times),
    /// A calculated field of the question.
    Calculated(Arc<Calculated>),
}

impl FieldRef {
    /// The columns that hold the field's values.
    pub(crate) fn columns(&self) -> Vec<ScanColumn> {
        match self {
            FieldRef::System(column) => vec![column.clone()],
            FieldRef::Field(..) | FieldRef::Overflowing(..) | FieldRef::Calculated(_) => {
                self.types().iter().filter_map(|t| self.column(*t)).collect()
            }
        }
    }

    /// The types of a sender's or a calculated field.
    pub(crate) fn types(&self) -> &[FieldType] {
        match self {
            FieldRef::System(_) => &[],
            FieldRef::Field(_, types) | FieldRef::Overflowing(_, types, _) => types,
            FieldRef::Calculated(calculated) => calculated.types(),
        }
    }

    pub(crate) fn column(&self, field_type: FieldType) -> Option<ScanColumn> {
        if !self.types().contains(&field_type) {
            return None;
        }
        match self {
            FieldRef::System(_) => None,
            FieldRef::Field(field, _) => Some(ScanColumn::Field(field.clone(), field_type)),
            FieldRef::Overflowing(field, _, times) => Some(ScanColumn::Overflowing(field.clone(), field_type, *times)),
            FieldRef::Calculated(calculated) => Some(ScanColumn::Calculated(Arc::clone(calculated), field_type)),
        }
    }
}

/// The datasets of one question.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) datasets: Arc<Vec<DatasetSnapshot>>,
    /// Names that were resolved before: a name stands in many places of a question.
    resolved: Arc<Mutex<HashMap<String, FieldRef>>>,
    /// The types that names have in overflow beside those that were counted, where segments were read for it.
    looked_up: HashMap<String, [bool; 4]>,
    /// The question's own fields. They come before those that were sent.
    calculated: CalculatedFields,
}

impl Scope {
    /// The datasets that `names` addresses: one name, a list separated by commas, or `*`.
    pub(crate) fn new(snapshot: Snapshot, names: &str) -> Result<Scope, QueryError> {
        let mut datasets =
            if matches!(names.trim(), "*" | "__all__") { snapshot.datasets } else { select(&snapshot, names)? };
        datasets.iter_mut().for_each(|dataset| {
            dataset.set_aside_damaged();
        });
        Ok(Scope::of(datasets))
    }

    /// These datasets, of which nothing is known yet.
    pub(crate) fn of(datasets: Vec<DatasetSnapshot>) -> Scope {
        Scope {
            datasets: Arc::new(datasets),
            resolved: Arc::default(),
            looked_up: HashMap::new(),
            calculated: CalculatedFields::default(),
        }
    }

    /// With the calculated fields of a question.
    pub(crate) fn with_calculated(mut self, calculated: &CalculatedFields) -> Scope {
        self.calculated = calculated.clone();
        self.resolved = Arc::default();
        self
    }

    /// Leaves out the segments that are not wanted.
    pub(crate) fn keep_segments(&mut self, wanted: impl Fn(&SegmentInfo) -> bool) {
        for dataset in Arc::make_mut(&mut self.datasets) {
            Arc::make_mut(&mut dataset.segments).retain(|segment| wanted(segment.info()));
        }
    }

    pub(crate) fn calculated(&self) -> &CalculatedFields {
        &self.calculated
    }

    /// What `name` means here. A field that no dataset has ever seen has no types.
    pub(crate) fn resolve(&self, name: &str) -> FieldRef {
        let mut resolved = self.resolved.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = resolved.get(name) {
            return known.clone();
        }
        let found = match self.calculated.get(name) {
            Some(expression) => {
                let inputs = expression.inputs.iter().map(|input| self.resolve_sent(input)).collect();
                FieldRef::Calculated(Arc::new(Calculated::new(name, expression, inputs)))
            }
            None => self.resolve_sent(name),
        };
        resolved.insert(name.to_owned(), found.clone());
        found
    }

    /// The same without the question's own fields.
    pub(crate) fn resolve_sent(&self, name: &str) -> FieldRef {
        system_column(name).map_or_else(|| self.resolve_field(name), FieldRef::System)
    }

    fn resolve_field(&self, name: &str) -> FieldRef {
        let mut has = [false; 4];
        let mut times: Option<Times> = None;
        for dataset in self.datasets.iter() {
            let mut see = |types: [bool; 4]| has.iter_mut().zip(types).for_each(|(has, own)| *has |= own);
            see(column_types(dataset, name));
            let Some(overflow) = dataset.in_overflow(name) else { continue };
            see(overflow.types);
            if overflow.uncounted {
                // What nobody has looked up may be anything.
                see(self.looked_up.get(name).copied().unwrap_or([true; 4]));
            }
            let own = (overflow.time_min, overflow.time_max);
            times = Some(times.map_or(own, |t| (t.0.min(own.0), t.1.max(own.1))));
        }
        let types = FieldType::ALL.into_iter().filter(|t| has[*t as usize]).collect();
        match times {
            Some(times) => FieldRef::Overflowing(FieldName::trusted(name), types, times),
            None => FieldRef::Field(FieldName::trusted(name), types),
        }
    }

    /// Whether values of `name` may lie in overflow without having been counted.
    pub(crate) fn is_uncounted(&self, name: &str) -> bool {
        system_column(name).is_none() && self.datasets.iter().any(|d| d.is_uncounted(name))
    }

    /// Takes what was found out by reading segments.
    pub(crate) fn set_looked_up(&mut self, types: HashMap<String, [bool; 4]>) {
        self.looked_up = types;
        self.resolved = Arc::default();
    }

    /// Whether some dataset has ever seen the field, or may have.
    pub(crate) fn knows(&self, name: &str) -> bool {
        match self.resolve(name) {
            FieldRef::System(_) | FieldRef::Calculated(_) => true,
            // It was counted or was found to be there, in these times or in others.
            FieldRef::Overflowing(..) => true,
            FieldRef::Field(_, types) => !types.is_empty(),
        }
    }

    /// Every field that has columns of text values.
    pub(crate) fn text_fields(&self) -> BTreeSet<FieldName> {
        let kept = self.datasets.iter().flat_map(|d| d.fields.iter());
        let kept = kept.filter(|(_, entry)| entry.get(FieldType::String).is_some()).map(|(name, _)| name.clone());
        let recent = self.recent_columns().filter(|c| c.field_type == FieldType::String).map(|c| c.field.clone());
        kept.chain(recent).collect()
    }

    /// Every field that some event has in a column of its own.
    pub(crate) fn fields_with_columns(&self) -> BTreeSet<FieldName> {
        let kept = self.datasets.iter().flat_map(|d| d.fields.iter().map(|(name, _)| name.clone()));
        kept.chain(self.recent_columns().map(|c| c.field.clone())).collect()
    }

    /// How many fields are known by name and have no column.
    pub(crate) fn fields_without_columns(&self) -> usize {
        self.all_fields().difference(&self.fields_with_columns()).count()
    }

    /// Every field that is known by name.
    pub(crate) fn all_fields(&self) -> BTreeSet<FieldName> {
        let named = |d: &DatasetSnapshot| named_fields(d, &d.overflow()).into_iter().cloned().collect::<Vec<_>>();
        self.datasets.iter().flat_map(named).collect()
    }

    /// The columns of memtables but the overflow column: the catalog does not know them yet.
    fn recent_columns(&self) -> impl Iterator<Item = &EventColumn> {
        let columns = self.datasets.iter().flat_map(|d| &d.memtable).flat_map(|b| b.events().columns());
        columns.filter(|c| c.field.as_str() != reserved::OVERFLOW)
    }

    /// Whether some event may have overflow fields.
    pub(crate) fn has_overflow(&self) -> bool {
        self.datasets.iter().any(DatasetSnapshot::has_overflow)
    }

    /// The fields most like `name`, best first.
    pub(crate) fn similar(&self, name: &str) -> Vec<String> {
        let wanted = name.to_lowercase();
        let mut scored: Vec<(f64, FieldName)> = self
            .all_fields()
            .into_iter()
            .map(|field| (strsim::jaro_winkler(&wanted, &field.as_str().to_lowercase()), field))
            .filter(|(score, _)| *score > 0.75)
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        scored.into_iter().take(limits::SIMILAR_NAMES_MAX).map(|(_, field)| field.to_string()).collect()
    }

    /// Whether some event may stand for more than itself.
    pub(crate) fn sampled(&self) -> bool {
        self.datasets.iter().any(|d| {
            d.segments.iter().any(|s| s.info().sampled) || d.memtable.iter().any(|b| b.events().sample_rate().is_some())
        })
    }

    pub(crate) fn events(&self) -> u64 {
        self.datasets.iter().map(DatasetSnapshot::events).sum()
    }
}

/// Every field of a dataset that is known by name; `overflow` is the dataset's.
pub(crate) fn named_fields<'d>(dataset: &'d DatasetSnapshot, overflow: &'d OverflowTable) -> HashSet<&'d FieldName> {
    let recent = dataset.memtable.iter().flat_map(|b| b.events().columns()).map(|c| &c.field);
    let recent = recent.filter(|name| name.as_str() != reserved::OVERFLOW);
    let kept = dataset.fields.iter().map(|(name, _)| name);
    kept.chain(recent).chain(overflow.iter().map(|(name, _)| name)).collect()
}

/// The types of the columns that a dataset has for a field, in the order of [`FieldType::ALL`].
fn column_types(dataset: &DatasetSnapshot, field: &str) -> [bool; 4] {
    let kept = dataset.fields.get(field).into_iter().flat_map(|entry| entry.types().map(|(t, _)| t));
    let recent = dataset.memtable.iter().flat_map(|b| b.events().columns()).filter(|c| c.field.as_str() == field);
    let mut types = [false; 4];
    kept.chain(recent.map(|c| c.field_type)).for_each(|t| types[t as usize] = true);
    types
}

/// The store's own column of this name.
fn system_column(name: &str) -> Option<ScanColumn> {
    Some(match name {
        reserved::TIMESTAMP => ScanColumn::Timestamp,
        reserved::SEQUENCE => ScanColumn::Sequence,
        reserved::RECEIVED => ScanColumn::Received,
        reserved::DATASET => ScanColumn::Dataset,
        reserved::SAMPLE_RATE => ScanColumn::SampleRate,
        _ => return None,
    })
}

fn select(snapshot: &Snapshot, names: &str) -> Result<Vec<DatasetSnapshot>, QueryError> {
    let mut chosen: Vec<DatasetSnapshot> = Vec::new();
    for name in names.split(',') {
        let name = DatasetName::new(name).map_err(|e| QueryError::malformed(e.to_string()))?;
        let found = snapshot.dataset(name.as_str()).ok_or_else(|| unknown_dataset(snapshot, &name))?;
        if !chosen.iter().any(|d| d.id == found.id) {
            chosen.push(found.clone());
        }
        if chosen.len() > limits::DATASETS_MAX {
            return Err(QueryError::malformed(format!("more than {} datasets are named; use *", limits::DATASETS_MAX)));
        }
    }
    Ok(chosen)
}

fn unknown_dataset(snapshot: &Snapshot, name: &DatasetName) -> QueryError {
    let mut names: Vec<&str> = snapshot.datasets.iter().map(|d| d.name.as_str()).collect();
    names.sort_by(|a, b| strsim::jaro_winkler(name.as_str(), b).total_cmp(&strsim::jaro_winkler(name.as_str(), a)));
    names.truncate(limits::SIMILAR_NAMES_MAX);
    QueryError::new(
        QueryErrorKind::NotFound,
        "unknown_dataset",
        format!(
            "there is no dataset {:?}; send events to it first, or ask one of those listed at /api/v1/datasets",
            name.as_str()
        ),
    )
    .with(serde_json::json!({ "dataset": name.as_str(), "similar": names }))
}
