//! Data points become events: those of one scope, one second and the same attributes share one.
//!
//! The name of a metric is the name of its field. Must not know resources.

use hashbrown::{HashMap, HashSet};
use xxhash_rust::xxh3::Xxh3;

use super::attributes::{key_value, utf8};
use super::histogram::{self, Range};
use super::items::{Items, count};
use super::malformed;
use crate::error::DecodeError;
use crate::event::{Stamp, Value};
use crate::fault::Fault;
use crate::limits::BODY_POINTS_MAX;
use crate::protobuf::Fields;

const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;
/// The flag of a point that has no value.
const NO_VALUE: u64 = 1;

/// What the points of a metric are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Number,
    /// Until version 0.8, integers had messages of their own.
    OldInteger,
    Histogram,
    OldIntegerHistogram,
    Exponential,
    Summary,
}

impl Kind {
    /// By the number of the field of `Metric` that holds the points.
    fn of(number: u32) -> Option<Kind> {
        Some(match number {
            5 | 7 => Kind::Number,
            4 | 6 => Kind::OldInteger,
            9 => Kind::Histogram,
            8 => Kind::OldIntegerHistogram,
            10 => Kind::Exponential,
            11 => Kind::Summary,
            _ => return None,
        })
    }

    /// The field of a point that holds its attributes, and the one that held its labels until version 0.9.
    fn attribute_fields(self) -> (u32, u32) {
        match self {
            Kind::Number | Kind::Summary | Kind::OldInteger => (7, 1),
            Kind::Histogram | Kind::OldIntegerHistogram => (9, 1),
            Kind::Exponential => (1, u32::MAX),
        }
    }
}

/// A data point where it lies in the request.
#[derive(Clone, Copy, Debug)]
struct Point<'a> {
    /// Number of the event that it becomes a part of.
    group: u32,
    metric: u32,
    kind: Kind,
    time: u64,
    message: &'a [u8],
}

/// What is kept of a point until it is staged: in a vector that may have doubled, or is being sorted; the name of its
/// metric; and the hash and number of its group, in a table that may be half empty.
const POINT_BYTES: usize = 2 * (size_of::<Point<'_>>() + size_of::<&[u8]>() + 2 * size_of::<(u128, u32)>());

/// Data points in a `ScopeMetrics`.
pub(super) fn count_points(scope: &[u8]) -> Result<usize, Fault> {
    let mut points = 0;
    let mut metrics = Fields::of(scope);
    while let Some((number, wire)) = metrics.next()? {
        if number != 2 {
            continue;
        }
        let mut metric = Fields::of(wire.bytes()?);
        while let Some((number, wire)) = metric.next()? {
            if Kind::of(number).is_some() {
                points += count(wire.bytes()?, 1)?;
            }
        }
    }
    Ok(points)
}

/// Finds the points of a scope and which belong together.
#[derive(Debug)]
struct Collected<'a> {
    /// Longer points are refused, so that nothing is read of them.
    point_bytes_max: usize,
    names: Vec<&'a [u8]>,
    points: Vec<Point<'a>>,
    groups: HashMap<u128, u32>,
    /// Attributes of the point being looked at.
    attributes: Vec<&'a [u8]>,
}

