//! Which datasets a question addresses, and which types its fields have there. Must not know what is calculated.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use outcrop_storage::event::{DatasetName, FieldName, FieldType, reserved};
use outcrop_storage::{DatasetSnapshot, Snapshot};

use crate::error::{QueryError, QueryErrorKind};
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
}

impl ScanColumn {
    /// Its name inside plans: fields are marked by type, so that no field can be taken for another.
    pub(crate) fn name(&self) -> String {
        match self {
            ScanColumn::Timestamp => "timestamp".into(),
            ScanColumn::Sequence => "sequence".into(),
            ScanColumn::Received => "received".into(),
            ScanColumn::Dataset => "dataset".into(),
            ScanColumn::SampleRate => "sample_rate".into(),
            ScanColumn::Field(field, field_type) => format!("{}:{field}", field_type.label()),
        }
    }

    pub(crate) fn data_type(&self) -> DataType {
        match self {
            ScanColumn::Timestamp | ScanColumn::Received | ScanColumn::SampleRate | ScanColumn::Sequence => {
                DataType::Int64
            }
            ScanColumn::Dataset => DataType::Utf8View,
            ScanColumn::Field(_, FieldType::String) => DataType::Utf8View,
            ScanColumn::Field(_, field_type) => field_type.data_type(),
        }
    }

    fn nullable(&self) -> bool {
        matches!(self, ScanColumn::Field(..))
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
}

impl FieldRef {
    /// The columns that hold the field's values.
    pub(crate) fn columns(&self) -> Vec<ScanColumn> {
        match self {
            FieldRef::System(column) => vec![column.clone()],
            FieldRef::Field(field, types) => types.iter().map(|t| ScanColumn::Field(field.clone(), *t)).collect(),
        }
    }

    pub(crate) fn column(&self, field_type: FieldType) -> Option<ScanColumn> {
        match self {
            FieldRef::System(_) => None,
            FieldRef::Field(field, types) => {
                types.contains(&field_type).then(|| ScanColumn::Field(field.clone(), field_type))
            }
        }
    }
}

/// The datasets of one question.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) datasets: Arc<Vec<DatasetSnapshot>>,
    /// For each dataset, the fields its memtable has: the catalog does not know them yet.
    recent: Arc<HashMap<FieldName, [bool; 4]>>,
}

impl Scope {
    /// The datasets that `names` addresses: one name, a list separated by commas, or `*`.
    pub(crate) fn new(snapshot: Snapshot, names: &str) -> Result<Scope, QueryError> {
        let datasets =
            if matches!(names.trim(), "*" | "__all__") { snapshot.datasets } else { select(&snapshot, names)? };
        let mut recent: HashMap<FieldName, [bool; 4]> = HashMap::new();
        for column in datasets.iter().flat_map(|d| &d.memtable).flat_map(|b| b.events().columns()) {
            match recent.get_mut(&column.field) {
                Some(types) => types[column.field_type as usize] = true,
                None => {
                    let mut types = [false; 4];
                    types[column.field_type as usize] = true;
                    recent.insert(column.field.clone(), types);
                }
            }
        }
        Ok(Scope { datasets: Arc::new(datasets), recent: Arc::new(recent) })
    }

    /// What `name` means here. A field that no dataset has ever seen has no types.
    pub(crate) fn resolve(&self, name: &str) -> FieldRef {
        let system = match name {
            reserved::TIMESTAMP => Some(ScanColumn::Timestamp),
            reserved::SEQUENCE => Some(ScanColumn::Sequence),
            reserved::RECEIVED => Some(ScanColumn::Received),
            reserved::DATASET => Some(ScanColumn::Dataset),
            reserved::SAMPLE_RATE => Some(ScanColumn::SampleRate),
            _ => None,
        };
        if let Some(column) = system {
            return FieldRef::System(column);
        }
        let recent = self.recent.get(name).copied().unwrap_or_default();
        let types = FieldType::ALL.into_iter().filter(|t| {
            recent[*t as usize] || self.datasets.iter().any(|d| d.fields.get(name).is_some_and(|f| f.get(*t).is_some()))
        });
        FieldRef::Field(FieldName::trusted(name), types.collect())
    }

    /// Every field with text values somewhere.
    pub(crate) fn text_fields(&self) -> Vec<FieldName> {
        self.all_fields().into_iter().filter(|f| self.has_text(f)).collect()
    }

    fn has_text(&self, field: &FieldName) -> bool {
        matches!(self.resolve(field.as_str()), FieldRef::Field(_, types) if types.contains(&FieldType::String))
    }

    pub(crate) fn all_fields(&self) -> BTreeSet<FieldName> {
        let kept = self.datasets.iter().flat_map(|d| d.fields.iter().map(|(name, _)| name.clone()));
        kept.chain(self.recent.keys().cloned()).collect()
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
