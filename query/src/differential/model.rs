//! Answers by looking at one event after the other, as `semantics.md` has them.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::Value;

use super::expressions::text_form;
use super::specs::{By, Calculation, Filter, Formula, Question, RELATED, share};
use super::world::{Event, V, World};

const SECOND_NS: i64 = 1_000_000_000;
const SAFE: i128 = (1 << 53) - 1;

/// A value of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
}

impl Cell {
    fn number(&self) -> Option<f64> {
        match self {
            Cell::Int(i) => Some(*i as f64),
            Cell::Float(f) => Some(*f),
            _ => None,
        }
    }

    fn of(number: Option<f64>) -> Cell {
        number.map_or(Cell::Null, Cell::Float)
    }

    /// Whether an answer's JSON is this value, floats within a part of themselves.
    pub(super) fn is(&self, json: &Value, bound: f64) -> bool {
        match self {
            Cell::Null => json.is_null(),
            Cell::Bool(b) => json.as_bool() == Some(*b),
            Cell::Text(text) => json.as_str() == Some(text),
            Cell::Int(i) if i.abs() <= SAFE && bound < 1e-6 => json.as_f64() == Some(*i as f64),
            Cell::Int(i) if i64::try_from(*i).is_ok() && bound < 1e-6 => json.as_str() == Some(i.to_string().as_str()),
            number => {
                let expected = number.number().unwrap();
                let text = || json.as_str().and_then(|text| text.parse().ok());
                json.as_f64().or_else(text).is_some_and(|found: f64| (found - expected).abs() <= bound * expected.abs())
            }
        }
    }
}

/// Keys in their order: boolean < number < text, null last.
fn order_of_keys(a: &Cell, b: &Cell) -> Ordering {
    let rank = |cell: &Cell| match cell {
        Cell::Bool(_) => 0,
        Cell::Int(_) | Cell::Float(_) => 1,
        Cell::Text(_) => 2,
        Cell::Null => 3,
    };
    match (a, b) {
        (Cell::Bool(a), Cell::Bool(b)) => a.cmp(b),
        (Cell::Text(a), Cell::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Cell::Int(a), Cell::Int(b)) => a.cmp(b),
        (a, b) => rank(a).cmp(&rank(b)).then_with(|| match (a.number(), b.number()) {
            (Some(x), Some(y)) => x.partial_cmp(&y).unwrap(),
            _ => Ordering::Equal,
        }),
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Key(Vec<Cell>);

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Key) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Key) -> Ordering {
        let pairs = self.0.iter().zip(&other.0);
        pairs.map(|(a, b)| order_of_keys(a, b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

pub(super) struct Expected {
    pub(super) rows: Vec<Vec<Cell>>,
    pub(super) total: Option<Vec<Cell>>,
    pub(super) other: Option<Vec<Cell>>,
    /// By group, then by bucket.
    pub(super) series: Vec<Vec<Vec<Cell>>>,
    pub(super) compared: Option<Vec<Vec<Cell>>>,
}

/// An event as the question sees it: with its calculated fields, and the other spans of its trace.
struct Seen<'e> {
    event: &'e Event,
    made: BTreeMap<&'e str, V>,
    /// In the order of time and acknowledgement.
    trace: Vec<&'e Event>,
}

impl Seen<'_> {
    fn field(&self, name: &str) -> Option<V> {
        if name == "sample_rate" {
            return Some(V::Int(i64::from(self.event.rate)));
        }
        self.made.get(name).or_else(|| self.event.fields.get(name)).cloned()
    }

    /// The spans that conditions of a prefix are about.
    fn spans(&self, prefix: &str) -> Vec<&Event> {
        let is_child = |e: &&Event| e.parent().is_some() && e.parent() == self.event.span();
        let trace = self.trace.iter().copied();
        if prefix == "child" { trace.filter(is_child).collect() } else { trace.collect() }
    }

    fn number(&self, name: &str) -> Option<f64> {
        match self.field(name)? {
            V::Int(i) => Some(i as f64),
            V::Float(f) => Some(f),
            V::Bool(_) | V::Text(_) => None,
        }
    }

    fn key(&self, name: &str) -> Cell {
        match self.field(name) {
            None => Cell::Null,
            Some(V::Bool(b)) => Cell::Bool(b),
            Some(V::Int(i)) => Cell::Int(i.into()),
            Some(V::Float(f)) if f == f.trunc() && f.abs() < 9e18 => Cell::Int(f as i128),
            Some(V::Float(f)) => Cell::Float(f),
            Some(V::Text(text)) => Cell::Text(text),
        }
    }
}

/// The fields that an event has of other spans.
fn of_others<'e>(event: &'e Event, trace: &[&'e Event]) -> BTreeMap<&'e str, V> {
    let root = trace.iter().find(|e| e.parent().is_none());
    let parent = event.parent().and_then(|parent| trace.iter().find(|e| e.span() == Some(parent)));
    let is_root = event.trace().is_some() && event.parent().is_none();
    let mut fields = BTreeMap::from([("is_root", V::Bool(is_root))]);
    for name in RELATED {
        let (span, field) = match name.split_once('.') {
            Some(("root", field)) => (root, field),
            Some((_, field)) => (parent, field),
            None => continue,
        };
        if let Some(value) = span.and_then(|span| span.fields.get(field)) {
            fields.insert(name, value.clone());
        }
    }
    fields
}

fn seen<'w>(world: &'w World, question: &Question, offset: i64) -> Vec<Seen<'w>> {
    let range = (question.start - offset) * SECOND_NS..(question.end - offset) * SECOND_NS;
    let addressed = |event: &&Event| matches!(question.datasets, "*" | "one,two") || question.datasets == event.dataset;
    let mut traces: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    for event in world.events.iter().filter(addressed) {
        if let Some(trace) = event.trace() {
            traces.entry(trace).or_default().push(event);
        }
    }
    traces.values_mut().for_each(|trace| trace.sort_by_key(|event| event.time));
    let see = |event: &'w Event| {
        let trace = event.trace().map(|trace| traces[trace].clone()).unwrap_or_default();
        let mut made = of_others(event, &trace);
        let all: BTreeMap<&str, V> = event.fields.iter().map(|(n, v)| (*n, v.clone())).chain(made.clone()).collect();
        for (name, e) in &question.calculated {
            made.extend(e.value(&all).map(|value| (*name, value)));
        }
        Seen { event, made, trace }
    };
    let events = world.events.iter().filter(addressed).filter(|event| range.contains(&event.time));
    events.map(see).filter(|seen| passes(seen, &question.filters, question.any)).collect()
}

