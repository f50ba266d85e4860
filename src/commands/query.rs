//! `outcrop query`: a question on the command line, its answer as a table, JSON or CSV; for scripts, whether it is alarming.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::condition::{Calculation, Condition, condition, keep_met};
use super::range::Range;
use super::remote::{Remote, tell_warnings};
use super::{CommandError, table};

/// Some group meets a condition.
const MET: u8 = 1;
/// Nobody knows whether one does.
const NO_ANSWER: u8 = 2;
/// Groups that are shown, if nobody says how many.
const GROUPS: usize = 100;
/// Groups that are looked at for conditions, if nobody says how many: as many as an answer may have.
const JUDGED_GROUPS: usize = 10_000;

#[derive(Args, Debug)]
pub(crate) struct QueryArguments {
    /// The dataset, several separated by commas, or * for all
    #[arg(long, value_name = "NAME")]
    dataset: String,
    /// What to calculate: COUNT, 'P99(duration_ms)', … [default: COUNT]
    #[arg(long = "calc", value_name = "CALCULATION")]
    calculations: Vec<String>,
    /// A filter: 'http.status_code >= 500', 'name contains cart', 'error exists'
    #[arg(long = "where", value_name = "FILTER")]
    filters: Vec<String>,
    /// Match any filter instead of all
    #[arg(long)]
    any: bool,
    /// A field to group by
    #[arg(long = "by", value_name = "FIELD")]
    breakdowns: Vec<String>,
    /// A calculation or field to order by; with a leading - descending
    #[arg(long = "order", value_name = "COLUMN", allow_hyphen_values = true)]
    orders: Vec<String>,
    /// Groups to show, or to hold against conditions [default: 100, and 10,000 with --fail-if]
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
    /// For scripts: print only groups for which 'COUNT > 100' or 'P99(duration_ms) >= 500' holds, and exit with 1 if there are
    /// some, with 0 if there are none, with 2 if nobody can know. Given again, one of the conditions is enough
    #[arg(long = "fail-if", value_name = "CONDITION", value_parser = condition)]
    conditions: Vec<Condition>,
    #[command(flatten)]
    range: Range,
    #[command(flatten)]
    remote: Remote,
    /// Print the answer as JSON
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print the groups as CSV
    #[arg(long)]
    csv: bool,
}

pub(crate) fn query(arguments: &QueryArguments) -> Result<ExitCode, CommandError> {
    if arguments.conditions.is_empty() {
        print(arguments, &ask(arguments)?);
        return Ok(ExitCode::SUCCESS);
    }
    Ok(judged(arguments).unwrap_or_else(|error| {
        eprintln!("outcrop: {error}");
        ExitCode::from(NO_ANSWER)
    }))
}

