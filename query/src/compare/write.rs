//! From what was counted and explained to the answer of the contract.

use std::time::Instant;

use super::answer::{
    BinAnswer, CompareAnswer, CompareStats, DistinctAnswer, ExplanationAnswer, FieldAnswer, MedianAnswer, RivalAnswer,
    SharesAnswer, SideAnswer, ValueAnswer,
};
use super::explain::{self, Condition, ConditionTest, Evidence, Explanation, Folded, Question, Scored};
use super::fields::{Both, FieldCounts, FieldScore, NumberCounts, Sizes, ValueOrder, most_different, score_field};
use super::run::value_order;
use super::score;
use super::sides::Sides;
use super::spec::Comparison;
use super::table::{Cell, Table};
use super::value::EventValue;
use crate::answer::Warning;
use crate::execute::answer_stats;
use crate::scan::ScanStats;
use crate::scope::Scope;
use crate::spec::FilterSpec;
use serde_json::{Number, Value};

/// A field's counts, scored, with the values that are shown and no others.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    counts: FieldCounts,
    sizes: Sizes,
    score: FieldScore,
    /// By position; the one behind the last value is absence.
    shown: Vec<usize>,
    pub(crate) medians: [Option<f64>; 2],
    same_as: Vec<String>,
}

impl Measured {
    pub(crate) fn new(
        mut counts: FieldCounts,
        sizes: Sizes,
        order: ValueOrder,
        fields: usize,
        values_max: usize,
    ) -> Measured {
        let score = score_field(&counts, &sizes, fields);
        let shown = most_different(&counts, &sizes, order, values_max);
        let all = counts.values.len();
        let kept = shown.iter().filter(|at| **at < all).map(|at| counts.values[*at].clone()).collect::<Vec<_>>();
        let mut next = 0;
        let shown = shown.into_iter().map(|at| if at < all { (next, next += 1).0 } else { kept.len() }).collect();
        counts.values = kept;
        Measured { counts, sizes, score, shown, medians: [None, None], same_as: Vec::new() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.counts.name
    }

    pub(crate) fn is_numeric(&self) -> bool {
        self.score.numeric
    }
}

/// Writes the answer to one question.
pub(crate) struct Writer<'a> {
    pub(crate) question: &'a Comparison,
    pub(crate) scope: &'a Scope,
    pub(crate) stats: &'a ScanStats,
    pub(crate) warnings: &'a [Warning],
    pub(crate) began: Instant,
    pub(crate) sides: &'a Sides,
    pub(crate) kind: Question,
    /// The cell that the selection is compared with.
    pub(crate) baseline: Cell,
    pub(crate) evidence: Evidence,
    /// How many fields are compared.
    pub(crate) fields: usize,
}

impl Writer<'_> {
    pub(crate) fn order(&self) -> ValueOrder {
        value_order(self.kind, self.sides)
    }

    /// The fields to be shown: those that differ, folded, then those that do not, as long as there is room.
    pub(crate) fn fields(&self, mut measured: Vec<Measured>, table: &Table) -> Vec<Measured> {
        let restated = self.question.restated();
        let named = self.question.fields.is_some();
        measured.retain(|m| named || !restated.contains(m.name()));
        measured.sort_by(|a, b| b.score.score.total_cmp(&a.score.score).then_with(|| a.name().cmp(b.name())));
        let differing = measured.iter().take_while(|m| m.score.score > 0.0).count();
        let (differ, rest) = measured.split_at(differing);
        let positions: Vec<usize> = differ.iter().filter_map(|m| table.position(m.name())).collect();
        let folded = explain::fold(table, self.kind, self.evidence, &positions, self.question.fields_max);
        let told = folded.into_iter().filter_map(|folded| self.folded(folded, differ, table));
        told.chain(rest.iter().cloned()).take(self.question.fields_max).collect()
    }

    fn folded(&self, folded: Folded, measured: &[Measured], table: &Table) -> Option<Measured> {
        let name = |at: usize| &*table.fields[at].name;
        let mut field = measured.iter().find(|m| m.name() == name(folded.field))?.clone();
        field.same_as = folded.same_as.into_iter().map(|at| name(at).to_owned()).collect();
        Some(field)
    }

    /// The answer; of a sample if `sampled` says which part it is.
    pub(crate) fn write(
        &self,
        fields: Vec<Measured>,
        explanations: &[Explanation],
        sampled: Option<f64>,
    ) -> CompareAnswer {
        let exact = sampled.is_none();
        let events = |cell: Cell| SideAnswer { events: self.sides.total(cell).weight };
        let estimated = fields.iter().flat_map(|m| {
            let distinct = (exact && m.counts.untold.is_some()).then(|| format!("distinct({})", m.name()));
            let median = (exact && m.is_numeric()).then(|| format!("P50({})", m.name()));
            distinct.into_iter().chain(median)
        });
        let stats = answer_stats(self.scope, self.stats, self.began, estimated.collect());
        CompareAnswer {
            selection: events(Cell::Selected),
            baseline: events(self.baseline),
            question: match self.kind {
                Question::Share | Question::TwoWitnesses => "share",
                Question::Rate => "rate",
                Question::Count { .. } => "count",
            },
            fields: fields.iter().map(field_answer).collect(),
            fields_compared: self.fields,
            restated: self.question.restated().into_iter().collect(),
            explanations: explanations.iter().map(|e| self.explanation(e)).collect(),
            evidence: (self.evidence == Evidence::Weak).then_some("weak"),
            exact,
            sampled_fraction: sampled.unwrap_or(1.0),
            stats: CompareStats { scan: stats, baseline: if exact { "scan" } else { "sample" } },
            warnings: self.warnings.to_vec(),
        }
    }

    fn explanation(&self, explanation: &Explanation) -> ExplanationAnswer {
        let best = &explanation.best;
        let [selection, baseline] = self.shares(best);
        let [selected, based] = self.weights(best);
        ExplanationAnswer {
            filters: best.conditions.iter().flat_map(condition_filters).collect(),
            selection,
            baseline,
            selection_events: selected.round() as u64,
            baseline_events: based.round() as u64,
            score: rounded(best.score),
            rivals: explanation.rivals.iter().map(|rival| self.rival(rival)).collect(),
            same_as: explanation.same_as.iter().map(ToString::to_string).collect(),
            symptom: explanation.symptom,
        }
    }

    fn rival(&self, rival: &Scored) -> RivalAnswer {
        let [selection, baseline] = self.shares(rival);
        let filters = rival.conditions.iter().flat_map(condition_filters).collect();
        RivalAnswer { filters, selection, baseline, score: rounded(rival.score) }
    }

    fn weights(&self, scored: &Scored) -> Both {
        [Cell::Selected, self.baseline].map(|cell| scored.cells[cell as usize].weight)
    }

    fn shares(&self, scored: &Scored) -> Both {
        let [a, b] = self.weights(scored);
        let total = |cell: Cell| self.sides.total(cell).weight as f64;
        [score::share(a, total(Cell::Selected)), score::share(b, total(self.baseline))]
    }
}