fn passes(seen: &Seen<'_>, filters: &[Filter], any: bool) -> bool {
    let own = |filter: &Filter| meets(seen.field(&filter.column).as_ref(), filter.op, &filter.value);
    // Whether one span meets all of these conditions of a prefix.
    let together = |prefix: &str, filters: &[&Filter]| {
        let meets_all = |span: &&Event| filters.iter().all(|f| meets(span.fields.get(inner(f)), f.op, &f.value));
        seen.spans(prefix).iter().any(meets_all) != (prefix == "none")
    };
    if filters.is_empty() {
        return true;
    }
    if any {
        return filters.iter().any(|filter| match prefix(filter) {
            Some(prefix) => together(prefix, &[filter]),
            None => own(filter),
        });
    }
    let mut groups: BTreeMap<&str, Vec<&Filter>> = BTreeMap::new();
    for filter in filters {
        if let Some(prefix) = prefix(filter) {
            groups.entry(prefix).or_default().push(filter);
        }
    }
    let of_event = || filters.iter().filter(|f| prefix(f).is_none()).all(own);
    of_event() && groups.iter().all(|(prefix, filters)| together(prefix, filters))
}

/// The prefix of a condition on some of several spans.
fn prefix(filter: &Filter) -> Option<&str> {
    let (prefix, _) = filter.column.split_once('.')?;
    ["any", "any2", "child", "none"].contains(&prefix).then_some(prefix)
}

fn inner(filter: &Filter) -> &str {
    filter.column.split_once('.').map_or("", |(_, field)| field)
}

