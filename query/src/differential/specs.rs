//! Random questions, as JSON for the engine and as values for the model.

use serde_json::{Map, Value, json};

use super::expressions::E;
use super::model::Cell;
use super::rng::Rng;
use super::world::{FIELDS, SECONDS, START};

#[derive(Clone, Debug)]
pub(super) struct Calculation {
    pub(super) op: &'static str,
    pub(super) column: Option<String>,
    pub(super) filters: Vec<Filter>,
    pub(super) any: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Filter {
    pub(super) column: String,
    pub(super) op: &'static str,
    pub(super) value: Value,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum By {
    Key(usize),
    Calculation(usize),
}

/// What stands behind the answer's columns after the keys.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Formula {
    /// The second calculation by the first.
    Ratio,
    /// The sum of both, nothing being 0.
    Sum,
}

#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) datasets: &'static str,
    pub(super) calculated: Vec<(&'static str, E)>,
    pub(super) calculations: Vec<Calculation>,
    pub(super) formulas: Vec<Formula>,
    pub(super) filters: Vec<Filter>,
    pub(super) any: bool,
    pub(super) breakdowns: Vec<String>,
    pub(super) orders: Vec<(By, bool)>,
    pub(super) havings: Vec<(usize, &'static str, f64)>,
    pub(super) limit: usize,
    /// Seconds.
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) step: i64,
    pub(super) offset: Option<i64>,
    pub(super) weighted: bool,
}

const CALCULATED: [&str; 2] = ["made", "made too"];
const NUMBERS: [&str; 5] = ["a", "mixed", "n", "i", "duration_ms"];
const PERCENTILES: [&str; 4] = ["P05", "P50", "P95", "P999"];

pub(super) fn share(op: &str) -> Option<f64> {
    Some(match op {
        "P05" => 0.05,
        "P50" => 0.5,
        "P95" => 0.95,
        "P999" => 0.999,
        _ => return None,
    })
}

impl Question {
    pub(super) fn random(rng: &mut Rng) -> Question {
        let calculated: Vec<(&'static str, E)> =
            (0..rng.below(3)).map(|at| (CALCULATED[at as usize], E::random(rng, 3))).collect();
        let made: Vec<&str> = calculated.iter().map(|(name, _)| *name).collect();
        let mut calculations = vec![calculation(rng, &made, true)];
        for _ in 0..rng.below(3) {
            let further = calculation(rng, &made, false);
            if !calculations.iter().any(|c: &Calculation| (c.op, &c.column) == (further.op, &further.column)) {
                calculations.push(further);
            }
        }
        let scalar = |c: &Calculation| c.op != "HEATMAP";
        let formulas = match calculations.as_slice() {
            [a, b, ..] if rng.once_in(5) && scalar(a) && scalar(b) => vec![Formula::Ratio, Formula::Sum],
            _ => Vec::new(),
        };
        let mut breakdowns: Vec<String> = Vec::new();
        for _ in 0..rng.below(3) {
            let name = field(rng, &made, &FIELDS);
            if !breakdowns.contains(&name) {
                breakdowns.push(name);
            }
        }
        let mut orders: Vec<(By, bool)> = (0..rng.below(3))
            .map(|_| {
                let by = match rng.below(2) {
                    0 if !breakdowns.is_empty() => By::Key(rng.below(breakdowns.len() as u64) as usize),
                    _ => By::Calculation(0),
                };
                (by, rng.once_in(2))
            })
            .collect();
        if !formulas.is_empty() && orders.is_empty() {
            // Formulas may be of estimates, which are no order that can be told.
            orders.push((By::Calculation(0), true));
        }
        let havings = (0..rng.below(6) / 4)
            .map(|_| (0, rng.pick(&["=", "!=", "<", "<=", ">", ">="]), rng.between(-2, 40) as f64))
            .collect();
        let start = START + if rng.once_in(2) { -60 } else { rng.between(-200, SECONDS) };
        let end = if rng.once_in(2) { START + SECONDS + 60 } else { start + rng.between(1, SECONDS) };
        Question {
            datasets: rng.pick(&["*", "*", "one", "two", "one,two"]),
            filters: filters(rng, &made, 4),
            any: rng.once_in(3),
            calculated,
            calculations,
            formulas,
            breakdowns,
            orders,
            havings,
            limit: if rng.once_in(2) { 10_000 } else { rng.between(1, 8) as usize },
            start,
            end,
            step: rng.between(30, 1_800),
            offset: rng.once_in(4).then(|| rng.between(1, 2_000)),
            weighted: !rng.once_in(4),
        }
    }

    pub(super) fn shown_names(&self) -> Vec<String> {
        match self.formulas.is_empty() {
            true => self.calculations.iter().filter(|c| c.op != "HEATMAP").map(Calculation::name).collect(),
            false => vec!["ratio".into(), "sum of both".into()],
        }
    }

    pub(super) fn spec(&self) -> Value {
        let mut spec = json!({
            "calculations": self.calculations.iter().map(Calculation::spec).collect::<Vec<_>>(),
            "breakdowns": self.breakdowns,
            "orders": self.orders.iter().map(|(by, descending)| self.order(*by, *descending)).collect::<Vec<_>>(),
            "havings": self.havings.iter().map(|(at, op, value)| {
                let of = &self.calculations[*at];
                json!({ "calculate_op": of.op, "column": of.column, "op": op, "value": value })
            }).collect::<Vec<_>>(),
            "limit": self.limit,
            "granularity": self.step,
            "usage_mode": !self.weighted,
        });
        if let Some(offset) = self.offset {
            spec["compare_time_offset_seconds"] = json!(offset);
        }
        if !self.formulas.is_empty() {
            let (a, b) = (self.calculations[0].name(), self.calculations[1].name());
            spec["formulas"] = json!([
                { "name": "ratio", "expression": format!("$\"{b}\" / $\"{a}\"") },
                { "name": "sum of both", "expression": format!("SUM(COALESCE($\"{a}\", 0), COALESCE($\"{b}\", 0))") },
            ]);
        }
        self.scope(spec)
    }

    /// A page of rows of the same events, and whether it is descending.
    pub(super) fn rows(&self, rng: &mut Rng) -> (Value, bool) {
        let descending = rng.once_in(2);
        let order = if descending { "descending" } else { "ascending" };
        let spec = json!({ "columns": ["id"], "order": order, "limit": rng.between(1, 200) });
        (self.scope(spec), descending)
    }

    fn scope(&self, mut spec: Value) -> Value {
        let calculated: Vec<Value> =
            self.calculated.iter().map(|(name, e)| json!({ "name": name, "expression": e.text() })).collect();
        spec["calculated_fields"] = json!(calculated);
        spec["filters"] = json!(self.filters.iter().map(Filter::spec).collect::<Vec<_>>());
        spec["filter_combination"] = json!(if self.any { "OR" } else { "AND" });
        spec["start_time"] = json!(self.start);
        spec["end_time"] = json!(self.end);
        spec
    }

    fn order(&self, by: By, descending: bool) -> Value {
        let order = if descending { "descending" } else { "ascending" };
        match by {
            By::Key(at) => json!({ "column": self.breakdowns[at], "order": order }),
            By::Calculation(at) => {
                let of = &self.calculations[at];
                json!({ "op": of.op, "column": of.column, "order": order })
            }
        }
    }

    /// Whether something shown has the value that it should: estimates within their bound.
    pub(super) fn compare_value(&self, at: usize, expected: &Cell, found: &Value) -> Result<(), String> {
        let shown: Vec<&Calculation> = self.calculations.iter().filter(|c| c.op != "HEATMAP").collect();
        let bound = match self.formulas.is_empty() {
            true if share(shown[at].op).is_some() => 0.01,
            true => 1e-9,
            // Of two estimates, each 1 % off.
            false if self.calculations[..2].iter().any(|c| share(c.op).is_some()) => return estimate(expected, found),
            false => 1e-9,
        };
        match expected.is(found, bound) {
            true => Ok(()),
            false => Err(format!("expected {expected:?}, got {found}")),
        }
    }
}

/// A formula of estimates: a sum of numbers of both signs may be off by any part of itself.
fn estimate(expected: &Cell, found: &Value) -> Result<(), String> {
    match found.is_null() == (*expected == Cell::Null) {
        true => Ok(()),
        false => Err(format!("expected {expected:?}, got {found}")),
    }
}

/// Fields of other spans that have one value.
pub(super) const RELATED: [&str; 5] = ["root.mixed", "root.i", "parent.n", "parent.t", "is_root"];

fn field(rng: &mut Rng, made: &[&str], of: &[&str]) -> String {
    if rng.once_in(12) {
        return rng.pick(&RELATED).to_owned();
    }
    if !made.is_empty() && rng.once_in(3) {
        return rng.pick(made).to_owned();
    }
    if rng.once_in(30) { "nothing".to_owned() } else { rng.pick(of).to_owned() }
}

/// `ordering`: of what groups may be ordered by, and no sums of numbers that are not exact.
fn calculation(rng: &mut Rng, made: &[&str], ordering: bool) -> Calculation {
    let op = match rng.below(if ordering { 5 } else { 12 }) {
        0 | 1 => "COUNT",
        2 => "MIN",
        3 => "MAX",
        4 => "COUNT_DISTINCT",
        5 => "SUM",
        6 => "AVG",
        7 | 8 => rng.pick(&PERCENTILES),
        9 => "HEATMAP",
        10 => "CONCURRENCY",
        _ => rng.pick(&["RATE_SUM", "RATE_AVG", "RATE_MAX"]),
    };
    let column = match op {
        "CONCURRENCY" => None,
        "COUNT" if rng.once_in(2) => None,
        "COUNT" | "COUNT_DISTINCT" | "MIN" | "MAX" => Some(field(rng, made, &FIELDS)),
        "SUM" if rng.once_in(4) => Some("big".to_owned()),
        _ => Some(field(rng, made, &NUMBERS)),
    };
    let filters = if rng.once_in(4) { filters(rng, made, 3) } else { Vec::new() };
    Calculation { op, column, filters, any: rng.once_in(2) }
}

fn filters(rng: &mut Rng, made: &[&str], end: u64) -> Vec<Filter> {
    (0..rng.below(end)).map(|_| Filter::random(rng, made)).collect()
}

impl Calculation {
    pub(super) fn name(&self) -> String {
        self.column.as_ref().map_or_else(|| self.op.to_owned(), |column| format!("{}({column})", self.op))
    }