/// Whether some group meets a condition. That none does is believed of an answer that lacks nothing.
fn judged(arguments: &QueryArguments) -> Result<ExitCode, CommandError> {
    let mut answer = ask(arguments)?;
    keep_met(&mut answer, &arguments.conditions)?;
    let is_met = answer["rows"].as_array().is_some_and(|rows| !rows.is_empty());
    print(arguments, &answer);
    if is_met {
        return Ok(ExitCode::from(MET));
    }
    if answer["stats"]["partial"] == true {
        return Err("no group meets a condition, but some events could not be read".into());
    }
    if !answer["other"].is_null() {
        return Err(
            "no group that was looked at meets a condition, but there are more; add a filter, order by what the \
                    condition is about, or give one condition at a time"
                .into(),
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn ask(arguments: &QueryArguments) -> Result<Value, CommandError> {
    // A misspelt field is in no event, and would meet no condition for ever.
    let strict = !arguments.conditions.is_empty();
    Ok(arguments.remote.client().query(&arguments.dataset, &spec(arguments)?, strict)?)
}

fn print(arguments: &QueryArguments, answer: &Value) {
    if arguments.json {
        println!("{answer:#}");
    } else if arguments.csv {
        print!("{}", table::csv(answer));
    } else {
        if arguments.conditions.is_empty() || answer["rows"].as_array().is_some_and(|rows| !rows.is_empty()) {
            println!("{}", table::text(answer));
        }
        tell_warnings(answer);
    }
}

fn spec(arguments: &QueryArguments) -> Result<Value, String> {
    let conditions = &arguments.conditions;
    let mut calculations: Vec<Calculation> =
        arguments.calculations.iter().map(|c| Calculation::read(c)).collect::<Result<_, _>>()?;
    for condition in conditions {
        if !calculations.contains(&condition.calculation) {
            calculations.push(condition.calculation.clone());
        }
    }
    let filters: Vec<Value> = arguments.filters.iter().map(|f| filter(f)).collect::<Result<_, _>>()?;
    let limit = arguments.limit.unwrap_or(if conditions.is_empty() { GROUPS } else { JUDGED_GROUPS });
    let mut spec = json!({
        "calculations": calculations.iter().map(Calculation::spec).collect::<Vec<_>>(),
        "filters": filters,
        "filter_combination": if arguments.any { "OR" } else { "AND" },
        "breakdowns": arguments.breakdowns,
        "orders": arguments.orders.iter().map(|o| order(o)).collect::<Vec<_>>(),
        "limit": limit,
        "disable_series": !arguments.json || !conditions.is_empty(),
    });
    // Havings must all hold; of several conditions one is enough.
    if let [only] = conditions.as_slice() {
        spec["havings"] = json!([only.having()]);
    }
    arguments.range.put(&mut spec)?;
    Ok(spec)
}

fn order(text: &str) -> Value {
    let (column, order) = text.strip_prefix('-').map_or((text, "ascending"), |column| (column, "descending"));
    json!({ "column": column, "order": order })
}

/// Operators, longer ones before those they begin with.
const OPERATORS: [&str; 18] = [
    "does-not-start-with",
    "does-not-end-with",
    "does-not-contain",
    "does-not-exist",
    "does-not-match",
    "starts-with",
    "ends-with",
    "contains",
    "matches",
    "exists",
    "not-in",
    "in",
    ">=",
    "<=",
    "!=",
    "=",
    ">",
    "<",
];

/// `field operator value`. A value is read as JSON if it is JSON, else as text; `in` takes a list or `a,b,c`.
pub(super) fn filter(text: &str) -> Result<Value, String> {
    let found = OPERATORS.iter().find_map(|operator| {
        let spaced = operator.chars().all(|c| c.is_alphabetic() || c == '-');
        let needle = if spaced { format!(" {operator}") } else { (*operator).to_owned() };
        let (column, rest) = text.split_once(&needle)?;
        let ends_word = !spaced || rest.is_empty() || rest.starts_with(' ');
        (ends_word && !column.trim().is_empty()).then(|| (column.trim(), *operator, rest.trim()))
    });
    let (column, operator, value) =
        found.ok_or_else(|| format!("{text:?}: write a filter as 'field operator value'"))?;
    if operator.ends_with("exists") || operator.ends_with("exist") {
        return Ok(json!({ "column": column, "op": operator }));
    }
    let literal = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|_| json!(text));
    let value = match (operator, literal(value)) {
        ("in" | "not-in", Value::Array(list)) => Value::Array(list),
        ("in" | "not-in", _) => value.split(',').map(|v| literal(v.trim())).collect(),
        (_, value) => value,
    };
    Ok(json!({ "column": column, "op": operator, "value": value }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_as_people_write_them() {
        for (text, expected) in [
            ("http.status_code >= 500", json!({"column": "http.status_code", "op": ">=", "value": 500})),
            ("a=b", json!({"column": "a", "op": "=", "value": "b"})),
            ("name contains POST /cart", json!({"column": "name", "op": "contains", "value": "POST /cart"})),
            ("error exists", json!({"column": "error", "op": "exists"})),
            ("error does-not-exist", json!({"column": "error", "op": "does-not-exist"})),
            ("region in eu,us", json!({"column": "region", "op": "in", "value": ["eu", "us"]})),
            ("code in [1, \"a\"]", json!({"column": "code", "op": "in", "value": [1, "a"]})),
            ("ok != true", json!({"column": "ok", "op": "!=", "value": true})),
        ] {
            assert_eq!(filter(text).unwrap(), expected, "{text}");
        }
        assert!(filter("nothing").is_err());
    }

    #[test]
    fn calculations_and_durations() {
        let calculation = |text| Calculation::read(text).unwrap().spec();
        assert_eq!(calculation("p99(duration_ms)"), json!({"op": "P99", "column": "duration_ms"}));
        assert_eq!(calculation("COUNT"), json!({"op": "COUNT"}));
        assert!(Calculation::read("P99(x").is_err());
    }
}
