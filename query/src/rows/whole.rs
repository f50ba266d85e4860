//! Whole events, each with its fields: those that a filter chooses in each of some datasets, the earliest or the newest of
//! them. It must not know what they are for.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use datafusion::prelude::SessionContext;
use outcrop_storage::event::{TimestampNs, reserved};
use serde_json::Value;

use super::cells::Cells;
use super::{EventKey, Pager, Searched, Wanted};
use crate::error::QueryError;
use crate::expression::CalculatedFields;
use crate::scan::ScanStats;
use crate::scope::{ScanColumn, Scope};
use crate::spec::{Filter, RowsQuery, TimeRange};

/// Which events of which datasets.
#[derive(Clone, Debug)]
pub(crate) struct WholeQuery {
    /// One dataset each, and what chooses its events.
    pub(crate) parts: Vec<(Scope, Filter)>,
    pub(crate) range: TimeRange,
    pub(crate) events_max: usize,
    /// Which are left where there are more.
    pub(crate) newest: bool,
    /// The fields that are wanted; none for all of them.
    pub(crate) fields: Option<Vec<String>>,
    /// The fields that are read where all that are wanted would be too much.
    pub(crate) fields_least: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct WholeEvent {
    /// Which of the parts it is from.
    pub(crate) part: usize,
    pub(crate) time: TimestampNs,
    pub(crate) sequence: u64,
    /// By name.
    pub(crate) fields: Vec<(Arc<str>, Value)>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct WholeEvents {
    /// By time.
    pub(crate) events: Vec<WholeEvent>,
    /// Whether there are more.
    pub(crate) more: bool,
    /// How many match, at least: those that cannot be among these need not be looked at.
    pub(crate) matched: u64,
    /// Whether the events lack fields that are wanted.
    pub(crate) fewer_fields: bool,
}

/// The places that were found in one part.
struct Found {
    pager: Pager,
    searched: Searched,
}

/// Reads them on the thread that calls. Cancelled by the flag.
pub(crate) fn read_whole(
    context: &SessionContext,
    query: &WholeQuery,
    stop: &Arc<AtomicBool>,
    stats: &ScanStats,
) -> Result<WholeEvents, QueryError> {
    let mut found = Vec::with_capacity(query.parts.len());
    let mut matched = 0;
    for (scope, filter) in &query.parts {
        let pager = Pager {
            context: context.clone(),
            scope: scope.clone(),
            query: RowsQuery {
                calculated: CalculatedFields::default(),
                filter: filter.clone(),
                range: query.range,
                columns: None,
                descending: query.newest,
                limit: query.events_max,
                after: None,
            },
            warnings: Vec::new(),
            stop: Arc::clone(stop),
        };
        // What may be chosen later is opened now; every field opens what it needs itself.
        let named: Vec<String> = query.fields.iter().flatten().chain(&query.fields_least).cloned().collect();
        let searched = pager.search(&wanted(scope, Some(&named)), stats)?;
        matched += searched.matched;
        found.push(Found { pager, searched });
    }
    let mut kept = keep(&mut found, query.events_max, query.newest);
    let mut more = kept.more;
    let mut fields = query.fields.clone();
    loop {
        let mut cells = Cells::default();
        for part in &found {
            let wanted = wanted(&part.pager.scope, fields.as_deref());
            part.pager.fetch_some(&part.searched.units, &part.searched.places, &wanted, &mut cells)?;
        }
        if !cells.is_full() || kept.events <= 1 {
            let fewer_fields = fields != query.fields;
            return Ok(WholeEvents { events: events(&found, cells), more, matched, fewer_fields });
        }
        if fields.as_ref() == Some(&query.fields_least) {
            kept = keep(&mut found, kept.events / 2, query.newest);
            more = true;
        }
        fields = Some(query.fields_least.clone());
    }
}

struct Kept {
    events: usize,
    more: bool,
}

/// Keeps `max` events of all parts together.
fn keep(found: &mut [Found], max: usize, newest: bool) -> Kept {
    let mut keys: Vec<EventKey> =
        found.iter().flat_map(|part| part.searched.places.iter().map(|(key, _)| *key)).collect();
    if keys.len() <= max {
        return Kept { events: keys.len(), more: false };
    }
    let at = if newest { keys.len() - max - 1 } else { max };
    let (_, beyond, _) = keys.select_nth_unstable(at);
    let beyond = *beyond;
    let stays = |key: EventKey| if newest { key > beyond } else { key < beyond };
    // Sequences are unique in the store, so that so many are left.
    found.iter_mut().for_each(|part| part.searched.places.retain(|(key, _)| stays(*key)));
    Kept { events: max, more: true }
}

fn wanted(scope: &Scope, fields: Option<&[String]>) -> Wanted {
    match fields {
        None => Wanted { fields: None, system: vec![ScanColumn::SampleRate], calculated: Vec::new() },
        Some(names) => {
            let names: BTreeSet<&String> = names.iter().collect();
            let resolved = names.into_iter().map(|name| (name.clone(), scope.resolve(name)));
            Wanted { fields: Some(resolved.collect()), system: Vec::new(), calculated: Vec::new() }
        }
    }
}

fn events(found: &[Found], cells: Cells) -> Vec<WholeEvent> {
    let places =
        found.iter().enumerate().flat_map(|(part, f)| f.searched.places.iter().map(move |(key, _)| (part, *key)));
    let mut events: Vec<WholeEvent> = places
        .zip(cells.into_events())
        .map(|((part, (time, sequence)), mut fields)| {
            // Most events stand for themselves.
            fields.retain(|(name, value)| &**name != reserved::SAMPLE_RATE || value.as_i64() != Some(1));
            WholeEvent { part, time, sequence, fields }
        })
        .collect();
    events.sort_unstable_by_key(|event| (event.time, event.sequence));
    events
}
