//! Markers that make themselves: a service runs a version that nobody has seen before. Found by asking what was seen in the
//! last minute, beside ingest and not within it; events that come later than that make no marker.
//!
//! A service's first version is no news. Must not know routes.

use std::collections::HashSet;
use std::time::Duration;

use outcrop_query::{QueryError, QueryOptions, QuerySpec};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::http::{ApiError, App, MARKERS, working};
use crate::times::rfc3339;
use crate::workspace::{Content, Kind, Reach, Search};

/// The versions that were seen, so that each is marked once.
const RELEASES: Kind = Kind { name: "releases", things_max: 100_000 };
/// How often is asked, if anything has come in since.
const INTERVAL: Duration = Duration::from_secs(10);
/// What is asked about: several intervals, so that what is a little late is seen too.
const WINDOW_SECONDS: i64 = 60;
const STEP_SECONDS: i64 = 5;
/// New versions at once that are releases. More are no versions, but a name that is made anew each time.
const MARKERS_MAX: usize = 10;
const SECOND_NS: i64 = 1_000_000_000;

/// A version of a service that was seen in the window.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    dataset: String,
    service: String,
    version: String,
    /// When, to within some seconds.
    time: i64,
}

impl Seen {
    fn id(&self) -> String {
        let digest = Sha256::digest(format!("{}\n{}\n{}", self.dataset, self.service, self.version).as_bytes());
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    fn of(&self) -> (String, String) {
        (self.dataset.clone(), self.service.clone())
    }
}

/// Watches until the server ends.
pub(crate) async fn watch(app: App) {
    let mut known = None;
    let mut asked_up_to = None;
    loop {
        tokio::time::sleep(INTERVAL).await;
        let come = app.store.snapshot().datasets.iter().map(|dataset| dataset.sequence_end()).max();
        if come == asked_up_to {
            continue;
        }
        match look(&app, &mut known).await {
            Ok(()) => asked_up_to = come,
            Err(error) => tracing::debug!("releases cannot be told: {}", error.message()),
        }
    }
}

/// The ids of versions that were seen, and the services that had one.
#[derive(Debug, Default)]
struct Known {
    versions: HashSet<String>,
    services: HashSet<(String, String)>,
}

async fn load(app: &App) -> Result<Known, ApiError> {
    let all = Search { limit: usize::try_from(RELEASES.things_max).unwrap_or(usize::MAX), ..Search::default() };
    let things = working(app, move |w| w.things(RELEASES, &Reach::All, &all)).await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let services =
        things.iter().map(|thing| (thing.dataset.clone().unwrap_or_default(), text(&thing.body["service"]))).collect();
    Ok(Known { versions: things.into_iter().map(|thing| thing.id).collect(), services })
}

async fn look(app: &App, known: &mut Option<Known>) -> Result<(), ApiError> {
    if known.is_none() {
        *known = Some(load(app).await?);
    }
    let Some(known) = known else { return Ok(()) };
    let now = app.store.clock().now();
    let mut new = seen(app, now).await?;
    new.retain(|seen| !known.versions.contains(&seen.id()));
    new.sort_by_key(|seen| seen.time);
    let marked = new.len() <= MARKERS_MAX;
    for release in new {
        let first = !known.services.contains(&release.of());
        if marked && !first && !was_there_before(app, &release, now).await? {
            mark(app, &release, now).await?;
        }
        let (id, body) = (release.id(), json!({ "service": release.service, "version": release.version }));
        let content = Content { dataset: Some(release.dataset.clone()), body, time: release.time };
        let of = id.clone();
        working(app, move |w| w.create_thing_once(RELEASES, &of, content, "outcrop", now)).await?;
        known.services.insert(release.of());
        known.versions.insert(id);
    }
    Ok(())
}

async fn mark(app: &App, release: &Seen, now: i64) -> Result<(), ApiError> {
    let body = json!({
        "time": rfc3339(release.time), "dataset": release.dataset, "kind": "release",
        "text": format!("{} {}", release.service, release.version),
    });
    let content = Content { dataset: Some(release.dataset.clone()), body, time: release.time };
    // The version's own id: after a crash between the two it is not marked twice.
    let id = release.id();
    working(app, move |w| w.create_thing_once(MARKERS, &id, content, "outcrop", now)).await?;
    Ok(())
}

async fn ask(app: &App, dataset: &str, spec: Value, now: i64) -> Result<Value, ApiError> {
    let spec: QuerySpec = serde_json::from_value(spec).map_err(|_| ApiError::bug("a question of releases"))?;
    let answer = app.engine.query(app.store.snapshot(), dataset, &spec, &QueryOptions::default(), now).await;
    let answer = answer.map_err(|error: QueryError| ApiError::from(error))?;
    serde_json::to_value(answer).map_err(|_| ApiError::bug("an answer about releases"))
}

/// What runs now.
async fn seen(app: &App, now: i64) -> Result<Vec<Seen>, ApiError> {
    let spec = json!({
        "filters": [{ "column": "service.version", "op": "exists" }],
        "breakdowns": ["meta.dataset", "service.name", "service.version"],
        "time_range": WINDOW_SECONDS, "granularity": STEP_SECONDS, "limit": 1_000,
        "disable_total_by_aggregate": true, "disable_other_by_aggregate": true,
    });
    Ok(read(&ask(app, "*", spec, now).await?, now))
}

/// The versions of an answer, and when each was first there.
fn read(answer: &Value, now: i64) -> Vec<Seen> {
    let step = STEP_SECONDS * SECOND_NS;
    let start = (now - WINDOW_SECONDS * SECOND_NS).div_euclid(step) * step;
    let groups = answer["series"]["groups"].as_array().into_iter().flatten();
    let read = groups.filter_map(|group| {
        let text = |at: usize| group["key"][at].as_str().map(str::to_owned);
        let counts = group["values"]["COUNT"].as_array()?;
        let first = counts.iter().position(|count| count.as_u64().is_some_and(|count| count > 0))?;
        let time = (start + i64::try_from(first).ok()? * step).min(now);
        Some(Seen { dataset: text(0)?, service: text(1).unwrap_or_default(), version: text(2)?, time })
    });
    read.collect()
}

/// Whether a version ran before the window: then it only came back.
async fn was_there_before(app: &App, release: &Seen, now: i64) -> Result<bool, ApiError> {
    let service = match release.service.as_str() {
        "" => json!({ "column": "service.name", "op": "does-not-exist" }),
        name => json!({ "column": "service.name", "op": "=", "value": name }),
    };
    let spec = json!({
        "filters": [
            service,
            { "column": "service.version", "op": "=", "value": release.version },
        ],
        "start_time": 0, "end_time": rfc3339(now - WINDOW_SECONDS * SECOND_NS),
        "disable_series": true, "disable_total_by_aggregate": true, "disable_other_by_aggregate": true,
    });
    let answer = ask(app, &release.dataset, spec, now).await?;
    Ok(answer["rows"][0][0].as_u64() != Some(0))
}
