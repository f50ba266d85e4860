//! `outcrop query`: a question on the command line, its answer as a table, JSON or CSV.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::remote::{Remote, tell_warnings};
use super::{CommandError, table};

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
    /// Groups to show
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    limit: usize,
    /// The time range up to now: 90s, 30m, 2h, 7d
    #[arg(long, value_name = "DURATION", default_value = "2h", conflicts_with_all = ["start", "end"])]
    last: String,
    /// From when, RFC 3339
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// Until when, RFC 3339
    #[arg(long, value_name = "TIME")]
    end: Option<String>,
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
    let answer = arguments.remote.client().query(&arguments.dataset, &spec(arguments)?)?;
    if arguments.json {
        println!("{answer:#}");
    } else if arguments.csv {
        print!("{}", table::csv(&answer));
    } else {
        println!("{}", table::text(&answer));
        tell_warnings(&answer);
    }
    Ok(ExitCode::SUCCESS)
}

fn spec(arguments: &QueryArguments) -> Result<Value, String> {
    let calculations: Vec<Value> = arguments.calculations.iter().map(|c| calculation(c)).collect::<Result<_, _>>()?;
    let filters: Vec<Value> = arguments.filters.iter().map(|f| filter(f)).collect::<Result<_, _>>()?;
    let mut spec = json!({
        "calculations": calculations,
        "filters": filters,
        "filter_combination": if arguments.any { "OR" } else { "AND" },
        "breakdowns": arguments.breakdowns,
        "orders": arguments.orders.iter().map(|o| order(o)).collect::<Vec<_>>(),
        "limit": arguments.limit,
        "disable_series": !arguments.json,
    });
    match (&arguments.start, &arguments.end) {
        (None, None) => spec["time_range"] = json!(seconds(&arguments.last)?),
        (start, end) => {
            if let Some(start) = start {
                spec["start_time"] = json!(start);
            }
            if let Some(end) = end {
                spec["end_time"] = json!(end);
            }
        }
    }
    Ok(spec)
}

/// `COUNT` or `P99(duration_ms)`.
fn calculation(text: &str) -> Result<Value, String> {
    let text = text.trim();
    let Some((op, rest)) = text.split_once('(') else { return Ok(json!({ "op": text.to_uppercase() })) };
    let column =
        rest.strip_suffix(')').ok_or_else(|| format!("{text:?}: write a calculation as 'P99(duration_ms)'"))?;
    Ok(json!({ "op": op.trim().to_uppercase(), "column": column.trim() }))
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

pub(super) fn seconds(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text:?}: write a duration as 90s, 30m, 2h or 7d");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let number: i64 = number.parse().map_err(|_| wrong())?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    number.checked_mul(unit).filter(|s| *s > 0).ok_or_else(wrong)
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
        assert_eq!(calculation("p99(duration_ms)").unwrap(), json!({"op": "P99", "column": "duration_ms"}));
        assert_eq!(calculation("COUNT").unwrap(), json!({"op": "COUNT"}));
        assert!(calculation("P99(x").is_err());
        assert_eq!(seconds("2h"), Ok(7_200));
        assert!(seconds("2 hours").is_err() && seconds("").is_err() && seconds("0s").is_err());
    }
}
