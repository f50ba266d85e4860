//! What an answer lacks: events in segments that cannot be read. An answer without them is better than none, if it says so.
//!
//! A question that meets damage itself is asked again without the segment that it met it in. It must not know what is
//! asked.

use std::future::Future;

use outcrop_storage::DatasetSnapshot;

use crate::answer::Warning;
use crate::error::QueryError;
use crate::scope::Scope;
use crate::spec::{TimeRange, rfc3339};

/// Answers out of what can be read. Every further attempt has at least one segment less.
pub(crate) async fn answer_without_damaged<T, F>(mut scope: Scope, ask: impl Fn(Scope) -> F) -> Result<T, QueryError>
where
    F: Future<Output = Result<T, QueryError>>,
{
    loop {
        let answer = ask(scope.clone()).await;
        match (answer, scope.without_damaged()) {
            (Err(_), Some(sound)) => scope = sound,
            (answer, _) => return answer,
        }
    }
}

impl Scope {
    /// This scope without the segments in which somebody has met damage since; none if there are no such segments.
    fn without_damaged(&self) -> Option<Scope> {
        let mut datasets = self.datasets.as_ref().clone();
        // Every dataset: the next attempt is to meet as little damage as possible.
        let found = datasets.iter_mut().filter_map(|dataset| dataset.set_aside_damaged().then_some(())).count();
        (found > 0).then(|| Scope::of(datasets))
    }

    /// A warning for each dataset that has events of this time in segments that cannot be read.
    pub(crate) fn missing(&self, range: TimeRange) -> Vec<Warning> {
        self.datasets.iter().filter_map(|dataset| missing_of(dataset, range)).collect()
    }
}

/// The segments of a dataset that cannot be read and may hold events of this time.
pub(crate) fn set_aside(
    dataset: &DatasetSnapshot,
    range: TimeRange,
) -> impl Iterator<Item = &outcrop_storage::SegmentInfo> {
    let infos = dataset.set_aside.iter().map(|segment| segment.info());
    infos.filter(move |info| range.overlaps(info.time_min, info.time_max))
}

fn missing_of(dataset: &DatasetSnapshot, range: TimeRange) -> Option<Warning> {
    let infos = || set_aside(dataset, range);
    let segments = infos().count();
    let (first, last) = (infos().map(|s| s.time_min).min()?, infos().map(|s| s.time_max).max()?);
    let known = infos().all(|s| !s.is_unknown());
    let events = known.then(|| infos().map(|s| s.rows).sum::<u64>());
    let times = known.then(|| (rfc3339(first), rfc3339(last)));
    let which = match (&events, &times) {
        (Some(events), Some((first, last))) => format!("up to {events} events from {first} to {last}"),
        _ => "an unknown number of events of unknown times".to_owned(),
    };
    let (first_event, last_event) = times.unzip();
    Some(Warning::DamagedSegment {
        dataset: dataset.name.as_str().to_owned(),
        segments,
        events,
        first_event,
        last_event,
        message: format!(
            "{which} are missing: {segments} damaged {} set aside. /readyz names the files; put them back from a backup and \
             restart, or let retention take them",
            if segments == 1 { "segment is" } else { "segments are" },
        ),
    })
}
