//! What must not be kept, by the rules that hold now: what ingest takes out of events, and what questions with hashed values
//! ask for. It must not know how rules are followed.

use std::sync::{Arc, PoisonError, RwLock};

use outcrop_ingest::Redaction;
use outcrop_ingest::redact::{Action, Rule, RuleError, number_text};
use serde_json::Value;

use crate::settings::RedactionSecret;

/// The rules, and what hashes are made with.
#[derive(Debug)]
pub(crate) struct Redactions {
    secret: Option<RedactionSecret>,
    current: RwLock<(Arc<Vec<Rule>>, Arc<Redaction>)>,
}

impl Redactions {
    /// The standard rules, until others are [set](Redactions::set).
    pub(crate) fn new(secret: Option<RedactionSecret>) -> Redactions {
        Redactions { secret, current: RwLock::new((Arc::new(Rule::standard()), Arc::new(Redaction::standard()))) }
    }

    pub(crate) fn current(&self) -> Arc<Redaction> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).1)
    }

    /// Rules as they would hold.
    pub(crate) fn check(&self, rules: Vec<Rule>) -> Result<Redaction, RuleError> {
        Redaction::new(rules, self.secret.as_ref().map(RedactionSecret::bytes))
    }

    /// From now on these rules hold. What cannot be hashed, because the secret is gone, is masked: nothing of it is kept.
    pub(crate) fn set(&self, rules: &Arc<Vec<Rule>>) -> Result<(), RuleError> {
        if Arc::ptr_eq(&self.current.read().unwrap_or_else(PoisonError::into_inner).0, rules) {
            return Ok(());
        }
        let mut followed = rules.to_vec();
        if self.secret.is_none() {
            followed.iter_mut().filter(|r| r.action == Action::Hash).for_each(|rule| rule.action = Action::Mask);
        }
        let redaction = Arc::new(self.check(followed)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = (Arc::clone(rules), redaction);
        Ok(())
    }

    /// A spec whose filters with `hashed` ask for what their values are kept as. None: one of them cannot, because there is
    /// no secret or the value is none that is hashed.
    pub(crate) fn hash_filters(&self, spec: &mut Value) -> Option<()> {
        match spec {
            Value::Array(items) => items.iter_mut().try_for_each(|item| self.hash_filters(item)),
            Value::Object(object) => {
                if object.get("hashed") == Some(&Value::Bool(true)) && object.contains_key("op") {
                    let value = object.get_mut("value")?;
                    match value {
                        Value::Array(values) => values.iter_mut().try_for_each(|value| self.hash(value))?,
                        value => self.hash(value)?,
                    }
                    object.remove("hashed");
                }
                object.values_mut().try_for_each(|value| self.hash_filters(value))
            }
            _ => Some(()),
        }
    }

    fn hash(&self, value: &mut Value) -> Option<()> {
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
        *value = Value::String(self.current().hash(&text)?);
        Some(())
    }
}
