//! Intents: what code is meant to do, and whether it does. Everything is found by questions over the events themselves
//! (`docs/intent.md` has their fields); nothing is kept beside them.
//!
//! [`ask`] puts the questions, [`judge`] says what got worse, [`answer`] is what comes of it. It must not know how questions
//! are answered.

mod answer;
mod ask;
mod judge;
#[cfg(test)]
mod tests;

use outcrop_storage::Snapshot;
use outcrop_storage::event::TimestampNs;

pub use answer::{IntentAnswer, IntentDetail, IntentList, IntentSeries, IntentShare, IntentVersion, UnmetAnswer};

use crate::error::{QueryError, QueryErrorKind};
use crate::execute::QueryEngine;
use crate::spec::{Options, TimeRange, TimeSpec, replaced, time_range};
use ask::Asking;

/// Which intents, now and against when.
#[derive(Clone, Debug, Default)]
pub struct IntentsSpec {
    pub time_range: Option<i64>,
    pub start_time: Option<TimeSpec>,
    pub end_time: Option<TimeSpec>,
    /// Against when; as long a time directly before, if nobody says.
    pub before_start_time: Option<TimeSpec>,
    pub before_end_time: Option<TimeSpec>,
    /// Only this version, against all others.
    pub version: Option<String>,
    pub service: Option<String>,
}

impl IntentsSpec {
    fn ranges(&self, now: TimestampNs) -> Result<(TimeRange, TimeRange), QueryError> {
        let range = time_range(self.time_range, self.start_time.as_ref(), self.end_time.as_ref(), now)?;
        let length = range.end.saturating_sub(range.start);
        // Other versions run beside this one.
        let end = if self.version.is_some() { range.end } else { range.start };
        let before = TimeRange { start: range.start.saturating_sub(length), end };
        Ok((range, replaced(before, self.before_start_time.as_ref(), self.before_end_time.as_ref())?))
    }
}

impl QueryEngine {
    /// Every intent, what got worse first. Dropping the future cancels it.
    pub async fn intents(
        &self,
        snapshot: Snapshot,
        datasets: &str,
        spec: &IntentsSpec,
        options: &Options,
        now: TimestampNs,
    ) -> Result<IntentList, QueryError> {
        let (range, before) = spec.ranges(now)?;
        let asking = Asking { engine: self, snapshot, datasets, spec, name: None, range, before, options, now };
        judge::list(&asking.everything().await?, range, before)
    }

    /// One intent, with what does not hold about it.
    pub async fn intent(
        &self,
        snapshot: Snapshot,
        datasets: &str,
        name: &str,
        spec: &IntentsSpec,
        options: &Options,
        now: TimestampNs,
    ) -> Result<IntentDetail, QueryError> {
        let (range, before) = spec.ranges(now)?;
        let asking = Asking { engine: self, snapshot, datasets, spec, name: Some(name), range, before, options, now };
        let found = asking.everything().await?;
        let list = judge::list(&found, range, before)?;
        let intent = list.intents.into_iter().next().ok_or_else(|| {
            let message = "no event that you may read declares or exercises this intent at this time; take a longer time, or see \
                           /api/v1/intents for those there are";
            QueryError::new(QueryErrorKind::NotFound, "unknown_intent", message)
        })?;
        let unmet = judge::unmet(&asking.unmet().await?);
        Ok(IntentDetail {
            start: list.start,
            end: list.end,
            before_start: list.before_start,
            before_end: list.before_end,
            intent,
            unmet,
        })
    }
}
