//! What is looked for where, and what becomes of it. It must not know how anything is found.

use outcrop_storage::event::DatasetName;
use regex::{RegexSet, RegexSetBuilder};

use crate::limits::{REDACTION_PATTERNS_MAX, REDACTION_RULES_MAX};

/// One sentence: in these fields of these datasets, this becomes of what is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Names of datasets, `*` standing for anything.
    pub datasets: Vec<String>,
    /// Names of fields, `*` standing for anything; letters of either case are the same.
    pub fields: Vec<String>,
    /// What is looked for inside of texts; none: the whole field.
    pub detector: Option<Detector>,
    pub action: Action,
}

/// What has a well-known shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Detector {
    // In the order in which they are looked for: a key holds what looks like other things.
    PrivateKey,
    Token,
    Email,
    Card,
    Ip,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Action {
    /// It stays: an exception to later rules.
    #[default]
    Keep,
    /// The field has no value.
    Drop,
    /// Words stand for it.
    Mask,
    /// A name that only the secret can make stands for it.
    Hash,
}

/// Why rules cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    #[error("there are {0} rules, {REDACTION_RULES_MAX} are allowed; put several names into one rule")]
    TooMany(usize),
    #[error("a rule has {0} names; give it 1 to {REDACTION_PATTERNS_MAX}")]
    Names(usize),
    #[error("a name has {0} bytes; it must have 1 to 256")]
    Name(usize),
    #[error("a rule hashes, but there is no secret: set redaction_secret")]
    NoSecret,
    #[error("the names of all rules together are too long; use fewer")]
    TooLarge,
}

impl Detector {
    pub(super) const ALL: [Detector; 5] =
        [Detector::PrivateKey, Detector::Token, Detector::Email, Detector::Card, Detector::Ip];

    /// The word for it in `meta.redacted`.
    pub(super) fn label(self) -> &'static str {
        match self {
            Detector::PrivateKey => "private_key",
            Detector::Token => "token",
            Detector::Email => "email",
            Detector::Card => "card",
            Detector::Ip => "ip",
        }
    }

    /// What stands for it where it is masked.
    pub(super) fn mask(self) -> &'static str {
        match self {
            Detector::PrivateKey => "[private_key]",
            Detector::Token => "[token]",
            Detector::Email => "[email]",
            Detector::Card => "[card]",
            Detector::Ip => "[ip]",
        }
    }
}

impl Rule {
    /// Nobody wants these in a telemetry store, and nothing else looks like them.
    pub fn standard() -> Vec<Rule> {
        let everywhere = |detector| Rule {
            datasets: vec!["*".to_owned()],
            fields: vec!["*".to_owned()],
            detector: Some(detector),
            action: Action::Mask,
        };
        [Detector::PrivateKey, Detector::Token, Detector::Card].map(everywhere).to_vec()
    }
}

pub(super) fn check(rules: &[Rule], has_secret: bool) -> Result<(), RuleError> {
    if rules.len() > REDACTION_RULES_MAX {
        return Err(RuleError::TooMany(rules.len()));
    }
    for rule in rules {
        for names in [&rule.datasets, &rule.fields] {
            if names.is_empty() || names.len() > REDACTION_PATTERNS_MAX {
                return Err(RuleError::Names(names.len()));
            }
            if let Some(name) = names.iter().find(|name| name.is_empty() || name.len() > 256) {
                return Err(RuleError::Name(name.len()));
            }
        }
        if rule.action == Action::Hash && !has_secret {
            return Err(RuleError::NoSecret);
        }
    }
    let names = |of: fn(&Rule) -> &Vec<String>| rules.iter().flat_map(of).cloned().collect::<Vec<_>>();
    let sets = [names(|rule| &rule.datasets), names(|rule| &rule.fields)];
    if sets.iter().any(|names| set(names).is_none()) { Err(RuleError::TooLarge) } else { Ok(()) }
}

/// What the rules say of one dataset.
#[derive(Debug)]
pub(super) struct Plan {
    /// The patterns of all rules that are about it.
    fields: RegexSet,
    /// Of each pattern, what its rule says.
    says: Vec<(Option<Detector>, Action)>,
    /// What is sought in names, and in texts beside events: by the rules that are for every field.
    names: Sought,
    /// Whether no rule is about some fields only.
    alike: bool,
}

/// What is sought in one field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sought {
    /// What becomes of the whole field.
    pub(super) whole: Action,
    detectors: [Action; Detector::ALL.len()],
}

impl Sought {
    pub(super) fn action(&self, detector: Detector) -> Action {
        self.detectors[detector as usize]
    }

    pub(super) fn is_nothing(&self) -> bool {
        *self == Sought::default()
    }
}

impl Plan {
    pub(super) fn of(rules: &[Rule], dataset: &DatasetName) -> Plan {
        let is_about = |names: &[String]| set(names).is_some_and(|set| set.is_match(dataset.as_str()));
        let about = |rule: &&Rule| is_about(&rule.datasets);
        Plan::about(rules.iter().filter(about).collect())
    }

    fn about(rules: Vec<&Rule>) -> Plan {
        let patterns: Vec<String> = rules.iter().flat_map(|rule| rule.fields.iter().cloned()).collect();
        let says = rules.iter().flat_map(|rule| rule.fields.iter().map(|_| (rule.detector, rule.action))).collect();
        let fields = set(&patterns).unwrap_or_default();
        let mut plan = Plan { fields, says, names: Sought::default(), alike: patterns.iter().all(|name| name == "*") };
        plan.names = plan.ask("");
        plan
    }

    /// What the rules say of some dataset, nobody knows which: what must not be kept in one of them. An exception in one is none
    /// in the others.
    pub(super) fn anywhere(rules: &[Rule]) -> Plan {
        let holds = |rule: &&Rule| rule.action != Action::Keep || rule.datasets.iter().any(|name| name == "*");
        Plan::about(rules.iter().filter(holds).collect())
    }

    /// Whether nothing is sought anywhere.
    pub(super) fn is_idle(&self) -> bool {
        self.says.is_empty()
    }

    pub(super) fn of_field(&self, name: &str) -> Sought {
        if self.alike { self.names } else { self.ask(name) }
    }

    /// What is sought in names, and in texts beside events, none of which is a field as a whole.
    pub(super) fn of_names(&self) -> Sought {
        Sought { whole: Action::Keep, ..self.names }
    }

    fn ask(&self, name: &str) -> Sought {
        let mut decided = [None; Detector::ALL.len()];
        let mut whole = None;
        for (detector, action) in self.fields.matches(name).into_iter().map(|at| self.says[at]) {
            let place = match detector {
                Some(detector) => &mut decided[detector as usize],
                None => &mut whole,
            };
            place.get_or_insert(action);
        }
        Sought { whole: whole.unwrap_or_default(), detectors: decided.map(Option::unwrap_or_default) }
    }
}

/// Patterns with `*` as a set that whole names match; none if it would be too large, which [`check`] has seen to.
fn set(patterns: &[String]) -> Option<RegexSet> {
    let whole = |pattern: &String| {
        let parts: Vec<String> = pattern.split('*').map(regex::escape).collect();
        format!("^{}$", parts.join(".*"))
    };
    RegexSetBuilder::new(patterns.iter().map(whole)).case_insensitive(true).build().ok()
}