fn meets(value: Option<&V>, op: &str, literal: &Value) -> bool {
    let negative = match op {
        "!=" => Some("="),
        "not-in" => Some("in"),
        "does-not-exist" => Some("exists"),
        "does-not-start-with" => Some("starts-with"),
        "does-not-end-with" => Some("ends-with"),
        "does-not-contain" => Some("contains"),
        "does-not-match" => Some("matches"),
        _ => None,
    };
    if let Some(positive) = negative {
        return !meets(value, positive, literal);
    }
    let Some(value) = value else { return false };
    let order = || match (value, literal) {
        (V::Text(text), Value::String(limit)) => Some(text.as_bytes().cmp(limit.as_bytes())),
        (V::Int(i), Value::Number(limit)) => match limit.as_i64() {
            Some(limit) => Some(i.cmp(&limit)),
            None => (*i as f64).partial_cmp(&limit.as_f64().unwrap()),
        },
        (V::Float(f), Value::Number(limit)) => f.partial_cmp(&limit.as_f64().unwrap()),
        _ => None,
    };
    let part = || match literal {
        Value::String(text) => text.clone(),
        Value::Number(number) => {
            number.as_i64().map_or_else(|| text_form(&V::Float(number.as_f64().unwrap())), |i| i.to_string())
        }
        other => other.to_string(),
    };
    match op {
        "exists" => true,
        "=" => match (value, literal) {
            (value, Value::String(text)) => text_form(value) == *text,
            (V::Bool(b), Value::Bool(literal)) => b == literal,
            _ => order() == Some(Ordering::Equal),
        },
        "in" => literal.as_array().unwrap().iter().any(|one| meets(Some(value), "=", one)),
        "<" => order().is_some_and(Ordering::is_lt),
        "<=" => order().is_some_and(Ordering::is_le),
        ">" => order().is_some_and(Ordering::is_gt),
        ">=" => order().is_some_and(Ordering::is_ge),
        "starts-with" => text_form(value).starts_with(&part()),
        "ends-with" => text_form(value).ends_with(&part()),
        "contains" => text_form(value).contains(&part()),
        "matches" => regex::Regex::new(&part()).unwrap().is_match(&text_form(value)),
        other => panic!("{other}"),
    }
}

/// Times that values are of, and that buckets are counted in.
#[derive(Clone, Copy)]
struct Times {
    start: i64,
    end: i64,
    /// Of buckets, and what is added to a time before it is put into one.
    step: i64,
    shift: i64,
}

impl Times {
    fn new(question: &Question, offset: i64) -> Times {
        let shift = offset * SECOND_NS;
        let (start, end) = (question.start * SECOND_NS - shift, question.end * SECOND_NS - shift);
        Times { start, end, step: question.step * SECOND_NS, shift }
    }

    fn bucket(&self, time: i64) -> i64 {
        (time + self.shift).div_euclid(self.step)
    }

    fn buckets(&self) -> std::ops::RangeInclusive<i64> {
        self.bucket(self.start)..=self.bucket(self.end - 1)
    }

    /// One bucket of it.
    fn within(&self, bucket: i64) -> Times {
        let start = bucket * self.step - self.shift;
        Times { start: start.max(self.start), end: (start + self.step).min(self.end), ..*self }
    }
}