impl<'a> Collected<'a> {
    fn new(point_bytes_max: usize) -> Collected<'a> {
        Collected {
            point_bytes_max,
            names: Vec::new(),
            points: Vec::new(),
            groups: HashMap::new(),
            attributes: Vec::new(),
        }
    }

    fn metric(&mut self, message: &'a [u8]) -> Result<(), Fault> {
        let mut name: &[u8] = b"";
        let metric = self.names.len() as u32;
        let mut fields = Fields::of(message);
        while let Some((number, wire)) = fields.next()? {
            if number == 1 {
                name = wire.bytes()?;
            } else if let Some(kind) = Kind::of(number) {
                let mut points = Fields::of(wire.bytes()?);
                while let Some((number, wire)) = points.next()? {
                    if number == 1 {
                        self.point(metric, kind, wire.bytes()?)?;
                    }
                }
            }
        }
        // There may be endless metrics without points.
        if self.points.last().is_some_and(|point| point.metric == metric) {
            self.names.push(name);
        }
        Ok(())
    }

    fn point(&mut self, metric: u32, kind: Kind, message: &'a [u8]) -> Result<(), Fault> {
        let (attribute, label) = kind.attribute_fields();
        let mut time = 0;
        self.attributes.clear();
        if message.len() > self.point_bytes_max {
            // By itself, so that no other point is refused with it.
            let group = self.next_group();
            self.groups.insert(u128::from(group), group);
            self.points.push(Point { group, metric, kind, time, message });
            return Ok(());
        }
        let mut fields = Fields::of(message);
        while let Some((number, wire)) = fields.next()? {
            if number == 3 {
                time = wire.fixed64()?;
            } else if number == attribute || number == label {
                self.attributes.push(wire.bytes()?);
            }
        }
        // Senders need not keep an order of attributes.
        self.attributes.sort_unstable();
        let mut hash = Xxh3::new();
        hash.update(&(time / NANOSECONDS_PER_SECOND).to_le_bytes());
        for attribute in &self.attributes {
            hash.update(&(attribute.len() as u64).to_le_bytes());
            hash.update(attribute);
        }
        let next = self.next_group();
        let group = *self.groups.entry(hash.digest128()).or_insert(next);
        self.points.push(Point { group, metric, kind, time, message });
        Ok(())
    }

    fn next_group(&self) -> u32 {
        self.groups.len() as u32
    }
}

impl<'a> Items<'a> {
    /// The metrics of a `ScopeMetrics`.
    pub(super) fn metrics(&mut self, scope: &'a [u8]) -> Result<(), DecodeError> {
        let points = count_points(scope).map_err(malformed)?;
        if self.item_count() + points > BODY_POINTS_MAX {
            return Err(DecodeError::too_large(format!(
                "the request has more than {BODY_POINTS_MAX} data points; send them in several smaller ones"
            )));
        }
        self.memory.hold(points * POINT_BYTES)?;
        let mut collected = Collected::new(self.attributes.rows.event_bytes_max());
        let mut fields = Fields::of(scope);
        while let Some((number, wire)) = fields.next().map_err(malformed)? {
            if number == 2 {
                wire.bytes().and_then(|metric| collected.metric(metric)).map_err(malformed)?;
            }
        }
        // Stable: points stay in the order in which they were sent.
        collected.points.sort_by_key(|point| point.group);
        for group in collected.points.chunk_by(|one, other| one.group == other.group) {
            self.group(group, &collected.names)?;
        }
        Ok(())
    }

    /// One event, or several if a metric comes more than once.
    fn group(&mut self, mut points: &[Point<'a>], names: &[&'a [u8]]) -> Result<(), DecodeError> {
        while !points.is_empty() {
            let mut seen = HashSet::new();
            let (event, rest) = points.split_at(points.iter().take_while(|point| seen.insert(point.metric)).count());
            points = rest;
            let staged = self.stage_points(event, names);
            if let Ok(Some(stamp)) = &staged {
                let sent = event.iter().map(|point| point.message.len()).sum();
                self.commit(stamp.clone(), sent)?;
            }
            for _ in event {
                self.count_item(staged.as_ref().map(drop).map_err(Clone::clone))?;
            }
        }
        Ok(())
    }

    /// Nothing if no point has a value.
    fn stage_points(&mut self, points: &[Point<'a>], names: &[&'a [u8]]) -> Result<Option<Stamp>, Fault> {
        self.attributes.rows.begin_again();
        points.iter().try_for_each(|point| self.check_length(point.message))?;
        let (mut time, mut recorded) = (0, false);
        if let Some(first) = points.first() {
            time = first.time;
            self.stage_attributes(first)?;
        }
        self.attributes.add_default("meta.signal_type", Value::Text("metric"))?;
        for point in points {
            let name = utf8(names[point.metric as usize])?;
            recorded |= self.stage_point(name, point).map_err(|fault| fault.within(name))?;
        }
        Ok(recorded.then(|| self.stamp([time, 0])))
    }

