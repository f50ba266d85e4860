//! Calculated fields as trees: written down for the engine, and calculated here as `docs/calculated-fields.md` says.

use std::collections::BTreeMap;

use super::rng::Rng;
use super::world::V;

#[derive(Clone, Debug)]
pub(super) enum E {
    Literal(Option<V>),
    Field(&'static str),
    Call(&'static str, Vec<E>),
    /// An operator between two.
    Infix(&'static str, Box<E>, Box<E>),
}

const FIELDS: [&str; 12] =
    ["a", "mixed", "t", "n", "i", "flag", "duration_ms", "x y", "nothing", "root.mixed", "parent.n", "is_root"];

impl E {
    pub(super) fn random(rng: &mut Rng, depth: usize) -> E {
        if depth == 0 || rng.once_in(5) {
            return if rng.once_in(3) { E::Literal(literal(rng)) } else { E::Field(rng.pick(&FIELDS)) };
        }
        let one = |rng: &mut Rng| E::random(rng, depth - 1);
        if rng.once_in(3) {
            let operator = rng.pick(&["+", "-", "*", "/", "%", "<", "<=", ">", ">=", "=", "!=", "AND", "OR"]);
            return E::Infix(operator, Box::new(one(rng)), Box::new(one(rng)));
        }
        let (name, least, most) = rng.pick(&[
            ("IF", 2, 5),
            ("SWITCH", 3, 6),
            ("COALESCE", 1, 3),
            ("LT", 2, 2),
            ("GTE", 2, 2),
            ("EQUALS", 2, 2),
            ("IN", 2, 4),
            ("EXISTS", 1, 1),
            ("NOT", 1, 1),
            ("AND", 1, 3),
            ("OR", 1, 3),
            ("MIN", 1, 3),
            ("MAX", 1, 3),
            ("SUM", 1, 3),
            ("SUB", 2, 2),
            ("MUL", 1, 3),
            ("DIV", 2, 2),
            ("MOD", 2, 2),
            ("INT", 1, 1),
            ("FLOAT", 1, 1),
            ("BOOL", 1, 1),
            ("STRING", 1, 1),
            ("CONCAT", 1, 3),
            ("STARTS_WITH", 2, 2),
            ("ENDS_WITH", 2, 2),
            ("CONTAINS", 2, 2),
            ("TO_LOWER", 1, 1),
            ("LENGTH", 1, 1),
        ]);
        let mut arguments: Vec<E> = (0..rng.between(least, most)).map(|_| one(rng)).collect();
        if name == "SWITCH" {
            let last = arguments.len() - 1;
            for at in (1..last).step_by(2) {
                arguments[at] = E::Literal(literal(rng));
            }
        }
        E::Call(name, arguments)
    }

    pub(super) fn text(&self) -> String {
        match self {
            E::Literal(None) => "null".into(),
            E::Literal(Some(V::Text(text))) => format!("\"{text}\""),
            E::Literal(Some(V::Float(number))) => format!("({number:?})"),
            E::Literal(Some(V::Int(number))) => format!("({number})"),
            E::Literal(Some(V::Bool(value))) => value.to_string(),
            E::Field(name) => format!("$\"{name}\""),
            E::Call(name, arguments) => {
                format!("{name}({})", arguments.iter().map(E::text).collect::<Vec<_>>().join(", "))
            }
            E::Infix(operator, a, b) => format!("({} {operator} {})", a.text(), b.text()),
        }
    }

    pub(super) fn value(&self, fields: &BTreeMap<&str, V>) -> Option<V> {
        match self {
            E::Literal(value) => value.clone(),
            E::Field(name) => fields.get(name).cloned(),
            E::Infix(operator, a, b) => {
                let (a, b) = (a.value(fields), b.value(fields));
                let name = match *operator {
                    "+" => "SUM",
                    "-" => "SUB",
                    "*" => "MUL",
                    "/" => "DIV",
                    "%" => "MOD",
                    "<" => "LT",
                    "<=" => "LTE",
                    ">" => "GT",
                    ">=" => "GTE",
                    "=" => "EQUALS",
                    "!=" => return Some(V::Bool(!equal(&a, &b))),
                    word => word,
                };
                apply(name, vec![a, b])
            }
            E::Call(name, arguments) => apply(name, arguments.iter().map(|e| e.value(fields)).collect()),
        }
    }
}

fn literal(rng: &mut Rng) -> Option<V> {
    match rng.below(6) {
        0 => Some(V::Bool(rng.once_in(2))),
        1 => Some(V::Text((rng.pick(&["", "a", "1", "x", "true", "-2.5", "ä"])).to_owned())),
        2 => Some(V::Float(rng.between(-20, 20) as f64 / 8.0 + 0.0)),
        3 if rng.once_in(3) => None,
        _ => Some(V::Int(rng.between(-4, 12))),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum N {
    I(i64),
    F(f64),
}

impl N {
    fn f(self) -> f64 {
        match self {
            N::I(i) => i as f64,
            N::F(f) => f,
        }
    }

    fn v(self) -> Option<V> {
        match self {
            N::I(i) => Some(V::Int(i)),
            N::F(f) => f.is_finite().then_some(V::Float(if f == 0.0 { 0.0 } else { f })),
        }
    }
}

fn strict(value: &Option<V>) -> Option<N> {
    match value {
        Some(V::Int(i)) => Some(N::I(*i)),
        Some(V::Float(f)) => Some(N::F(*f)),
        _ => None,
    }
}

fn loose(value: &Option<V>) -> Option<N> {
    match value {
        None => None,
        Some(V::Bool(b)) => Some(N::I(i64::from(*b))),
        Some(V::Text(text)) => Some(match (text.trim().parse(), text.trim().parse::<f64>()) {
            (Ok(integer), _) => N::I(integer),
            (_, Ok(float)) if float.is_finite() => N::F(float),
            _ => N::F(0.0),
        }),
        number => strict(number),
    }
}

fn truth(value: &Option<V>) -> bool {
    match value {
        Some(V::Bool(b)) => *b,
        Some(V::Text(text)) => text == "true",
        other => strict(other).is_some_and(|n| n.f() != 0.0),
    }
}

/// The text form. Floats here are neither so large nor so small that they would have an exponent.
pub(super) fn text_form(value: &V) -> String {
    match value {
        V::Bool(b) => b.to_string(),
        V::Int(i) => i.to_string(),
        V::Float(f) => {
            let (mut shortest, exponent) = (format!("{f}"), format!("{f:e}"));
            let power: i32 = exponent.split_once('e').unwrap().1.parse().unwrap();
            if !(-5..16).contains(&power) {
                shortest = exponent;
            }
            shortest
        }
        V::Text(text) => text.clone(),
    }
}

fn equal(a: &Option<V>, b: &Option<V>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(V::Bool(a)), Some(V::Bool(b))) => a == b,
        (Some(V::Text(a)), Some(V::Text(b))) => a == b,
        (a, b) => strict(a).zip(strict(b)).is_some_and(|(a, b)| a.f() == b.f()),
    }
}

fn ordered(a: &Option<V>, b: &Option<V>, passes: fn(std::cmp::Ordering) -> bool) -> Option<V> {
    let order = match (a, b) {
        (Some(V::Text(a)), Some(V::Text(b))) => Some(a.as_bytes().cmp(b.as_bytes())),
        (a, b) => strict(a).zip(strict(b)).and_then(|(a, b)| a.f().partial_cmp(&b.f())),
    };
    Some(V::Bool(order.is_some_and(passes)))
}

fn fold(values: &[Option<V>], whole: fn(i64, i64) -> Option<i64>, float: fn(f64, f64) -> f64) -> Option<V> {
    let numbers: Option<Vec<N>> = values.iter().map(loose).collect();
    let sum = numbers?.into_iter().reduce(|a, b| match (a, b) {
        (N::I(x), N::I(y)) => whole(x, y).map_or(N::F(float(x as f64, y as f64)), N::I),
        (a, b) => N::F(float(a.f(), b.f())),
    });
    sum?.v()
}

fn apply(name: &str, values: Vec<Option<V>>) -> Option<V> {
    let text = |at: usize| values[at].as_ref().map(text_form);
    let test = |passes: fn(&str, &str) -> bool| {
        Some(V::Bool(text(0).zip(text(1)).is_some_and(|(text, part)| passes(&text, &part))))
    };
    match name {
        "IF" => {
            let mut rest = &values[..];
            while let [condition, value, others @ ..] = rest {
                if truth(condition) {
                    return value.clone();
                }
                rest = others;
            }
            rest.first().cloned().flatten()
        }
        "SWITCH" => {
            let mut rest = &values[1..];
            while let [case, result, others @ ..] = rest {
                let meets = match case {
                    Some(V::Text(case)) => text(0).as_ref() == Some(case),
                    case => equal(&values[0], case),
                };
                if meets {
                    return result.clone();
                }
                rest = others;
            }
            rest.first().cloned().flatten()
        }
        "COALESCE" => values.into_iter().flatten().find(|v| *v != V::Text(String::new())),
        "LT" => ordered(&values[0], &values[1], |o| o.is_lt()),
        "LTE" => ordered(&values[0], &values[1], |o| o.is_le()),
        "GT" => ordered(&values[0], &values[1], |o| o.is_gt()),
        "GTE" => ordered(&values[0], &values[1], |o| o.is_ge()),
        "EQUALS" => Some(V::Bool(equal(&values[0], &values[1]))),
        "IN" => Some(V::Bool(values[1..].iter().any(|v| equal(&values[0], v)))),
        "EXISTS" => Some(V::Bool(values[0].is_some())),
        "NOT" => Some(V::Bool(!truth(&values[0]))),
        "AND" => Some(V::Bool(values.iter().all(truth))),
        "OR" => Some(V::Bool(values.iter().any(truth))),
        "MIN" => values.iter().filter_map(loose).reduce(|a, b| if b.f() < a.f() { b } else { a })?.v(),
        "MAX" => values.iter().filter_map(loose).reduce(|a, b| if b.f() > a.f() { b } else { a })?.v(),
        "SUM" => fold(&values, i64::checked_add, |a, b| a + b),
        "SUB" => fold(&values, i64::checked_sub, |a, b| a - b),
        "MUL" => fold(&values, i64::checked_mul, |a, b| a * b),
        "DIV" => N::F(loose(&values[0])?.f() / loose(&values[1])?.f()).v(),
        "MOD" => match (loose(&values[0])?, loose(&values[1])?) {
            (N::I(_), N::I(0)) => None,
            (N::I(a), N::I(b)) => Some(V::Int(a % b)),
            (a, b) => N::F(a.f() % b.f()).v(),
        },
        "INT" => match loose(&values[0])? {
            N::F(f) => (f.abs() < 9e18).then_some(V::Int(f as i64)),
            whole => whole.v(),
        },
        "FLOAT" => N::F(loose(&values[0])?.f()).v(),
        "BOOL" => values[0].as_ref().map(|_| V::Bool(truth(&values[0]))),
        "STRING" => text(0).map(V::Text),
        "CONCAT" => {
            let there: Vec<String> = values.iter().flatten().map(text_form).collect();
            (!there.is_empty()).then(|| V::Text(there.concat()))
        }
        "STARTS_WITH" => test(|text, part| text.starts_with(part)),
        "ENDS_WITH" => test(|text, part| text.ends_with(part)),
        "CONTAINS" => test(|text, part| text.contains(part)),
        "TO_LOWER" => text(0).map(|t| V::Text(t.to_lowercase())),
        "LENGTH" => text(0).map(|t| V::Int(t.chars().count() as i64)),
        other => panic!("{other}"),
    }
}