fn calculate(of: &Calculation, events: &[&Seen<'_>], question: &Question, times: Times) -> Cell {
    let events: Vec<&Seen<'_>> = events.iter().copied().filter(|seen| passes(seen, &of.filters, of.any)).collect();
    let weight = |seen: &Seen<'_>| if question.weighted { i128::from(seen.event.rate) } else { 1 };
    let column = of.column.as_deref().unwrap_or("duration_ms");
    let inside = || events.iter().filter(|seen| (times.start..times.end).contains(&seen.event.time));
    let numbers = || inside().filter_map(|seen| Some((seen.number(column)?, weight(seen))));
    match of.op {
        "COUNT" => {
            let counted = inside().filter(|seen| of.column.is_none() || seen.field(column).is_some());
            Cell::Int(counted.map(|seen| weight(seen)).sum())
        }
        "SUM" => {
            let values: Vec<(V, i128)> =
                inside().filter_map(|seen| Some((seen.field(column)?, weight(seen)))).collect();
            if values.iter().any(|(v, _)| matches!(v, V::Float(_))) {
                return Cell::Float(numbers().map(|(v, w)| v * w as f64).sum());
            }
            let integer = |(v, w): &(V, i128)| if let V::Int(i) = v { i128::from(*i) * w } else { 0 };
            Cell::Int(values.iter().map(integer).sum())
        }
        "AVG" => {
            let (sum, weights) = numbers().fold((0.0, 0.0), |(s, t), (v, w)| (s + v * w as f64, t + w as f64));
            Cell::of((weights > 0.0).then(|| sum / weights))
        }
        "MIN" | "MAX" => {
            let least = of.op == "MIN";
            let cells = inside().map(|seen| seen.key(column)).filter(|cell| cell.number().is_some());
            cells.reduce(|a, b| if (order_of_keys(&b, &a).is_lt()) == least { b } else { a }).unwrap_or(Cell::Null)
        }
        "COUNT_DISTINCT" => {
            let mut keys: Vec<Key> =
                inside().map(|s| Key(vec![s.key(column)])).filter(|k| k.0[0] != Cell::Null).collect();
            keys.sort();
            keys.dedup();
            Cell::Int(keys.len() as i128)
        }
        "CONCURRENCY" => {
            let ran = |seen: &&Seen<'_>| {
                let length = (seen.number(column)? * 1e6) as i64;
                let (start, end) = (seen.event.time, seen.event.time + length.max(0));
                let ran = end.min(times.end) - start.max(times.start);
                (ran > 0).then(|| ran as f64 * weight(seen) as f64)
            };
            Cell::Float(events.iter().filter_map(ran).sum::<f64>() / (times.end - times.start) as f64)
        }
        rate if rate.starts_with("RATE_") => {
            let mut buckets: BTreeMap<i64, Vec<(f64, i128)>> = BTreeMap::new();
            for seen in inside() {
                let Some(number) = seen.number(column) else { continue };
                buckets.entry(times.bucket(seen.event.time)).or_default().push((number, weight(seen)));
            }
            let value = |bucket: &[(f64, i128)]| rate_value(rate, bucket);
            let (Some((first, a)), Some((last, b))) = (buckets.first_key_value(), buckets.last_key_value()) else {
                return Cell::Null;
            };
            Cell::of((last > first).then(|| (value(b) - value(a)) / (last - first) as f64))
        }
        percentile => {
            let mut values: Vec<(f64, i128)> = numbers().collect();
            values.sort_by(|a, b| a.0.total_cmp(&b.0));
            let total: i128 = values.iter().map(|v| v.1).sum();
            let rank = (share(percentile).unwrap() * total as f64).ceil().max(1.0) as i128;
            let mut below = 0;
            let found = values.iter().find(|(_, weight)| {
                below += weight;
                below >= rank
            });
            Cell::of(found.map(|(value, _)| *value))
        }
    }
}

fn rate_value(rate: &str, bucket: &[(f64, i128)]) -> f64 {
    let sum: f64 = bucket.iter().map(|(v, w)| v * *w as f64).sum();
    match rate {
        "RATE_SUM" => sum,
        "RATE_AVG" => sum / bucket.iter().map(|(_, w)| *w as f64).sum::<f64>(),
        _ => bucket.iter().map(|(v, _)| *v).fold(f64::MIN, f64::max),
    }
}