    fn stage_attributes(&mut self, point: &Point<'a>) -> Result<(), Fault> {
        let (attribute, label) = point.kind.attribute_fields();
        let mut fields = Fields::of(point.message);
        while let Some((number, wire)) = fields.next()? {
            if number == attribute {
                self.attributes.stage(wire.bytes()?)?;
            } else if number == label {
                let (key, value) = key_value(wire.bytes()?)?;
                if !key.is_empty() {
                    let field = self.attributes.field(utf8(key)?)?;
                    self.attributes.add(field, Value::Text(utf8(value)?))?;
                }
            }
        }
        Ok(())
    }

    /// Says whether the point has a value.
    fn stage_point(&mut self, name: &str, point: &Point<'a>) -> Result<bool, Fault> {
        match point.kind {
            Kind::Number | Kind::OldInteger => self.stage_number(name, point),
            Kind::Histogram | Kind::OldIntegerHistogram => self.stage_histogram(name, point),
            Kind::Exponential => self.stage_exponential(name, point.message),
            Kind::Summary => self.stage_summary(name, point.message),
        }
    }

    fn stage_number(&mut self, name: &str, point: &Point<'a>) -> Result<bool, Fault> {
        let mut value = Value::Absent;
        let mut flags = 0;
        let mut fields = Fields::of(point.message);
        while let Some((number, wire)) = fields.next()? {
            match (number, point.kind) {
                (4, Kind::OldInteger) => value = Value::Integer(wire.fixed64()? as i64),
                (4, _) => value = Value::float(wire.double()?),
                (6, Kind::Number) => value = Value::Integer(wire.fixed64()? as i64),
                (8, Kind::Number) => flags = wire.varint()?,
                _ => {}
            }
        }
        if flags & NO_VALUE != 0 {
            return Ok(false);
        }
        let recorded = value != Value::Absent;
        let field = self.attributes.field(name)?;
        self.attributes.add(field, value)?;
        Ok(recorded)
    }

    fn stage_histogram(&mut self, name: &str, point: &Point<'a>) -> Result<bool, Fault> {
        let (mut total, mut sum, mut range, mut flags) = (0, None, Range::default(), 0);
        let (mut counts, mut bounds) = (Vec::new(), Vec::new());
        let mut fields = Fields::of(point.message);
        while let Some((number, wire)) = fields.next()? {
            match number {
                4 => total = wire.fixed64()?,
                5 if point.kind == Kind::OldIntegerHistogram => sum = Some(wire.fixed64()? as i64 as f64),
                5 => sum = Some(wire.double()?),
                6 => wire.each_fixed64(|count| counts.push(count))?,
                7 => wire.each_fixed64(|bound| bounds.push(f64::from_bits(bound)))?,
                10 => flags = wire.varint()?,
                11 => range.min = Some(wire.double()?),
                12 => range.max = Some(wire.double()?),
                _ => {}
            }
        }
        if flags & NO_VALUE != 0 {
            return Ok(false);
        }
        self.stage_totals(name, total, sum, range)?;
        let buckets = histogram::explicit(&bounds, &counts, range);
        self.stage_percentiles(name, histogram::percentiles(&buckets, range))?;
        Ok(true)
    }

    fn stage_exponential(&mut self, name: &str, message: &'a [u8]) -> Result<bool, Fault> {
        let (mut total, mut sum, mut range, mut flags) = (0, None, Range::default(), 0);
        let (mut scale, mut zeros, mut threshold) = (0, 0, 0.0);
        let (mut positive, mut negative) = ((0, Vec::new()), (0, Vec::new()));
        let mut fields = Fields::of(message);
        while let Some((number, wire)) = fields.next()? {
            match number {
                4 => total = wire.fixed64()?,
                5 => sum = Some(wire.double()?),
                6 => scale = wire.zigzag()?,
                7 => zeros = wire.fixed64()?,
                8 => positive = exponential_buckets(wire.bytes()?)?,
                9 => negative = exponential_buckets(wire.bytes()?)?,
                10 => flags = wire.varint()?,
                12 => range.min = Some(wire.double()?),
                13 => range.max = Some(wire.double()?),
                14 => threshold = wire.double()?,
                _ => {}
            }
        }
        if flags & NO_VALUE != 0 {
            return Ok(false);
        }
        self.stage_totals(name, total, sum, range)?;
        let buckets =
            histogram::exponential(scale, (positive.0, &positive.1), (threshold, zeros), (negative.0, &negative.1));
        self.stage_percentiles(name, histogram::percentiles(&buckets, range))?;
        Ok(true)
    }

