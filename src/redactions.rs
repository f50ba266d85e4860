//! What must not be kept, by the rules that hold now: what ingest takes out of events, what questions with hashed values ask
//! for, and what of a question is remembered. It must not know how rules are followed, or where they are kept.

use std::sync::{Arc, PoisonError, RwLock};

use outcrop_ingest::Redaction;
use outcrop_ingest::redact::{Action, Detector, Rule, RuleError, number_text};
use outcrop_storage::event::DatasetName;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::settings::RedactionSecret;

/// A rule as people write it. The first that fits wins; those that hold for everybody come last.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedactionRule {
    /// Why there is the rule.
    #[serde(default)]
    pub(crate) description: String,
    /// Rules are asked in the order of their positions, equal ones in that in which they were made.
    #[serde(default)]
    position: i64,
    /// Names of datasets, `*` standing for anything.
    #[serde(default = "everything")]
    datasets: Vec<String>,
    /// Names of fields, `*` standing for anything, letters of either case being the same.
    #[serde(default = "everything")]
    fields: Vec<String>,
    /// What is looked for inside of texts; null: the whole value.
    #[serde(default)]
    detector: Option<DetectorName>,
    action: ActionName,
}

fn everything() -> Vec<String> {
    vec!["*".to_owned()]
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DetectorName {
    PrivateKey,
    Token,
    Email,
    Card,
    Ip,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ActionName {
    /// It stays: an exception to later rules.
    Keep,
    /// The field has no value.
    Drop,
    /// Words stand for it.
    Mask,
    /// A name that only the secret can make stands for it.
    Hash,
}

impl ActionName {
    pub(crate) fn of(action: Action) -> ActionName {
        match action {
            Action::Keep => ActionName::Keep,
            Action::Drop => ActionName::Drop,
            Action::Mask => ActionName::Mask,
            Action::Hash => ActionName::Hash,
        }
    }
}

impl RedactionRule {
    fn rule(&self) -> Rule {
        let detector = self.detector.map(|name| match name {
            DetectorName::PrivateKey => Detector::PrivateKey,
            DetectorName::Token => Detector::Token,
            DetectorName::Email => Detector::Email,
            DetectorName::Card => Detector::Card,
            DetectorName::Ip => Detector::Ip,
        });
        let action = match self.action {
            ActionName::Keep => Action::Keep,
            ActionName::Drop => Action::Drop,
            ActionName::Mask => Action::Mask,
            ActionName::Hash => Action::Hash,
        };
        Rule { datasets: self.datasets.clone(), fields: self.fields.clone(), detector, action }
    }
}

/// Rules that somebody made, in the order in which they were made.
pub(crate) type Kept = Arc<Vec<RedactionRule>>;

/// The rules, and what hashes are made with.
#[derive(Debug)]
pub(crate) struct Redactions {
    secret: Option<RedactionSecret>,
    current: RwLock<(Kept, Arc<Redaction>)>,
}

impl Redactions {
    pub(crate) fn new(secret: Option<RedactionSecret>) -> Redactions {
        let standard = Redaction::standard(secret.as_ref().map(RedactionSecret::bytes));
        Redactions { secret, current: RwLock::new((Arc::default(), Arc::new(standard))) }
    }

    /// What follows these rules, and the standard ones after them. What cannot be hashed, because the secret is gone, is
    /// masked: nothing of it is kept.
    pub(crate) fn following(&self, kept: &Kept) -> Result<Arc<Redaction>, RuleError> {
        let (before, redaction) = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        if Arc::ptr_eq(&before, kept) || before == *kept {
            return Ok(redaction);
        }
        let mut rules = in_order(kept);
        if self.secret.is_none() {
            rules.iter_mut().filter(|rule| rule.action == Action::Hash).for_each(|rule| rule.action = Action::Mask);
        }
        let redaction = Arc::new(self.redaction(rules)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = (Arc::clone(kept), Arc::clone(&redaction));
        Ok(redaction)
    }

    /// What looks for all that these rules are about, and the standard ones after them, in events that are stored already.
    pub(crate) fn looked_for(&self, rules: &[RedactionRule]) -> Result<Redaction, RuleError> {
        self.redaction(in_order(rules))
    }

    /// Whether these rules can be followed together.
    pub(crate) fn check(&self, kept: &[RedactionRule]) -> Result<(), RuleError> {
        self.redaction(in_order(kept)).map(drop)
    }

    fn redaction(&self, rules: Vec<Rule>) -> Result<Redaction, RuleError> {
        Redaction::new(rules, self.secret.as_ref().map(RedactionSecret::bytes))
    }
}

fn in_order(kept: &[RedactionRule]) -> Vec<Rule> {
    let mut kept: Vec<&RedactionRule> = kept.iter().collect();
    kept.sort_by_key(|rule| rule.position);
    kept.into_iter().map(RedactionRule::rule).chain(Rule::standard()).collect()
}

/// A spec whose filters with `hashed` ask for what their values are kept as. None: one of them cannot, because there is no
/// secret or the value is none that is hashed.
pub(crate) fn hash_filters(redaction: &Redaction, spec: &mut Value) -> Option<()> {
    match spec {
        Value::Array(items) => items.iter_mut().try_for_each(|item| hash_filters(redaction, item)),
        Value::Object(object) => {
            if object.get("hashed") == Some(&Value::Bool(true)) && object.contains_key("op") {
                match object.get_mut("value")? {
                    Value::Array(values) => values.iter_mut().try_for_each(|value| hash(redaction, value))?,
                    value => hash(redaction, value)?,
                }
                object.remove("hashed");
            }
            object.values_mut().try_for_each(|value| hash_filters(redaction, value))
        }
        _ => Some(()),
    }
}

fn hash(redaction: &Redaction, value: &mut Value) -> Option<()> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => integer.to_string(),
            (None, Some(float)) => number_text(float),
            (None, None) => return None,
        },
        _ => return None,
    };
    *value = Value::String(redaction.hash(&text)?);
    Some(())
}

/// The one dataset that a question names; none if it is about several.
pub(crate) fn one_dataset(named: &str) -> Option<DatasetName> {
    let is_one = !named.contains([',', '*']) && named.trim() != "__all__";
    DatasetName::new(named.trim()).ok().filter(|_| is_one)
}

/// What of a question may be remembered.
pub(crate) fn redact_spec(redaction: &Redaction, dataset: Option<&DatasetName>, spec: &mut Value) {
    match spec {
        Value::Array(items) => items.iter_mut().for_each(|item| redact_spec(redaction, dataset, item)),
        Value::Object(object) => object.values_mut().for_each(|value| redact_spec(redaction, dataset, value)),
        Value::String(text) => *text = redaction.text(dataset, text).into_owned(),
        Value::Number(number) => {
            let digits = number.to_string();
            let text = redaction.text(dataset, &digits);
            if text != digits {
                *spec = Value::String(text.into_owned());
            }
        }
        Value::Bool(_) | Value::Null => {}
    }
}
