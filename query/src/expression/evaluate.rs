//! One value of an expression, out of the values of one row. Only what is needed is calculated.
//!
//! What an absent argument does stands with each function. Must not know where rows come from.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::Write;

use chrono::DateTime;

use super::check::{Expression, Node};
use super::functions::{Function, PatternFunction};
use super::lookup::Key;
use super::value::{Number, Value};
use crate::limits;
use crate::spec::parse_rfc3339;

/// The values that an expression names, in one row.
pub(super) trait Row {
    fn value(&self, input: usize) -> Value<'_>;
}

impl Expression {
    pub(super) fn evaluate<'r>(&'r self, row: &'r impl Row) -> Value<'r> {
        self.node.evaluate(row)
    }
}

impl Node {
    fn evaluate<'r>(&'r self, row: &'r impl Row) -> Value<'r> {
        let otherwise = |node: &'r Option<Box<Node>>| node.as_ref().map_or(Value::Absent, |node| node.evaluate(row));
        match self {
            Node::Literal(value) => borrowed(value),
            Node::Input(at) => row.value(*at),
            Node::If(branches, last) => {
                let taken = branches.iter().find(|(condition, _)| condition.evaluate(row).is_true());
                taken.map_or_else(|| otherwise(last), |(_, value)| value.evaluate(row))
            }
            Node::Switch(value, cases, last) => {
                let value = value.evaluate(row);
                let taken = cases.iter().find(|(case, _)| meets(&value, case));
                taken.map_or_else(|| otherwise(last), |(_, result)| result.evaluate(row))
            }
            Node::Call(function, arguments) => call(*function, arguments, row),
            Node::Pattern(function, value, regex) => {
                let Some(text) = value.evaluate(row).text() else {
                    let matches = *function == PatternFunction::Match;
                    return if matches { Value::Boolean(false) } else { Value::Absent };
                };
                match function {
                    PatternFunction::Match => Value::Boolean(regex.is_match(&text)),
                    PatternFunction::Count => Value::Integer(regex.find_iter(&text).count() as i64),
                    PatternFunction::Value => {
                        let found = regex.captures(&text).and_then(|found| found.get(1).or_else(|| found.get(0)));
                        found.map_or(Value::Absent, |found| Value::Text(found.as_str().to_owned().into()))
                    }
                }
            }
            Node::Lookup(table, field, key) => key_of(key, row).map_or(Value::Absent, |key| table.value(key, *field)),
            Node::Found(table, key) => Value::Boolean(key_of(key, row).is_some_and(|key| table.has(key))),
            Node::FormatTime(items, time) => {
                let seconds = time.evaluate(row).coerced().map(Number::float);
                let Some(time) = seconds.and_then(nanoseconds).map(DateTime::from_timestamp_nanos) else {
                    return Value::Absent;
                };
                let mut text = String::new();
                let written = write!(text, "{}", time.format_with_items(items.iter()));
                written.map_or(Value::Absent, |()| Value::Text(text.into()))
            }
        }
    }
}

fn key_of(nodes: &[Node], row: &impl Row) -> Option<Key> {
    let texts: Option<Vec<Cow<'_, str>>> = nodes.iter().map(|node| node.evaluate(row).text()).collect();
    Some(Key::new(&texts?.iter().map(AsRef::as_ref).collect::<Vec<&str>>()))
}

fn borrowed<'v>(value: &'v Value<'static>) -> Value<'v> {
    match value {
        Value::Text(text) => Value::Text(Cow::Borrowed(text)),
        other => other.clone(),
    }
}

/// A text case meets the text form of every value, as a text in a filter does.
fn meets(value: &Value<'_>, case: &Value<'_>) -> bool {
    match case {
        Value::Text(case) => value.clone().text().is_some_and(|text| text == *case),
        case => value.equals(case),
    }
}

fn nanoseconds(seconds: f64) -> Option<i64> {
    let nanoseconds = (seconds * 1e9).round();
    (nanoseconds.abs() < i64::MAX as f64).then_some(nanoseconds as i64)
}