    fn spec(&self) -> Value {
        let mut spec = json!({ "op": self.op });
        if let Some(column) = &self.column {
            spec["column"] = json!(column);
        }
        if !self.filters.is_empty() {
            spec["filters"] = json!(self.filters.iter().map(Filter::spec).collect::<Vec<_>>());
            spec["filter_combination"] = json!(if self.any { "OR" } else { "AND" });
        }
        spec
    }
}

fn literal(rng: &mut Rng) -> Value {
    match rng.below(5) {
        0 => json!(rng.once_in(2)),
        1 => json!(rng.between(-20, 80) as f64 / 8.0),
        2 | 3 => json!(rng.pick(&["", "1", "2", "true", "x", "a", "ab", "ä", "cart", "-2.5", "0.5"])),
        _ => json!(rng.pick(&[0, 1, 2, 3, 50, -1, 7, (1 << 53) + 1, i64::MAX])),
    }
}

impl Filter {
    fn random(rng: &mut Rng, made: &[&str]) -> Filter {
        let op = rng.pick(&[
            "=",
            "!=",
            ">",
            ">=",
            "<",
            "<=",
            "in",
            "not-in",
            "exists",
            "does-not-exist",
            "starts-with",
            "does-not-start-with",
            "ends-with",
            "does-not-end-with",
            "contains",
            "does-not-contain",
            "matches",
            "does-not-match",
        ]);
        let value = match op {
            "exists" | "does-not-exist" => Value::Null,
            "in" | "not-in" => (0..rng.below(4)).map(|_| literal(rng)).collect(),
            "matches" | "does-not-match" => json!(rng.pick(&["^a", "1$", ".", "^$", "[0-9]+"])),
            _ => literal(rng),
        };
        let column = match rng.below(20) {
            0 => "sample_rate".to_owned(),
            1..=3 => format!("{}.{}", rng.pick(&["any", "any", "any2", "child", "none"]), rng.pick(&FIELDS)),
            _ => field(rng, made, &FIELDS),
        };
        Filter { column, op, value }
    }

    fn spec(&self) -> Value {
        let mut spec = Map::from_iter([("column".into(), json!(self.column)), ("op".into(), json!(self.op))]);
        if !self.value.is_null() {
            spec.insert("value".into(), self.value.clone());
        }
        Value::Object(spec)
    }
}
