//! What the questions found → every intent, judged: what got worse, what nobody ever exercised, what is new and what is gone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::answer::{IntentAnswer, IntentList, IntentSeries, IntentShare, IntentVersion, UnmetAnswer};
use super::ask::{EVENTS, FIRST, Found, LAST, Row, UNMET, rows};
use crate::answer::Answer;
use crate::error::QueryError;
use crate::limits;
use crate::spec::{TimeRange, rfc3339};

/// Standard deviations from which a difference is no chance: once in some seven hundred intents that did not change.
const DEVIATIONS_MIN: f64 = 3.0;

pub(super) fn list(found: &Found, range: TimeRange, before: TimeRange) -> Result<IntentList, QueryError> {
    let mut intents: BTreeMap<String, IntentAnswer> = BTreeMap::new();
    let mut of = |row: &Row<'_>, set: &mut dyn FnMut(&mut IntentAnswer)| {
        if let Some(name) = row.text("intent.name") {
            set(intents.entry(name.clone()).or_insert_with(|| IntentAnswer { name, ..IntentAnswer::default() }));
        }
    };
    for (at, row) in rows(&found.now).enumerate() {
        let series = series(&found.now, at);
        of(&row, &mut |intent| (intent.now, intent.series) = (share(&row), series.clone()));
    }
    for row in rows(&found.before) {
        of(&row, &mut |intent| intent.before = share(&row));
    }
    let mut versions: Vec<Row<'_>> = rows(&found.versions).collect();
    versions.sort_by_key(|row| row.number(FIRST));
    for row in &versions {
        let version = IntentVersion { version: row.text("service.version"), share: share(row) };
        of(row, &mut |intent| intent.versions.push(version.clone()));
    }
    // What programs declare says best where an intent is; what is told first counts.
    let mut declared: Vec<Row<'_>> = rows(&found.declared).collect();
    declared.sort_by_key(|row| std::cmp::Reverse(row.number(LAST)));
    for row in &declared {
        of(row, &mut |intent| {
            intent.declared = true;
            if intent.expectations.is_empty() {
                intent.expectations = expectations(row.text("intent.expectations").as_deref().unwrap_or_default());
            }
            place(intent, row);
        });
    }
    for row in rows(&found.places) {
        of(&row, &mut |intent| place(intent, &row));
    }
    let comings = comings(&declared);
    let mut intents: Vec<IntentAnswer> = intents.into_values().collect();
    for intent in &mut intents {
        if let Some(coming) = comings.get(&intent.name) {
            (intent.new, intent.gone) = (coming.new, !coming.stays);
        }
        judge(intent);
    }
    intents.sort_by(|a, b| {
        rank(a).cmp(&rank(b)).then_with(|| worst(a).total_cmp(&worst(b))).then_with(|| a.name.cmp(&b.name))
    });
    let all = [&found.now, &found.before, &found.versions, &found.places, &found.declared];
    Ok(IntentList {
        start: rfc3339(range.start),
        end: rfc3339(range.end),
        before_start: rfc3339(before.start),
        before_end: rfc3339(before.end),
        intents,
        cursor: None,
        truncated: all.iter().any(|answer| answer.rows.len() >= limits::LIMIT_MAX),
    })
}

fn share(row: &Row<'_>) -> IntentShare {
    IntentShare::new(row.number(EVENTS).unwrap_or_default(), row.number(UNMET).unwrap_or_default())
}

fn series(answer: &Answer, row: usize) -> IntentSeries {
    let Some(series) = &answer.series else { return IntentSeries::default() };
    let Some(group) = series.groups.get(row) else { return IntentSeries::default() };
    let of = |name: &str| group.values.get(name).and_then(|values| values.as_array()).cloned().unwrap_or_default();
    IntentSeries {
        start: series.start.clone(),
        step_seconds: series.step_seconds,
        events: of(EVENTS),
        unmet: of(UNMET),
    }
}

/// Takes what a row says of where the intent is, where nothing newer said it.
fn place(intent: &mut IntentAnswer, row: &Row<'_>) {
    if intent.text.is_none() {
        intent.text = row.text("intent.text");
    }
    if intent.owner.is_none() {
        intent.owner = row.text("intent.owner");
    }
    if intent.file.is_none() {
        (intent.file, intent.line) = (row.text("code.file.path"), row.number("code.line.number"));
    }
    let add = |to: &mut Vec<String>, name: &str| {
        if let Some(text) = row.text(name)
            && !to.contains(&text)
        {
            to.push(text);
        }
    };
    add(&mut intent.services, "service.name");
    add(&mut intent.datasets, "meta.dataset");
}

