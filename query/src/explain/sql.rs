//! A query as a statement of SQL that finds the same groups. It is for people to read and go on with: nothing is answered by
//! it. Where SQL cannot say the same, that is said beside it.

use std::collections::BTreeSet;

use outcrop_storage::event::{FieldType, reserved};

use crate::scope::{FieldRef, ScanColumn, Scope};
use crate::spec::{
    Calculation, CalculationOp, Comparison, Condition, Filter, HavingOp, Literal, OrderBy, Query, Test, rfc3339,
    time_literal,
};

/// The statement, and where it says something else.
pub(super) fn statement(scope: &Scope, query: &Query, datasets: &str) -> (String, Vec<String>) {
    let mut writer = Writer { scope, weighted: query.weighted && scope.sampled(), differs: BTreeSet::new() };
    let sql = writer.statement(query, datasets);
    (sql, writer.differs.into_iter().collect())
}

struct Writer<'s> {
    scope: &'s Scope,
    weighted: bool,
    differs: BTreeSet<String>,
}

fn name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn float(value: f64) -> String {
    format!("{value:?}")
}

fn comparison(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}

impl Writer<'_> {
    fn statement(&mut self, query: &Query, datasets: &str) -> String {
        for calculated in query.calculated.names() {
            self.differs.insert(format!("{calculated} is calculated by the query: SQL has no such column"));
        }
        for (formula, _) in &query.formulas {
            self.differs.insert(format!("the formula {formula} is left out of the statement"));
        }
        let mut selected: Vec<String> = query.breakdowns.iter().map(|field| self.key(field)).collect();
        let mut values = Vec::new();
        for calculation in &query.calculations {
            values.push(self.calculation(calculation));
            if let Some(Some(value)) = values.last() {
                selected.push(format!("{value} AS {}", name(&calculation.name)));
            }
        }
        let mut conditions = vec![
            format!("timestamp >= {}", text(&rfc3339(query.range.start))),
            format!("timestamp < {}", text(&rfc3339(query.range.end))),
        ];
        if query.filter != Filter::All(Vec::new()) {
            conditions.push(self.filter(&query.filter));
        }
        let mut sql = format!(
            "SELECT {}\nFROM {}\nWHERE {}",
            if selected.is_empty() { "1".to_owned() } else { selected.join(", ") },
            name(datasets.trim()),
            conditions.join(" AND ")
        );
        if !query.breakdowns.is_empty() {
            let places: Vec<String> = (1..=query.breakdowns.len()).map(|at| at.to_string()).collect();
            sql.push_str(&format!("\nGROUP BY {}", places.join(", ")));
        }
        let havings: Vec<String> = query
            .havings
            .iter()
            .filter_map(|having| {
                let value = values.get(having.value_of)?.as_ref()?;
                let operator = match having.op {
                    HavingOp::Equals => "=",
                    HavingOp::NotEquals => "<>",
                    HavingOp::Compare(op) => comparison(op),
                };
                Some(format!("CAST({value} AS DOUBLE) {operator} {}", float(having.value)))
            })
            .collect();
        if !havings.is_empty() {
            sql.push_str(&format!("\nHAVING {}", havings.join(" AND ")));
        }
        if !query.breakdowns.is_empty() {
            sql.push_str(&format!("\nORDER BY {}\nLIMIT {}", self.order(query).join(", "), query.limit));
        }
        sql
    }

    fn order(&self, query: &Query) -> Vec<String> {
        let direction = |descending: bool| if descending { "DESC" } else { "ASC" };
        let mut order: Vec<String> = query
            .orders
            .iter()
            .filter_map(|order| {
                let column = match order.by {
                    OrderBy::Value(at) => &query.calculations.get(at)?.name,
                    OrderBy::Breakdown(at) => &query.breakdowns[at],
                };
                Some(format!("{} {} NULLS LAST", name(column), direction(order.descending)))
            })
            .collect();
        if order.is_empty() {
            let first = query.calculations.iter().find(|c| c.op != CalculationOp::Heatmap);
            order.extend(first.map(|c| format!("{} DESC NULLS LAST", name(&c.name))));
        }
        order.extend(query.breakdowns.iter().map(|field| format!("{} ASC NULLS LAST", name(field))));
        order
    }

    fn key(&mut self, field: &str) -> String {
        match self.scope.resolve(field) {
            FieldRef::System(_) => name(field),
            found if found.types().is_empty() => format!("CAST(NULL AS TEXT) AS {}", name(field)),
            found => {
                if found.types().len() > 1 {
                    self.differs
                        .insert(format!("{field:?} has several types: values with the same text are one group in SQL"));
                }
                name(field)
            }
        }
    }

    /// A field's numbers.
    fn number(&mut self, field: &str) -> String {
        match self.scope.resolve(field) {
            FieldRef::System(ScanColumn::SampleRate | ScanColumn::Sequence) => name(field),
            FieldRef::System(_) => "CAST(NULL AS DOUBLE)".to_owned(),
            found => {
                let types = found.types();
                let is_number = |t: &FieldType| matches!(t, FieldType::Integer | FieldType::Float);
                if types.iter().filter(|t| is_number(t)).count() == 2 {
                    self.differs
                        .insert(format!("{field:?} has integers and floats: integers beyond 2^53 are rounded in SQL"));
                }
                match types {
                    [] => "CAST(NULL AS DOUBLE)".to_owned(),
                    types if types.iter().all(is_number) => name(field),
                    _ => format!("event_number({})", name(field)),
                }
            }
        }
    }

    /// The text form of a field's values.
    fn text_of(&mut self, field: &str) -> String {
        match self.scope.resolve(field) {
            FieldRef::System(ScanColumn::Dataset) => name(reserved::DATASET),
            FieldRef::System(_) => format!("CAST({} AS TEXT)", name(field)),
            found => match found.types() {
                [] => "CAST(NULL AS TEXT)".to_owned(),
                [FieldType::String] => name(field),
                _ => format!("event_text({})", name(field)),
            },
        }
    }

    fn has(&self, field: &str, field_type: FieldType) -> bool {
        match self.scope.resolve(field) {
            FieldRef::System(column) => column == ScanColumn::Dataset && field_type == FieldType::String,
            found => found.types().contains(&field_type),
        }
    }

    /// The text form, for a test that only values of one type may pass.
    fn only(&mut self, field: &str, field_type: FieldType, test: &str) -> String {
        if !self.has(field, field_type) {
            return "FALSE".to_owned();
        }
        if self.scope.resolve(field).types().len() > 1 {
            self.differs.insert(format!("{field:?} has several types: in SQL the text of all of them is compared"));
        }
        format!("{} {test}", self.text_of(field))
    }

    fn filter(&mut self, filter: &Filter) -> String {
        let (parts, operator, none) = match filter {
            Filter::All(parts) => (parts, " AND ", "TRUE"),
            Filter::Any(parts) => (parts, " OR ", "FALSE"),
            Filter::Condition(condition) => return self.condition(condition),
        };
        match parts.as_slice() {
            [] => none.to_owned(),
            [only] => self.filter(only),
            parts => format!("({})", parts.iter().map(|part| self.filter(part)).collect::<Vec<_>>().join(operator)),
        }
    }

    fn condition(&mut self, condition: &Condition) -> String {
        let test = self.test(&condition.column, &condition.test);
        if condition.negated { format!("({test}) IS NOT TRUE") } else { test }
    }

    fn test(&mut self, field: &str, test: &Test) -> String {
        if field == "*" {
            self.differs.insert("a filter on any field cannot be said in SQL and is left out".to_owned());
            return "TRUE".to_owned();
        }
        if let FieldRef::System(ScanColumn::Timestamp | ScanColumn::Received) = self.scope.resolve(field) {
            return self.time_test(field, test);
        }
        match test {
            Test::Exists => format!("{} IS NOT NULL", self.text_of(field)),
            Test::Equals(literal) => self.equals(field, literal),
            Test::In(literals) => {
                let parts: Vec<String> = literals.iter().map(|literal| self.equals(field, literal)).collect();
                format!("({})", parts.join(" OR "))
            }
            Test::Compare(op, Literal::Integer(limit)) => format!("{} {} {limit}", self.number(field), comparison(*op)),
            Test::Compare(op, Literal::Float(limit)) => {
                format!("{} {} {}", self.number(field), comparison(*op), float(*limit))
            }
            Test::Compare(op, Literal::Text(limit)) => {
                self.only(field, FieldType::String, &format!("{} {}", comparison(*op), text(limit)))
            }
            Test::Compare(_, Literal::Boolean(_)) => "FALSE".to_owned(),
            Test::StartsWith(part) => format!("starts_with({}, {})", self.text_of(field), text(part)),
            Test::EndsWith(part) => format!("ends_with({}, {})", self.text_of(field), text(part)),
            Test::Contains(part) => format!("contains({}, {})", self.text_of(field), text(part)),
            Test::Matches(pattern) => format!("regexp_like({}, {})", self.text_of(field), text(pattern)),
        }
    }

    fn equals(&mut self, field: &str, literal: &Literal) -> String {
        match literal {
            Literal::Integer(value) => format!("{} = {value}", self.number(field)),
            Literal::Float(value) => format!("{} = {}", self.number(field), float(*value)),
            Literal::Text(value) => format!("{} = {}", self.text_of(field), text(value)),
            Literal::Boolean(value) => self.only(field, FieldType::Boolean, &format!("= '{value}'")),
        }
    }

    fn time_test(&mut self, field: &str, test: &Test) -> String {
        let time = |literal: &Literal| time_literal(literal).map_or_else(|| "NULL".to_owned(), |t| text(&rfc3339(t)));
        match test {
            Test::Exists => "TRUE".to_owned(),
            Test::Equals(literal) => format!("{} = {}", name(field), time(literal)),
            Test::Compare(op, literal) => format!("{} {} {}", name(field), comparison(*op), time(literal)),
            Test::In(literals) => {
                format!("{} IN ({})", name(field), literals.iter().map(time).collect::<Vec<_>>().join(", "))
            }
            _ => {
                self.differs.insert(format!("a filter on the text of {field:?} cannot be said in SQL and is left out"));
                "TRUE".to_owned()
            }
        }
    }

    /// A calculation; none if SQL has no such thing.
    fn calculation(&mut self, calculation: &Calculation) -> Option<String> {
        let filter = calculation.filter.as_ref().map(|filter| self.filter(filter));
        let filtered = filter.as_ref().map_or_else(String::new, |filter| format!(" FILTER (WHERE {filter})"));
        let field = calculation.column.as_deref().unwrap_or_default();
        let weighted = self.weighted;
        Some(match calculation.op {
            CalculationOp::Count if weighted => format!("coalesce(sum(sample_rate){filtered}, 0)"),
            CalculationOp::Count => format!("count(*){filtered}"),
            CalculationOp::Sum => {
                let value = self.number(field);
                let weight = if weighted { " * sample_rate" } else { "" };
                format!("coalesce(sum({value}{weight}){filtered}, 0)")
            }
            CalculationOp::Avg if weighted => {
                let value = self.number(field);
                let also = filter.map_or_else(String::new, |filter| format!(" AND {filter}"));
                format!(
                    "CAST(sum({value} * sample_rate){filtered} AS DOUBLE) / sum(sample_rate) FILTER (WHERE {value} IS NOT NULL{also})"
                )
            }
            CalculationOp::Avg => format!("avg({}){filtered}", self.number(field)),
            CalculationOp::Min => format!("min({}){filtered}", self.number(field)),
            CalculationOp::Max => format!("max({}){filtered}", self.number(field)),
            CalculationOp::CountDistinct { .. } => {
                let value = self.key(field);
                let value = value.split(" AS \"").next().unwrap_or_default();
                format!("count(DISTINCT {value}){filtered}")
            }
            CalculationOp::Percentile(share) => {
                self.differs.insert("percentiles are estimated in another way in SQL".to_owned());
                let (value, share) = (self.number(field), float(share));
                if weighted {
                    format!(
                        "approx_percentile_cont_with_weight(sample_rate, {share}) WITHIN GROUP (ORDER BY {value}){filtered}"
                    )
                } else {
                    format!("approx_percentile_cont({share}) WITHIN GROUP (ORDER BY {value}){filtered}")
                }
            }
            _ => {
                self.differs.insert(format!("{} cannot be said in SQL and is left out", calculation.name));
                return None;
            }
        })
    }
}