fn call<'r>(function: Function, arguments: &'r [Node], row: &'r impl Row) -> Value<'r> {
    let mut values = arguments.iter().map(|node| node.evaluate(row));
    let mut next = || values.next().unwrap_or(Value::Absent);
    match function {
        // The first that is there, and no empty text.
        Function::Coalesce => values
            .find(|v| !matches!(v, Value::Absent) && !matches!(v, Value::Text(t) if t.is_empty()))
            .unwrap_or(Value::Absent),
        // Nothing is less or greater than what is absent or of another kind.
        Function::Less => compare(&next(), &next(), Ordering::is_lt),
        Function::LessOrEqual => compare(&next(), &next(), Ordering::is_le),
        Function::Greater => compare(&next(), &next(), Ordering::is_gt),
        Function::GreaterOrEqual => compare(&next(), &next(), Ordering::is_ge),
        Function::Equals => Value::Boolean(next().equals(&next())),
        Function::In => {
            let value = next();
            Value::Boolean(values.any(|other| value.equals(&other)))
        }
        Function::Exists => Value::Boolean(!next().is_absent()),
        Function::Not => Value::Boolean(!next().is_true()),
        Function::And => Value::Boolean(values.all(|v| v.is_true())),
        Function::Or => Value::Boolean(values.any(|v| v.is_true())),
        // Of those that are there.
        Function::Min => extreme(values, Ordering::Less),
        Function::Max => extreme(values, Ordering::Greater),
        // Absent if any of them is.
        Function::Sum => fold(values, i64::checked_add, |a, b| a + b),
        Function::Sub => fold(values, i64::checked_sub, |a, b| a - b),
        Function::Mul => fold(values, i64::checked_mul, |a, b| a * b),
        Function::Div => match next().coerced().zip(next().coerced()) {
            Some((a, b)) => Value::float(a.float() / b.float()),
            None => Value::Absent,
        },
        // The sign is that of the first.
        Function::Mod => match next().coerced().zip(next().coerced()) {
            Some((Number::Integer(a), Number::Integer(b))) if b != 0 => Value::Integer(a.wrapping_rem(b)),
            Some((a, b)) => Value::float(a.float() % b.float()),
            None => Value::Absent,
        },
        Function::Log10 => next().coerced().map_or(Value::Absent, |number| Value::float(number.float().log10())),
        Function::Bucket => bucket(&next(), &next(), &next(), &next()),
        Function::Int => match next().coerced() {
            Some(Number::Float(number)) => integer_of(number.trunc()),
            Some(Number::Integer(number)) => Value::Integer(number),
            None => Value::Absent,
        },
        Function::Float => next().coerced().map_or(Value::Absent, |number| Value::float(number.float())),
        Function::Bool => match next() {
            Value::Absent => Value::Absent,
            value => Value::Boolean(value.is_true()),
        },
        Function::String => next().text().map_or(Value::Absent, Value::Text),
        Function::Concat => concat(values),
        Function::StartsWith => test(next(), next(), |text, part| text.starts_with(part)),
        Function::EndsWith => test(next(), next(), |text, part| text.ends_with(part)),
        Function::Contains => test(next(), next(), |text, part| text.contains(part)),
        Function::ToLower => of_text(next(), |text| Value::Text(text.to_lowercase().into())),
        Function::LengthBytes => of_text(next(), |text| Value::Integer(text.len() as i64)),
        Function::LengthCharacters => of_text(next(), |text| Value::Integer(text.chars().count() as i64)),
        Function::UnixTimestamp => of_text(next(), |text| {
            parse_rfc3339(&text).map_or(Value::Absent, |nanoseconds| Value::float(nanoseconds as f64 / 1e9))
        }),
        Function::Random => match next() {
            Value::Integer(sequence) => {
                // The same for an event whenever it is asked: an answer does not depend on how often it is calculated.
                let hash = xxhash_rust::xxh3::xxh3_64(&sequence.to_le_bytes());
                Value::float((hash >> 11) as f64 / (1u64 << 53) as f64)
            }
            _ => Value::Absent,
        },
    }
}