/// The expectations of a list as it is sent.
fn expectations(text: &str) -> Vec<String> {
    text.split("; ").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Whether an intent came or went with the newest version of a service.
#[derive(Clone, Copy, Debug, Default)]
struct Coming {
    new: bool,
    /// Whether a newest version declares it.
    stays: bool,
}

fn comings(declared: &[Row<'_>]) -> HashMap<String, Coming> {
    // By service: when each version first came, and what it declares.
    type Versions = BTreeMap<Option<String>, (u64, BTreeSet<String>)>;
    let mut services: BTreeMap<Option<String>, Versions> = BTreeMap::new();
    for row in declared {
        let (Some(name), Some(first)) = (row.text("intent.name"), row.number(FIRST)) else { continue };
        let versions = services.entry(row.text("service.name")).or_default();
        let version = versions.entry(row.text("service.version")).or_insert((first, BTreeSet::new()));
        version.0 = version.0.min(first);
        version.1.insert(name);
    }
    let mut comings: HashMap<String, Coming> = HashMap::new();
    for versions in services.values() {
        let Some((newest, (_, declares))) = versions.iter().max_by_key(|(_, (first, _))| *first) else { continue };
        let earlier: BTreeSet<&String> =
            versions.iter().filter(|(version, _)| *version != newest).flat_map(|(_, (_, names))| names).collect();
        for name in &earlier {
            comings.entry((*name).clone()).or_default();
        }
        for name in declares {
            let coming = comings.entry(name.clone()).or_default();
            coming.stays = true;
            coming.new |= versions.len() > 1 && !earlier.contains(name);
        }
    }
    comings
}

fn judge(intent: &mut IntentAnswer) {
    let (now, before) = (intent.now, intent.before);
    intent.change = now.met.zip(before.met).map(|(now, before)| now - before);
    intent.state = match (now.events, before.events) {
        (0, _) if intent.gone => "gone",
        (0, 0) => "never_exercised",
        (0, _) => "quiet",
        (_, 0) => "new",
        _ => match deviations(now, before) {
            worse if worse >= DEVIATIONS_MIN => "worse",
            better if better <= -DEVIATIONS_MIN => "better",
            _ => "holding",
        },
    };
}

/// How far what is unmet now lies above what was unmet before, in standard deviations of what chance makes.
fn deviations(now: IntentShare, before: IntentShare) -> f64 {
    let (events, others) = (now.events as f64, before.events as f64);
    let together = (now.unmet + before.unmet) as f64 / (events + others);
    let spread = (together * (1.0 - together) * (1.0 / events + 1.0 / others)).sqrt();
    let difference = before.met.unwrap_or_default() - now.met.unwrap_or_default();
    if spread > 0.0 { difference / spread } else { 0.0 }
}

/// What is to be seen first.
fn rank(intent: &IntentAnswer) -> u8 {
    match intent.state {
        "worse" => 0,
        "new" => 1,
        "holding" => 2,
        "better" => 3,
        "quiet" => 4,
        "never_exercised" => 5,
        _ => 6,
    }
}

fn worst(intent: &IntentAnswer) -> f64 {
    let by = if intent.state == "worse" { intent.change } else { intent.now.met };
    by.unwrap_or_default()
}

/// How often each expectation did not hold: an event may have several.
pub(super) fn unmet(answer: &Answer) -> Vec<UnmetAnswer> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for row in rows(answer) {
        let events = row.number(EVENTS).unwrap_or_default();
        let text = row.text("intent.unmet").unwrap_or_default();
        let mut named: BTreeSet<String> = expectations(&text).into_iter().collect();
        if named.is_empty() {
            named.insert("not said".to_owned());
        }
        named.into_iter().for_each(|expectation| *counts.entry(expectation).or_default() += events);
    }
    let mut unmet: Vec<UnmetAnswer> =
        counts.into_iter().map(|(expectation, events)| UnmetAnswer { expectation, events }).collect();
    unmet.sort_by(|a, b| b.events.cmp(&a.events).then_with(|| a.expectation.cmp(&b.expectation)));
    unmet
}

#[cfg(test)]
pub(super) fn state(now: (u64, u64), before: (u64, u64)) -> &'static str {
    let mut intent = IntentAnswer {
        now: IntentShare::new(now.0, now.1),
        before: IntentShare::new(before.0, before.1),
        ..IntentAnswer::default()
    };
    judge(&mut intent);
    intent.state
}