    fn stage_summary(&mut self, name: &str, message: &'a [u8]) -> Result<bool, Fault> {
        let (mut total, mut sum, mut flags) = (0, None, 0);
        let mut quantiles = Vec::new();
        let mut fields = Fields::of(message);
        while let Some((number, wire)) = fields.next()? {
            match number {
                4 => total = wire.fixed64()?,
                5 => sum = Some(wire.double()?),
                6 => quantiles.push(quantile(wire.bytes()?)?),
                8 => flags = wire.varint()?,
                _ => {}
            }
        }
        if flags & NO_VALUE != 0 {
            return Ok(false);
        }
        for (quantile, value) in quantiles {
            self.stage_part(name, &quantile_name(quantile), Value::float(value))?;
        }
        self.stage_totals(name, total, sum, Range::default())?;
        Ok(true)
    }

    fn stage_totals(&mut self, name: &str, count: u64, sum: Option<f64>, range: Range) -> Result<(), Fault> {
        let counted = match i64::try_from(count) {
            Ok(count) => Value::Integer(count),
            Err(_) => self.attributes.written(|out| {
                out.push_str(&count.to_string());
                Ok(())
            })?,
        };
        self.stage_part(name, "count", counted)?;
        if let Some(sum) = sum {
            self.stage_part(name, "sum", Value::float(sum))?;
            if count > 0 {
                self.stage_part(name, "avg", Value::float(sum / count as f64))?;
            }
        }
        for (part, value) in [("min", range.min), ("max", range.max)] {
            if let Some(value) = value {
                self.stage_part(name, part, Value::float(value))?;
            }
        }
        Ok(())
    }

    fn stage_percentiles(
        &mut self,
        name: &str,
        percentiles: impl Iterator<Item = (&'static str, f64)>,
    ) -> Result<(), Fault> {
        for (part, value) in percentiles {
            self.stage_part(name, part, Value::float(value))?;
        }
        Ok(())
    }

    /// One of several fields of a metric.
    fn stage_part(&mut self, name: &str, part: &str, value: Value<'a>) -> Result<(), Fault> {
        let field = self.attributes.field(&format!("{name}.{part}"))?;
        self.attributes.add(field, value)
    }
}

/// Offset and counts of the buckets on one side of zero.
fn exponential_buckets(message: &[u8]) -> Result<(i64, Vec<u64>), Fault> {
    let (mut offset, mut counts) = (0, Vec::new());
    let mut fields = Fields::of(message);
    while let Some((number, wire)) = fields.next()? {
        match number {
            1 => offset = wire.zigzag()?,
            2 => wire.each_varint(|count| counts.push(count))?,
            _ => {}
        }
    }
    Ok((offset, counts))
}

fn quantile(message: &[u8]) -> Result<(f64, f64), Fault> {
    let (mut quantile, mut value) = (0.0, 0.0);
    let mut fields = Fields::of(message);
    while let Some((number, wire)) = fields.next()? {
        match number {
            1 => quantile = wire.double()?,
            2 => value = wire.double()?,
            _ => {}
        }
    }
    Ok((quantile, value))
}

/// `p` and the decimals of the quantile, at least two: `p50`, `p99`, `p999`; its extremes are `min` and `max`.
fn quantile_name(quantile: f64) -> String {
    if quantile <= 0.0 {
        return "min".to_owned();
    }
    if quantile >= 1.0 {
        return "max".to_owned();
    }
    let decimals = format!("{quantile}");
    let decimals = decimals.strip_prefix("0.").unwrap_or(&decimals);
    format!("p{decimals:0<2}")
}

#[cfg(test)]
mod tests {
    use super::quantile_name;

    #[test]
    fn quantiles_have_the_names_of_percentiles() {
        for (quantile, name) in [
            (0.5, "p50"),
            (0.05, "p05"),
            (0.25, "p25"),
            (0.9, "p90"),
            (0.99, "p99"),
            (0.999, "p999"),
            (0.001, "p001"),
            (0.0, "min"),
            (-1.0, "min"),
            (1.0, "max"),
            (7.0, "max"),
        ] {
            assert_eq!(quantile_name(quantile), name, "{quantile}");
        }
    }
}