/// What is shown of these events: calculations that have values, or the formulas of them.
fn shown(events: &[&Seen<'_>], question: &Question, times: Times) -> Vec<Cell> {
    let of = question.calculations.iter().filter(|c| c.op != "HEATMAP");
    with_formulas(of.map(|c| calculate(c, events, question, times)).collect(), question)
}

fn with_formulas(values: Vec<Cell>, question: &Question) -> Vec<Cell> {
    if question.formulas.is_empty() {
        return values;
    }
    let (a, b) = (values[0].number(), values[1].number());
    let formula = |formula: &Formula| match formula {
        Formula::Ratio => Cell::of(a.zip(b).map(|(a, b)| b / a).filter(|ratio| ratio.is_finite())),
        Formula::Sum => Cell::Float(a.unwrap_or(0.0) + b.unwrap_or(0.0)),
    };
    question.formulas.iter().map(formula).collect()
}

impl Expected {
    pub(super) fn new(world: &World, question: &Question) -> Expected {
        let (seen_now, times) = (seen(world, question, 0), Times::new(question, 0));
        let groups = groups(&seen_now, question);
        let mut kept: Vec<(&Key, &Vec<&Seen<'_>>)> =
            groups.iter().filter(|(_, e)| having(e, question, times)).collect();
        kept.sort_by(|a, b| order(a, b, question, times));
        let limit = if question.breakdowns.is_empty() { usize::MAX } else { question.limit };
        let beyond = kept.split_off(limit.min(kept.len()));
        let rest: Vec<&Seen<'_>> = beyond.iter().flat_map(|(_, events)| events.iter().copied()).collect();
        let all: Vec<&Seen<'_>> = seen_now.iter().collect();
        let row = |(key, events): &(&Key, &Vec<&Seen<'_>>)| {
            key.0.iter().cloned().chain(shown(events, question, times)).collect()
        };
        Expected {
            rows: kept.iter().map(row).collect(),
            total: Some(shown(&all, question, times)),
            // With havings the other groups are those that have failed them too.
            other: (!beyond.is_empty() && question.havings.is_empty()).then(|| shown(&rest, question, times)),
            series: kept.iter().map(|(_, events)| series(events, question, times)).collect(),
            compared: question.offset.map(|offset| compared(world, question, offset, &kept)),
        }
    }
}

fn groups<'s, 'e>(seen: &'s [Seen<'e>], question: &Question) -> BTreeMap<Key, Vec<&'s Seen<'e>>> {
    let mut groups: BTreeMap<Key, Vec<&Seen<'_>>> = BTreeMap::new();
    if question.breakdowns.is_empty() {
        groups.insert(Key(Vec::new()), Vec::new());
    }
    for seen in seen {
        let key = question.breakdowns.iter().map(|name| seen.key(name)).collect();
        groups.entry(Key(key)).or_default().push(seen);
    }
    groups
}

fn having(events: &[&Seen<'_>], question: &Question, times: Times) -> bool {
    question.havings.iter().all(|(at, op, limit)| {
        let value = calculate(&question.calculations[*at], events, question, times).number();
        value.is_some_and(|value| match *op {
            "=" => value == *limit,
            "!=" => value != *limit,
            "<" => value < *limit,
            "<=" => value <= *limit,
            ">" => value > *limit,
            _ => value >= *limit,
        })
    })
}

/// Null last, ties by key.
fn order(a: &(&Key, &Vec<&Seen<'_>>), b: &(&Key, &Vec<&Seen<'_>>), question: &Question, times: Times) -> Ordering {
    let default = [(By::Calculation(0), true)];
    let orders = if question.orders.is_empty() { &default[..] } else { &question.orders };
    let by = |(by, descending): &(By, bool)| {
        let (x, y) = match by {
            By::Key(at) => (a.0.0[*at].clone(), b.0.0[*at].clone()),
            By::Calculation(at) => {
                let value = |events: &[&Seen<'_>]| calculate(&question.calculations[*at], events, question, times);
                (value(a.1), value(b.1))
            }
        };
        let order = order_of_keys(&x, &y);
        let absent = x == Cell::Null || y == Cell::Null;
        if *descending && !absent { order.reverse() } else { order }
    };
    orders.iter().map(by).find(|order| order.is_ne()).unwrap_or_else(|| a.0.cmp(b.0))
}

fn series(events: &[&Seen<'_>], question: &Question, times: Times) -> Vec<Vec<Cell>> {
    let calculations: Vec<&Calculation> = question.calculations.iter().filter(|c| c.op != "HEATMAP").collect();
    let change = |of: &Calculation, bucket: i64| {
        let values = |bucket: i64| -> Option<f64> {
            let within = times.within(bucket);
            let inside = events.iter().filter(|s| (within.start..within.end).contains(&s.event.time));
            let weight = |s: &Seen<'_>| if question.weighted { i128::from(s.event.rate) } else { 1 };
            let numbers = inside.filter(|s| passes(s, &of.filters, of.any));
            let column = of.column.as_deref().unwrap();
            let numbers: Vec<(f64, i128)> = numbers.filter_map(|s| Some((s.number(column)?, weight(s)))).collect();
            (!numbers.is_empty()).then(|| rate_value(of.op, &numbers))
        };
        if bucket == *times.buckets().start() {
            return Cell::Null;
        }
        Cell::of(values(bucket).zip(values(bucket - 1)).map(|(now, before)| now - before))
    };
    let value = |of: &Calculation, bucket: i64| match of.op.starts_with("RATE_") {
        true => change(of, bucket),
        false => calculate(of, events, question, times.within(bucket)),
    };
    let row = |bucket: i64| calculations.iter().map(|of| value(of, bucket)).collect();
    times.buckets().map(|bucket| with_formulas(row(bucket), question)).collect()
}

fn compared(world: &World, question: &Question, offset: i64, kept: &[(&Key, &Vec<&Seen<'_>>)]) -> Vec<Vec<Cell>> {
    let (then, times) = (seen(world, question, offset), Times::new(question, offset));
    let groups = groups(&then, question);
    let row = |(key, _): &(&Key, &Vec<&Seen<'_>>)| {
        let values = match groups.get(key) {
            Some(events) => shown(events, question, times),
            None => vec![Cell::Null; question.shown_names().len()],
        };
        key.0.iter().cloned().chain(values).collect()
    };
    kept.iter().map(row).collect()
}

/// The ids of the events, in their order.
pub(super) fn rows(world: &World, question: &Question, descending: bool) -> Vec<i64> {
    let mut seen = seen(world, question, 0);
    // Sequences are given in the order of acknowledgement, in which the world has its events.
    seen.sort_by_key(|seen| seen.event.time);
    let ids = seen.iter().map(|seen| seen.event.id);
    let in_time: Vec<(i64, i64)> = seen.iter().map(|s| s.event.time).zip(ids).collect();
    let ids = in_time.into_iter().map(|(_, id)| id);
    if descending { ids.rev().collect() } else { ids.collect() }
}

pub(super) fn compare(what: &str, expected: &[Vec<Cell>], found: &Value, question: &Question) -> Result<(), String> {
    let rows = found.as_array().ok_or_else(|| format!("{what}: got {found}"))?;
    let keys = question.breakdowns.len();
    for (at, (expected, found)) in expected.iter().zip(rows).enumerate() {
        for (column, cell) in expected.iter().enumerate() {
            let found = &found[column];
            let compared = match column.checked_sub(keys) {
                Some(shown) => question.compare_value(shown, cell, found),
                None if cell.is(found, 1e-12) => Ok(()),
                None => Err(format!("expected {cell:?}, got {found}")),
            };
            compared.map_err(|e| format!("{what}: row {at}, column {column}: {e}"))?;
        }
    }
    if expected.len() == rows.len() {
        Ok(())
    } else {
        Err(format!("{what}: {} rows instead of {}", rows.len(), expected.len()))
    }
}

/// Every bin counts what its edges say.
pub(super) fn check_heatmaps(world: &World, question: &Question, answer: &Value) -> Result<(), String> {
    let (events, times) = (seen(world, question, 0), Times::new(question, 0));
    let heatmaps = question.calculations.iter().filter(|c| c.op == "HEATMAP");
    for (at, of) in heatmaps.enumerate() {
        let map = &answer["heatmaps"][at];
        let bounds: Vec<f64> = map["bounds"].as_array().unwrap().iter().filter_map(Value::as_f64).collect();
        for (place, bucket) in times.buckets().enumerate() {
            let within = times.within(bucket);
            let mut counts = vec![0u64; bounds.len().saturating_sub(1)];
            for seen in events.iter().filter(|s| (within.start..within.end).contains(&s.event.time)) {
                let number = seen.number(of.column.as_deref().unwrap()).filter(|_| passes(seen, &of.filters, of.any));
                let Some(number) = number else { continue };
                let last = counts.len() - 1;
                let bin = (0..=last).find(|i| bounds[*i] <= number && (number < bounds[i + 1] || *i == last));
                let bin = bin.ok_or_else(|| format!("heatmap: {number} is in no bin of {bounds:?}"))?;
                counts[bin] += if question.weighted { u64::from(seen.event.rate) } else { 1 };
            }
            let found: Vec<u64> = map["counts"][place].as_array().unwrap().iter().filter_map(Value::as_u64).collect();
            if found != counts {
                return Err(format!("heatmap: bucket {place}: expected {counts:?}, got {found:?}"));
            }
        }
    }
    Ok(())
}
