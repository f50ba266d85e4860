//! What a key may do: scopes, each over every dataset or over some.
//!
//! A scope does nothing but what it says: `admin` changes and does not ask. Must not know routes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use outcrop_storage::event::DatasetName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{WorkspaceError, limits};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scope {
    /// Send events.
    Ingest,
    /// Ask.
    Query,
    /// Change what is kept: keys, datasets, deletions.
    Admin,
}

impl Scope {
    pub(crate) const ALL: [Scope; 3] = [Scope::Ingest, Scope::Query, Scope::Admin];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Scope::Ingest => "ingest",
            Scope::Query => "query",
            Scope::Admin => "admin",
        }
    }
}

/// A scope as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Grant {
    pub(crate) scope: Scope,
    /// The only datasets that it is for; null is every dataset.
    #[serde(default)]
    pub(crate) datasets: Option<Vec<String>>,
}

/// `query` or `query:shop,web`, as on the command line.
impl FromStr for Grant {
    type Err = String;

    fn from_str(text: &str) -> Result<Grant, String> {
        let (scope, datasets) = match text.split_once(':') {
            Some((scope, datasets)) => (scope, Some(datasets.split(',').map(str::to_owned).collect())),
            None => (text, None),
        };
        let scope = Scope::ALL.into_iter().find(|s| s.label() == scope);
        let scope = scope.ok_or_else(|| format!("{text:?} is no scope; use ingest, query or admin"))?;
        Ok(Grant { scope, datasets })
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.scope.label())?;
        match &self.datasets {
            Some(datasets) => write!(f, ":{}", datasets.join(",")),
            None => Ok(()),
        }
    }
}

/// The datasets that a scope is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    All,
    Only(BTreeSet<DatasetName>),
}

impl Reach {
    pub(crate) fn includes(&self, dataset: &DatasetName) -> bool {
        match self {
            Reach::All => true,
            Reach::Only(datasets) => datasets.contains(dataset),
        }
    }
}

/// The scopes of a key, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scopes(BTreeMap<Scope, Reach>);

impl Scopes {
    pub(crate) fn new(grants: &[Grant]) -> Result<Scopes, WorkspaceError> {
        let refuse = |what: String| Err(WorkspaceError::Invalid(what));
        let mut scopes = BTreeMap::new();
        for grant in grants {
            let label = grant.scope.label();
            if scopes.insert(grant.scope, reach(grant)?).is_some() {
                return refuse(format!("the scope {label} is there twice; name it once, with all of its datasets"));
            }
        }
        if scopes.is_empty() {
            return refuse("a key needs a scope: ingest, query or admin".to_owned());
        }
        Ok(Scopes(scopes))
    }

    /// Where the scope holds; none if it is not there.
    pub(crate) fn reach(&self, scope: Scope) -> Option<&Reach> {
        self.0.get(&scope)
    }

    pub(crate) fn grants(&self) -> Vec<Grant> {
        let names = |reach: &Reach| match reach {
            Reach::All => None,
            Reach::Only(datasets) => Some(datasets.iter().map(|name| name.as_str().to_owned()).collect()),
        };
        self.0.iter().map(|(scope, reach)| Grant { scope: *scope, datasets: names(reach) }).collect()
    }
}

fn reach(grant: &Grant) -> Result<Reach, WorkspaceError> {
    let label = grant.scope.label();
    let Some(names) = &grant.datasets else { return Ok(Reach::All) };
    if names.is_empty() || names.len() > limits::KEY_DATASETS_MAX {
        return Err(WorkspaceError::Invalid(format!(
            "the scope {label} is limited to {} datasets; name 1 to {}, or none for all of them",
            names.len(),
            limits::KEY_DATASETS_MAX
        )));
    }
    let name = |text: &String| {
        DatasetName::new(text).map_err(|e| WorkspaceError::Invalid(format!("the scope {label}: {text:?}: {e}")))
    };
    names.iter().map(name).collect::<Result<_, _>>().map(Reach::Only)
}
