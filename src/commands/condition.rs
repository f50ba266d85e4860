//! Conditions that a script watches for: `COUNT > 100`, `P99(duration_ms) >= 500`. Must not know how they are asked.

use serde_json::{Value, json};

/// Operators, longer ones before those they begin with.
const OPERATORS: [&str; 6] = [">=", "<=", "!=", "=", ">", "<"];

/// A calculation, held against a number.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    pub(super) calculation: Calculation,
    operator: &'static str,
    number: f64,
}

/// `COUNT` or `P99(duration_ms)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Calculation {
    operation: String,
    column: Option<String>,
}

impl Calculation {
    pub(super) fn read(text: &str) -> Result<Calculation, String> {
        let text = text.trim();
        let Some((operation, rest)) = text.split_once('(') else {
            return Ok(Calculation { operation: text.to_uppercase(), column: None });
        };
        let column =
            rest.strip_suffix(')').ok_or_else(|| format!("{text:?}: write a calculation as 'P99(duration_ms)'"))?;
        Ok(Calculation { operation: operation.trim().to_uppercase(), column: Some(column.trim().to_owned()) })
    }

    pub(super) fn spec(&self) -> Value {
        match &self.column {
            Some(column) => json!({ "op": self.operation, "column": column }),
            None => json!({ "op": self.operation }),
        }
    }

    /// What its column in an answer is called.
    fn name(&self) -> String {
        match &self.column {
            Some(column) => format!("{}({column})", self.operation),
            None => self.operation.clone(),
        }
    }
}

/// `calculation operator number`: the last operator in the text, since names of fields may hold some and numbers none.
pub(super) fn condition(text: &str) -> Result<Condition, String> {
    let wrong = || format!("{text:?}: write a condition as 'COUNT > 100' or 'P99(duration_ms) >= 500'");
    let end = text.rfind(['=', '>', '<']).ok_or_else(wrong)? + 1;
    let (left, number) = text.split_at(end);
    let operator = OPERATORS.into_iter().find(|operator| left.ends_with(operator)).ok_or_else(wrong)?;
    let calculation = left[..left.len() - operator.len()].trim();
    let number: f64 = number.trim().parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(wrong)?;
    if calculation.is_empty() || calculation.ends_with(['=', '>', '<', '!']) {
        return Err(wrong());
    }
    Ok(Condition { calculation: Calculation::read(calculation)?, operator, number })
}

impl Condition {
    /// The same as part of a question, which then answers with no other groups.
    pub(super) fn having(&self) -> Value {
        let Calculation { operation, column } = &self.calculation;
        json!({ "calculate_op": operation, "column": column, "op": self.operator, "value": self.number })
    }

    /// Whether a value meets it. What is absent meets nothing.
    fn is_met(&self, value: &Value) -> bool {
        // Integers beyond JavaScript's are texts in answers.
        let value = value.as_f64().or_else(|| value.as_str()?.parse().ok());
        value.is_some_and(|value| match self.operator {
            ">=" => value >= self.number,
            "<=" => value <= self.number,
            "!=" => value != self.number,
            "=" => value == self.number,
            ">" => value > self.number,
            _ => value < self.number,
        })
    }
}

/// Leaves the rows of an answer that meet at least one of the conditions.
pub(super) fn keep_met(answer: &mut Value, conditions: &[Condition]) -> Result<(), String> {
    let columns: Vec<&str> =
        answer["columns"].as_array().into_iter().flatten().filter_map(|c| c["name"].as_str()).collect();
    let place = |condition: &Condition| {
        let name = condition.calculation.name();
        // Groups come before calculations and may be called like one.
        let place = columns.iter().rposition(|column| *column == name);
        place.ok_or_else(|| format!("{name} has no value that could be held against a number"))
    };
    let places = conditions.iter().map(place).collect::<Result<Vec<usize>, String>>()?;
    let is_met = |row: &Value| conditions.iter().zip(&places).any(|(condition, place)| condition.is_met(&row[*place]));
    if let Some(rows) = answer["rows"].as_array_mut() {
        rows.retain(is_met);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_as_people_write_them() {
        for (text, name, operator, number) in [
            ("COUNT > 100", "COUNT", ">", 100.0),
            ("count>=1e3", "COUNT", ">=", 1_000.0),
            ("p99( duration_ms ) <= 0.5", "P99(duration_ms)", "<=", 0.5),
            ("SUM(a>b) != -2", "SUM(a>b)", "!=", -2.0),
            ("MAX(x)=0", "MAX(x)", "=", 0.0),
        ] {
            let read = condition(text).unwrap();
            assert_eq!(
                (read.calculation.name().as_str(), read.operator, read.number),
                (name, operator, number),
                "{text}"
            );
        }
        for wrong in ["COUNT", "COUNT > many", "> 1", "COUNT > 1 ms", "P99(x > 1", "COUNT => 1", "COUNT > inf", ""] {
            assert!(condition(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_rows_are_left_that_meet_a_condition() {
        let conditions = |texts: &[&str]| texts.iter().map(|text| condition(text).unwrap()).collect::<Vec<_>>();
        let met = |texts: &[&str]| {
            let mut answer = json!({
                "columns": [{ "name": "COUNT" }, { "name": "COUNT" }, { "name": "MAX(x)" }],
                "rows": [[9, 1, null], [0, 5, 2.5], [0, 7, "9007199254740993"]],
            });
            keep_met(&mut answer, &conditions(texts)).unwrap();
            answer["rows"].as_array().unwrap().iter().map(|row| row[1].as_u64().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(met(&["COUNT > 5"]), [7], "the group is called like the calculation");
        assert_eq!(met(&["COUNT < 2", "MAX(x) > 1e15"]), [1, 7]);
        assert_eq!(met(&["MAX(x) != 3"]), [5, 7], "absent is not different from 3");
        assert!(met(&["COUNT > 7"]).is_empty());
        assert!(keep_met(&mut json!({ "columns": [], "rows": [] }), &conditions(&["HEATMAP(x) > 1"])).is_err());
    }
}
