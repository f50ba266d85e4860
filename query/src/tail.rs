//! What came in since: whole events that match, in the order in which they were acknowledged. Whoever follows asks again with
//! where the answer before ended; nothing is kept for them. It must not know who follows, or how often.

use std::collections::BTreeSet;

use outcrop_storage::Snapshot;
use outcrop_storage::event::{TimestampNs, reserved};

use crate::error::QueryError;
use crate::execute::{Cancelled, QueryEngine};
use crate::plan::collect_names;
use crate::rows::{WholeQuery, read_whole};
use crate::scan::ScanStats;
use crate::scope::Scope;
use crate::spec::{
    Comparison, Condition, Filter, FilterCombination, FilterSpec, Literal, Options, Test, TimeRange, filters,
};
use crate::trace::EventAnswer;
use crate::{limits, missing, overflow};

/// Which events are followed.
#[derive(Clone, Debug, Default)]
pub struct TailSpec {
    pub filters: Vec<FilterSpec>,
    pub filter_combination: FilterCombination,
}

/// What came in since.
#[derive(Clone, Debug, Default)]
pub struct TailPage {
    /// In the order of their numbers.
    pub events: Vec<EventAnswer>,
    /// How many others matched, at least: of many events the newest are there.
    pub dropped: u64,
    /// Nothing up to this number is missing but what was dropped.
    pub seen: Option<u64>,
}

impl QueryEngine {
    /// Checks what is to be followed, and where a follower begins who has seen nothing: behind what is there.
    pub fn tail_begin(&self, snapshot: &Snapshot, datasets: &str, spec: &TailSpec) -> Result<Option<u64>, QueryError> {
        filters(&spec.filters, spec.filter_combination)?;
        let scope = Scope::new(snapshot.clone(), datasets)?;
        Ok(newest(&scope))
    }

    /// The events that came in after one with this number; without it all there are. Dropping the future cancels it.
    pub async fn tail(
        &self,
        snapshot: Snapshot,
        datasets: &str,
        spec: &TailSpec,
        after: Option<u64>,
    ) -> Result<TailPage, QueryError> {
        let filter = filters(&spec.filters, spec.filter_combination)?;
        let mut scope = Scope::new(snapshot, datasets)?;
        let seen = newest(&scope).max(after);
        if seen == after {
            return Ok(TailPage { seen, ..TailPage::default() });
        }
        let first = after.map_or(0, |after| after + 1);
        scope.keep_segments(|segment| segment.sequence_max >= first);
        let context = self.context();
        let ask = move |scope: Scope| {
            let (context, filter) = (context.clone(), filter.clone());
            async move {
                let query = query(&scope, filter, first).await?;
                let cancelled = Cancelled::default();
                let stop = cancelled.flag();
                let work =
                    tokio::task::spawn_blocking(move || read_whole(&context, &query, &stop, &ScanStats::default()));
                let found = work.await.map_err(|_| QueryError::internal("the tail panicked; this is a bug"))?;
                drop(cancelled);
                let found = found?;
                let dropped = found.matched.saturating_sub(found.events.len() as u64);
                let name = |part: usize| scope.datasets[part].name.as_str().to_owned();
                let mut events: Vec<EventAnswer> =
                    found.events.into_iter().map(|event| EventAnswer::new(name(event.part), event)).collect();
                events.sort_unstable_by_key(|event| event.sequence);
                Ok(TailPage { events, dropped, seen })
            }
        };
        self.run(&Options::default(), missing::answer_without_damaged(scope, ask)).await
    }
}

fn newest(scope: &Scope) -> Option<u64> {
    scope.datasets.iter().map(|dataset| dataset.sequence_end()).max().and_then(|end| end.checked_sub(1))
}

async fn query(scope: &Scope, filter: Filter, first: u64) -> Result<WholeQuery, QueryError> {
    let range = TimeRange { start: TimestampNs::MIN, end: TimestampNs::MAX };
    let since = Filter::Condition(Condition {
        column: reserved::SEQUENCE.to_owned(),
        test: Test::Compare(Comparison::GreaterOrEqual, Literal::Integer(i64::try_from(first).unwrap_or(i64::MAX))),
        negated: false,
    });
    let mut names = BTreeSet::new();
    collect_names(&filter, &mut names);
    let mut parts = Vec::with_capacity(scope.datasets.len());
    for dataset in scope.datasets.iter() {
        let mut part = Scope::of(vec![dataset.clone()]);
        overflow::look_up(&mut part, &names, range).await?;
        parts.push((part, Filter::All(vec![since.clone(), filter.clone()])));
    }
    Ok(WholeQuery {
        parts,
        range,
        events_max: limits::TAIL_EVENTS_MAX,
        newest: true,
        fields: None,
        fields_least: Vec::new(),
    })
}