fn integer_of<'v>(whole: f64) -> Value<'v> {
    let fits = (-crate::spec::INTEGERS_END..crate::spec::INTEGERS_END).contains(&whole);
    if fits { Value::Integer(whole as i64) } else { Value::Absent }
}

fn compare<'v>(a: &Value<'_>, b: &Value<'_>, passes: fn(Ordering) -> bool) -> Value<'v> {
    Value::Boolean(a.compare(b).is_some_and(passes))
}

fn extreme<'v>(values: impl Iterator<Item = Value<'v>>, wanted: Ordering) -> Value<'v> {
    let numbers = values.filter_map(|value| value.coerced());
    let best = numbers.reduce(|best, number| if number.compare(best) == wanted { number } else { best });
    best.map_or(Value::Absent, of_number)
}

fn of_number<'v>(number: Number) -> Value<'v> {
    match number {
        Number::Integer(number) => Value::Integer(number),
        Number::Float(number) => Value::float(number),
    }
}

/// Integers as long as they fit into 64 bits.
fn fold<'v>(
    mut values: impl Iterator<Item = Value<'v>>,
    of_integers: fn(i64, i64) -> Option<i64>,
    of_floats: fn(f64, f64) -> f64,
) -> Value<'v> {
    let Some(mut result) = values.next().and_then(|value| value.coerced()) else { return Value::Absent };
    for value in values {
        let Some(number) = value.coerced() else { return Value::Absent };
        let whole = match (result, number) {
            (Number::Integer(a), Number::Integer(b)) => of_integers(a, b),
            _ => None,
        };
        result = whole.map_or_else(|| Number::Float(of_floats(result.float(), number.float())), Number::Integer);
    }
    of_number(result)
}

/// `12 - 14`, and beyond the bounds `< 10` and `>= 100`.
fn bucket<'v>(value: &Value<'_>, size: &Value<'_>, least: &Value<'_>, most: &Value<'_>) -> Value<'v> {
    let number = |value: &Value<'_>| value.coerced().map(Number::float);
    let Some((value, size)) = number(value).zip(number(size)).filter(|(_, size)| *size > 0.0) else {
        return Value::Absent;
    };
    let (least, most) = (number(least), number(most));
    let written = |number: f64| crate::text::float_text(number + 0.0);
    let label = match (least, most) {
        (Some(least), _) if value < least => format!("< {}", written(least)),
        (_, Some(most)) if value >= most => format!(">= {}", written(most)),
        _ => {
            let origin = least.unwrap_or(0.0);
            let at = ((value - origin) / size).floor();
            let end = most.map_or(origin + (at + 1.0) * size, |most| most.min(origin + (at + 1.0) * size));
            format!("{} - {}", written(origin + at * size), written(end))
        }
    };
    Value::Text(label.into())
}

/// The texts of those that are there, together no longer than any text is.
fn concat<'v>(values: impl Iterator<Item = Value<'v>>) -> Value<'v> {
    let mut whole: Option<String> = None;
    for text in values.filter_map(Value::text) {
        let whole = whole.get_or_insert_default();
        let room = limits::EXPRESSION_TEXT_BYTES_MAX - whole.len();
        whole.push_str(&text[..text.floor_char_boundary(room)]);
    }
    whole.map_or(Value::Absent, |whole| Value::Text(whole.into()))
}

/// A test of texts, which what is absent does not pass.
fn test<'v>(text: Value<'_>, part: Value<'_>, passes: fn(&str, &str) -> bool) -> Value<'v> {
    Value::Boolean(text.text().zip(part.text()).is_some_and(|(text, part)| passes(&text, &part)))
}

fn of_text<'v>(value: Value<'_>, of: impl Fn(Cow<'_, str>) -> Value<'v>) -> Value<'v> {
    value.text().map_or(Value::Absent, of)
}