fn field_answer(measured: &Measured) -> FieldAnswer {
    let (counts, sizes) = (&measured.counts, &measured.sizes);
    let [selection_present, baseline_present] = sizes.shares(counts.present);
    let numeric = measured.is_numeric();
    // A distribution's single numbers say nothing; what is no number is still worth a line.
    let telling = |at: &&usize| !numeric || counts.values.get(**at).is_none_or(|v| v.value.number().is_none());
    let values: Vec<ValueAnswer> =
        measured.shown.iter().filter(telling).map(|at| value_answer(measured, *at)).collect();
    let numbers = counts.numbers.as_ref().filter(|_| numeric);
    let both = |[selection, baseline]: Both| SharesAnswer { selection, baseline };
    FieldAnswer {
        field: counts.name.to_string(),
        kind: if numeric { "numeric" } else { "categorical" },
        score: rounded(measured.score.score),
        selection_present,
        baseline_present,
        values: (!numeric || values.iter().any(|v| !v.value.is_null())).then_some(values),
        distinct: (!numeric).then_some(DistinctAnswer { selection: counts.distinct[0], baseline: counts.distinct[1] }),
        bins: numbers.map(|n| bins(n, sizes)),
        p50: numbers.map(|_| {
            let [selection, baseline] = measured.medians.map(|m| m.map_or(Value::Null, number));
            MedianAnswer { selection, baseline }
        }),
        same_as: measured.same_as.clone(),
        error_bound: counts.untold.filter(|_| !numeric).map(|untold| both(sizes.shares(untold))),
    }
}

fn value_answer(measured: &Measured, at: usize) -> ValueAnswer {
    let (counts, sizes) = (&measured.counts, &measured.sizes);
    let absent = [sizes.weight[0] - counts.present[0], sizes.weight[1] - counts.present[1]];
    let (value, weight) = counts.values.get(at).map_or((Value::Null, absent), |v| (v.value.json(), v.weight));
    let [selection, baseline] = sizes.shares(weight);
    ValueAnswer {
        value,
        selection,
        baseline,
        selection_events: weight[0].round() as u64,
        baseline_events: weight[1].round() as u64,
    }
}

fn bins(numbers: &NumberCounts, sizes: &Sizes) -> Vec<BinAnswer> {
    let edges = || numbers.edges.iter().copied();
    let from = std::iter::once(numbers.least).chain(edges());
    let to = edges().chain([numbers.greatest]);
    let bins = numbers.bins.iter().zip(from.zip(to));
    bins.map(|(weight, (min, max))| {
        let [selection, baseline] = sizes.shares(*weight);
        BinAnswer { min: number(min), max: number(max), selection, baseline }
    })
    .collect()
}

/// Scores are told to six digits: what is beyond depends on the order of additions.
fn rounded(score: f64) -> f64 {
    (score * 1e6).round() / 1e6
}

/// A number as JSON, integral ones without a fraction.
fn number(value: f64) -> Value {
    match EventValue::float(value) {
        EventValue::Integer(value) => Value::from(value),
        _ => Number::from_f64(value).map_or(Value::Null, Value::Number),
    }
}

/// A condition as the filters of a query that mean the same.
pub(crate) fn condition_filters(condition: &Condition) -> Vec<FilterSpec> {
    let filter =
        |op: &str, value: Option<Value>| FilterSpec { column: condition.field.to_string(), op: op.to_owned(), value };
    match &condition.test {
        ConditionTest::Equals(value) => vec![filter("=", Some(value.json()))],
        ConditionTest::Range { from, to } => {
            let from = from.map(|from| filter(">=", Some(number(from))));
            from.into_iter().chain(to.map(|to| filter("<", Some(number(to))))).collect()
        }
        ConditionTest::Exists => vec![filter("exists", None)],
        ConditionTest::Absent => vec![filter("does-not-exist", None)],
    }
}
