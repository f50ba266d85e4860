//! What must not be kept is taken out of events before anything is written: whole fields by name, and inside of texts
//! what detectors find.
//!
//! 1. [`Rule`]s are data: which datasets, which fields, what is looked for, what becomes of it. The first that fits wins.
//! 2. [`detect`] finds cards, addresses, tokens and keys in a text; most columns have none, which one pass over all their
//!    bytes tells.
//! 3. [`columns`] writes the columns anew that have some, and notes in `meta.redacted` what was found where, never the
//!    value itself.
//!
//! [`search`] says where events that are stored hold such things. The names of fields and datasets are texts like any other. It must not know protocols, files, or who makes rules.

mod card;
mod columns;
mod detect;
mod hash;
mod rules;
mod search;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use outcrop_storage::event::{DatasetName, EventBatch, InvalidBatch};
use outcrop_storage::limits::DATASETS_MAX;

use self::detect::DETECTORS;
use self::hash::Hasher;
use self::rules::Plan;

pub use self::rules::{Action, Detector, Rule, RuleError};
pub use self::search::{Finding, Findings};

/// A number as it is hashed: whole ones like integers, which they equal.
pub fn number_text(value: f64) -> String {
    let whole = value.fract() == 0.0 && value.abs() < 9e15;
    if whole { (value as i64).to_string() } else { ryu::Buffer::new().format(value).to_owned() }
}

/// Rules ready for use.
#[derive(Debug)]
pub struct Redaction {
    rules: Vec<Rule>,
    hasher: Option<Hasher>,
    /// What the rules say of a dataset.
    plans: RwLock<HashMap<DatasetName, Arc<Plan>>>,
    /// What they say of texts that are about several.
    anywhere: Plan,
}

impl Redaction {
    /// The rules in their order. Rules that hash need the secret, which is kept nowhere near the events.
    ///
    /// # Errors
    ///
    /// A rule that cannot be followed: an empty or endless pattern, too many, or a hash without a secret.
    pub fn new(rules: Vec<Rule>, secret: Option<&[u8]>) -> Result<Redaction, RuleError> {
        rules::check(&rules, secret.is_some())?;
        Ok(Redaction::of(rules, secret.map(Hasher::new)))
    }

    /// What holds where nobody has made rules: cards, tokens and private keys are masked wherever they are. Whoever asks for a
    /// hashed value may still mean one of earlier rules, so that there may be a secret.
    pub fn standard(secret: Option<&[u8]>) -> Redaction {
        Redaction::of(Rule::standard(), secret.map(Hasher::new))
    }

    fn of(rules: Vec<Rule>, hasher: Option<Hasher>) -> Redaction {
        let anywhere = Plan::anywhere(&rules);
        Redaction { rules, hasher, plans: RwLock::default(), anywhere }
    }

    /// The batches without what must not be kept. What holds nothing of the kind is not touched.
    pub(crate) fn apply(
        &self,
        batches: Vec<(DatasetName, EventBatch)>,
    ) -> Result<Vec<(DatasetName, EventBatch)>, InvalidBatch> {
        let apply = |(dataset, batch): (DatasetName, EventBatch)| {
            let plan = self.plan(&dataset);
            if plan.is_idle() {
                return Ok((dataset, batch));
            }
            let batch = columns::redact(batch, &plan, self)?;
            Ok((self.dataset(dataset), batch))
        };
        batches.into_iter().map(apply).collect()
    }

    /// A text that is kept beside events, such as the literal of a question: as it would be in any field of its dataset, or of any
    /// dataset if it is about none in particular.
    pub fn text<'t>(&self, dataset: Option<&DatasetName>, text: &'t str) -> Cow<'t, str> {
        let sought = dataset.map_or_else(|| self.anywhere.of_names(), |dataset| self.plan(dataset).of_names());
        match DETECTORS.rewrite(text, &sought, self.hasher.as_ref()) {
            Some(found) => Cow::Owned(found.text.unwrap_or_default()),
            None => Cow::Borrowed(text),
        }
    }

    /// What a value is kept as where it is hashed; none without a secret.
    pub fn hash(&self, value: &str) -> Option<String> {
        self.hasher.as_ref().map(|hasher| hasher.hash(value))
    }

    fn dataset(&self, dataset: DatasetName) -> DatasetName {
        let name = match self.text(Some(&dataset), dataset.as_str()) {
            Cow::Borrowed(_) => return dataset,
            Cow::Owned(name) => DatasetName::new(&name),
        };
        name.unwrap_or(DatasetName::trusted("redacted"))
    }

    fn plan(&self, dataset: &DatasetName) -> Arc<Plan> {
        let known = self.plans.read().unwrap_or_else(PoisonError::into_inner).get(dataset).cloned();
        known.unwrap_or_else(|| {
            let plan = Arc::new(Plan::of(&self.rules, dataset));
            let mut plans = self.plans.write().unwrap_or_else(PoisonError::into_inner);
            if plans.len() >= DATASETS_MAX {
                plans.clear();
            }
            plans.insert(dataset.clone(), Arc::clone(&plan));
            plan
        })
    }
}
