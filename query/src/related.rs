//! Fields of other spans of an event's trace: `root.`, `parent.`, `child.`, `any.` (`any2.`, `any3.`) and `none.`, and `is_root`.
//!
//! 1. What a question names of other spans is collected: the fields whose values it wants, and the conditions that other
//!    spans are to meet; those of one prefix that all must hold are met by one span.
//! 2. The traces of the events that are asked about are read.
//! 3. For each relation the spans of those traces are searched once, at all times: however long a trace is, it is whole.
//! 4. What was found are calculated fields from then on, which filters, groups and calculations read like any others.
//!
//! A field that was sent under such a name is that field. Which fields make a trace stands here; it must not know answers.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::common::Column;
use datafusion::datasource::provider_as_source;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use outcrop_storage::event::{TimestampNs, reserved};

use crate::answer::Warning;
use crate::error::QueryError;
use crate::execute::warn_unknown;
use crate::expression::{Expression, InputColumns, Key, Moment, Table, Value, types_of};
use crate::scan::EventTable;
use crate::scope::{FieldRef, ScanColumn, Scope};
use crate::spec::{Condition, Filter, Literal, Test, TimeRange};
use crate::trace::roles::{SPAN_ID, TRACE_ID};
use crate::{filter, limits, overflow};

/// Where events say of which other span they are; the first that an event has. The names that say a trace and a span are those
/// of roles.
const PARENT: [&str; 3] = ["trace.parent_id", "parent_id", "parentId"];
/// The pseudo-field of spans without a parent.
const IS_ROOT: &str = "is_root";

/// The names of these fields in plans, which no field that is sent can have.
const TRACE_KEY: &str = "\u{0}trace";
const SPAN_KEY: &str = "\u{0}span";
const PARENT_KEY: &str = "\u{0}parent";
const ROOT_KEY: &str = "\u{0}root";

const EVERYWHEN: TimeRange = TimeRange { start: TimestampNs::MIN, end: TimestampNs::MAX };

/// Which other spans a name is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Relation {
    Root,
    Parent,
    Child,
    Any(u8),
    None,
}

impl Relation {
    fn of(prefix: &str) -> Option<Relation> {
        Some(match prefix {
            "root" => Relation::Root,
            "parent" => Relation::Parent,
            "child" => Relation::Child,
            "any" => Relation::Any(1),
            "any2" => Relation::Any(2),
            "any3" => Relation::Any(3),
            "none" => Relation::None,
            _ => return None,
        })
    }

    /// Whether a condition on it is about some span of several, so that conditions belong together.
    fn is_of_several(self) -> bool {
        matches!(self, Relation::Child | Relation::Any(_) | Relation::None)
    }

    /// What an event is found by, and what the other spans are kept by.
    fn keys(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Relation::Root | Relation::Any(_) | Relation::None => (&[TRACE_KEY], &[TRACE_KEY]),
            Relation::Parent => (&[TRACE_KEY, PARENT_KEY], &[TRACE_KEY, SPAN_KEY]),
            Relation::Child => (&[TRACE_KEY, SPAN_KEY], &[TRACE_KEY, PARENT_KEY]),
        }
    }
}

/// A name's relation and the field of the other span, by its form alone.
fn split(name: &str) -> Option<(Relation, &str)> {
    let (prefix, field) = name.split_once('.')?;
    Relation::of(prefix).filter(|_| !field.is_empty()).map(|relation| (relation, field))
}

/// The same for a name that is no field.
fn related<'n>(scope: &Scope, name: &'n str) -> Option<(Relation, &'n str)> {
    let sent = |name| !scope.resolve_sent(name).columns().is_empty() || scope.calculated().get(name).is_some();
    split(name).filter(|_| !sent(name))
}

/// Whether some of the names may be about other spans.
fn may_relate(names: &BTreeSet<&str>) -> bool {
    names.iter().any(|name| *name == IS_ROOT || split(name).is_some())
}

/// The names with those that have to be known to find out what they mean.
fn with_parts<'n>(names: &BTreeSet<&'n str>) -> BTreeSet<&'n str> {
    let mut all = names.clone();
    if may_relate(names) {
        all.extend(names.iter().filter_map(|name| split(name)).map(|(_, field)| field));
        all.extend(TRACE_ID.iter().chain(&SPAN_ID).chain(&PARENT));
    }
    all
}

/// The names of fields in these names: of those about other spans, the fields there.
fn fields_of<'n>(scope: &Scope, names: BTreeSet<&'n str>) -> BTreeSet<&'n str> {
    let known = |name: &&str| *name != IS_ROOT || !scope.resolve_sent(IS_ROOT).columns().is_empty();
    names.into_iter().filter(known).map(|name| related(scope, name).map_or(name, |(_, field)| field)).collect()
}

/// What a question asks of other spans.
pub(crate) struct Asked<'q> {
    pub(crate) context: &'q SessionContext,
    pub(crate) partitions: usize,
    /// The times of the events asked about.
    pub(crate) range: TimeRange,
    /// The first of them is that of all events asked about.
    pub(crate) filters: Vec<&'q mut Filter>,
    /// The names of fields that it has in any place, and those whose values it wants beside what its filters test.
    pub(crate) names: BTreeSet<String>,
    pub(crate) values: BTreeSet<String>,
}

/// Spans that are searched.
struct Search {
    relation: Relation,
    /// What they meet.
    filter: Filter,
    /// The fields that are kept of them.
    fields: Vec<String>,
    /// The name of the field that says whether there is one.
    found_as: Option<String>,
}

impl Asked<'_> {
    /// Makes the scope know what every name of the question means, and the filters name what was found. What is unknown is
    /// warned of, or an error if the asker wants none.
    pub(crate) async fn resolve(mut self, scope: &mut Scope, strict: bool) -> Result<Vec<Warning>, QueryError> {
        let calculated = scope.calculated().clone();
        let named = std::mem::take(&mut self.names);
        let names = calculated.inputs_of(named.iter().map(String::as_str).collect());
        let values = std::mem::take(&mut self.values);
        let values = calculated.inputs_of(values.iter().map(String::as_str).chain(calculated.names()).collect());
        self.values = values.into_iter().map(str::to_owned).collect();
        let range = if may_relate(&names) { EVERYWHEN } else { self.range };
        overflow::look_up(scope, &with_parts(&names), range).await?;
        let mut warnings = warn_unknown(scope, fields_of(scope, names.clone()), strict)?;
        warnings.extend(scope.missing(range));
        if may_relate(&names) {
            let root = names.contains(IS_ROOT) && scope.resolve_sent(IS_ROOT).columns().is_empty();
            self.look_up(scope, root).await?;
        }
        Ok(warnings)
    }

    /// Reads everything that the question names of other spans; `root`: whether it asks which spans are roots.
    async fn look_up(mut self, scope: &mut Scope, root: bool) -> Result<(), QueryError> {
        let searches = self.searches(scope)?;
        if searches.is_empty() && !root {
            return Ok(());
        }
        let roles = roles()?;
        let asked = scope.calculated().clone();
        let with_roles = scope.clone().with_calculated(&asked.with(roles.clone()));
        let mut made: BTreeMap<String, Arc<Expression>> = BTreeMap::new();
        if root {
            made.insert(IS_ROOT.to_owned(), Arc::clone(&roles[ROOT_KEY]));
        }
        if !searches.is_empty() {
            let traces = self.traces(&with_roles).await?;
            for search in searches {
                let table = Arc::new(self.search(&with_roles, &search, &traces).await?);
                let keys: Vec<&Expression> = search.relation.keys().0.iter().map(|key| roles[*key].as_ref()).collect();
                for (at, field) in search.fields.iter().enumerate() {
                    let name = format!("{}.{field}", prefix(search.relation));
                    made.insert(name, Arc::new(Expression::lookup(&table, at, &keys)));
                }
                if let Some(name) = search.found_as {
                    made.insert(name, Arc::new(Expression::found(&table, &keys)));
                }
            }
        }
        *scope = scope.clone().with_calculated(&asked.with(made));
        Ok(())
    }

    /// What has to be searched; conditions on some of several spans become conditions on what will be found.
    fn searches(&mut self, scope: &Scope) -> Result<Vec<Search>, QueryError> {
        let mut wanted: BTreeMap<Relation, BTreeSet<String>> = BTreeMap::new();
        for name in &self.values {
            let Some((relation, field)) = related(scope, name) else { continue };
            check_inner(scope, field)?;
            wanted.entry(relation).or_default().insert(field.to_owned());
        }
        let mut searches = Vec::new();
        let mut of_all: BTreeMap<Relation, Filter> = BTreeMap::new();
        for (at, filter) in self.filters.iter_mut().enumerate() {
            let mut rewriter =
                Rewriter { scope, searches: &mut searches, wanted: &mut wanted, groups: BTreeMap::new() };
            rewriter.rewrite(filter)?;
            if at == 0 {
                of_all = rewriter.groups;
            }
        }
        for (relation, fields) in wanted {
            if relation == Relation::None {
                return Err(QueryError::impossible(
                    "no_value",
                    "none. says what no span of a trace meets and has no value; use it in filters only",
                ));
            }
            let filter = match relation {
                Relation::Root => is_true(ROOT_KEY),
                Relation::Parent => Filter::All(Vec::new()),
                // The span that meets the filters, or else the first that has one of the fields.
                _ => {
                    of_all.remove(&relation).unwrap_or_else(|| Filter::Any(fields.iter().map(|f| exists(f)).collect()))
                }
            };
            searches.push(Search { relation, filter, fields: fields.into_iter().collect(), found_as: None });
        }
        Ok(searches)
    }

    /// The traces of the events asked about.
    async fn traces(&self, scope: &Scope) -> Result<Traces, QueryError> {
        let memory = MemoryConsumer::new("traces").register(&self.context.runtime_env().memory_pool);
        let mut traces = Traces { keys: HashSet::new(), texts: Vec::new(), memory };
        let filter = plain(&self.filters, scope);
        self.scan(scope, self.range, &filter, &[TRACE_KEY.to_owned()], |values, row| {
            if let Value::Text(trace) = values[0].value(row)
                && traces.keys.insert(Key::new(&[&trace]))
            {
                traces.memory.try_grow(TRACE_BYTES)?;
                if traces.texts.len() <= limits::IN_LIST_MAX {
                    traces.memory.try_grow(trace.len())?;
                    traces.texts.push(trace.into_owned());
                }
            }
            Ok(())
        })
        .await?;
        Ok(traces)
    }

    async fn search(&self, scope: &Scope, search: &Search, traces: &Traces) -> Result<Table, QueryError> {
        let memory = MemoryConsumer::new("spans").register(&self.context.runtime_env().memory_pool);
        let types = search.fields.iter().map(|field| types_of(&scope.resolve(field))).collect();
        let mut table = Table::new(types, memory);
        let keys = search.relation.keys().1;
        let own = [reserved::TIMESTAMP, reserved::SEQUENCE].iter().chain(keys).map(|name| (*name).to_owned());
        let names: Vec<String> = own.chain(search.fields.iter().cloned()).collect();
        let filter = Filter::All(vec![search.filter.clone(), traces.filter(scope)]);
        self.scan(scope, EVERYWHEN, &filter, &names, |values, row| {
            let texts: Vec<Value<'_>> = values[2..2 + keys.len()].iter().map(|key| key.value(row)).collect();
            let texts: Option<Vec<&str>> = texts
                .iter()
                .map(|text| if let Value::Text(text) = text { Some(text.as_ref()) } else { None })
                .collect();
            let Some(texts) = texts.filter(|texts| traces.keys.contains(&Key::new(&texts[..1]))) else { return Ok(()) };
            let kept = || values[2 + keys.len()..].iter().map(|value| value.value(row).into_owned()).collect();
            table.offer(Key::new(&texts), moment(&values[0], &values[1], row), kept)
        })
        .await?;
        Ok(table)
    }

    /// Calls with the values of these fields in every event that meets the filter.
    async fn scan(
        &self,
        scope: &Scope,
        range: TimeRange,
        filter: &Filter,
        names: &[String],
        mut call: impl FnMut(&[InputColumns<'_>], usize) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let fields: Vec<FieldRef> = names.iter().map(|name| scope.resolve(name)).collect();
        let plan = self.plan(scope, range, filter, &fields)?;
        let plan = self.context.state().create_physical_plan(&plan).await?;
        let mut batches = execute_stream(plan, self.context.task_ctx())?;
        while let Some(batch) = batches.next().await {
            let batch: RecordBatch = batch?;
            let column = |column: &ScanColumn| batch.column_by_name(&column.name());
            let values: Vec<InputColumns<'_>> = fields.iter().map(|field| InputColumns::new(field, column)).collect();
            for row in 0..batch.num_rows() {
                call(&values, row)?;
            }
        }
        Ok(())
    }

    fn plan(
        &self,
        scope: &Scope,
        range: TimeRange,
        filter: &Filter,
        fields: &[FieldRef],
    ) -> Result<LogicalPlan, QueryError> {
        let mut used: BTreeSet<ScanColumn> = fields.iter().flat_map(FieldRef::columns).collect();
        let wanted: Vec<Expr> = used.iter().map(filter::column).collect();
        let filter = filter::expression(filter, scope, &mut used)?;
        let columns: Vec<ScanColumn> = used.into_iter().collect();
        let table: Arc<dyn TableProvider> =
            Arc::new(EventTable::new(scope.clone(), columns.clone(), range, self.partitions, Arc::default()));
        let of_table = |c: &ScanColumn| Expr::Column(Column::new(Some("spans"), c.name())).alias(c.name());
        let scan = LogicalPlanBuilder::scan("spans", provider_as_source(table), None)?;
        let plan = scan.project(columns.iter().map(of_table).collect::<Vec<_>>())?.filter(filter)?;
        Ok(plan.project(wanted)?.build()?)
    }
}

/// Bytes of a trace that is known, about.
const TRACE_BYTES: usize = 40;

struct Traces {
    keys: HashSet<Key>,
    /// All of them, unless they are more than a filter may list.
    texts: Vec<String>,
    /// What they hold, for as long as they do.
    memory: MemoryReservation,
}

impl Traces {
    /// What spans of these traces meet, as far as it helps to leave out segments.
    fn filter(&self, scope: &Scope) -> Filter {
        if self.texts.len() > limits::IN_LIST_MAX {
            return Filter::All(Vec::new());
        }
        let literals: Vec<Literal> = self.texts.iter().cloned().map(Literal::Text).collect();
        let known = TRACE_ID.iter().filter(|name| !scope.resolve_sent(name).columns().is_empty());
        let of = |name: &&str| condition(name, Test::In(literals.clone()));
        Filter::Any(known.map(of).collect())
    }
}

/// Gives conditions on some of several spans another meaning.
struct Rewriter<'a> {
    scope: &'a Scope,
    searches: &'a mut Vec<Search>,
    wanted: &'a mut BTreeMap<Relation, BTreeSet<String>>,
    /// The conditions of each prefix that one span must meet, where they are joined by AND.
    groups: BTreeMap<Relation, Filter>,
}

impl Rewriter<'_> {
    fn rewrite(&mut self, filter: &mut Filter) -> Result<(), QueryError> {
        match filter {
            Filter::All(parts) => {
                let mut groups: BTreeMap<Relation, Vec<Filter>> = BTreeMap::new();
                let mut kept = Vec::new();
                for mut part in std::mem::take(parts) {
                    match self.inner(&part)? {
                        Some((relation, inner)) => groups.entry(relation).or_default().push(inner),
                        None => {
                            self.rewrite(&mut part)?;
                            kept.push(part);
                        }
                    }
                }
                for (relation, conditions) in groups {
                    self.groups.insert(relation, Filter::All(conditions.clone()));
                    kept.push(self.found(relation, Filter::All(conditions)));
                }
                *parts = kept;
            }
            Filter::Any(parts) => {
                for part in parts {
                    self.rewrite(part)?;
                }
            }
            Filter::Condition(own) => {
                let one = related(self.scope, &own.column).filter(|(relation, _)| !relation.is_of_several());
                if let Some((relation, field)) = one {
                    check_inner(self.scope, field)?;
                    self.wanted.entry(relation).or_default().insert(field.to_owned());
                } else if let Some((relation, inner)) = self.inner(filter)? {
                    *filter = self.found(relation, inner);
                }
            }
        }
        Ok(())
    }

    /// The condition that some of several spans must meet.
    fn inner(&self, filter: &Filter) -> Result<Option<(Relation, Filter)>, QueryError> {
        let Filter::Condition(own) = filter else { return Ok(None) };
        let Some((relation, field)) = related(self.scope, &own.column) else { return Ok(None) };
        check_inner(self.scope, field)?;
        let inner = Filter::Condition(Condition { column: field.to_owned(), ..own.clone() });
        Ok(relation.is_of_several().then_some((relation, inner)))
    }

    /// A search, and the condition that it finds something.
    fn found(&mut self, relation: Relation, filter: Filter) -> Filter {
        let name = format!("\u{0}found{}", self.searches.len());
        self.searches.push(Search { relation, filter, fields: Vec::new(), found_as: Some(name.clone()) });
        let Filter::Condition(condition) = is_true(&name) else { return Filter::All(Vec::new()) };
        Filter::Condition(Condition { negated: relation == Relation::None, ..condition })
    }
}

fn check_inner(scope: &Scope, field: &str) -> Result<(), QueryError> {
    let calculated = scope.calculated().get(field);
    let nested = calculated.is_some_and(|e| e.inputs.iter().any(|input| related(scope, input).is_some()));
    if nested || related(scope, field).is_some() {
        return Err(QueryError::impossible(
            "nested_relation",
            format!(
                "{field:?} is itself about another span; a field of another span must be one that was sent with it"
            ),
        ));
    }
    Ok(())
}

/// The conditions on events themselves that all events asked about meet.
fn plain(filters: &[&mut Filter], scope: &Scope) -> Filter {
    let own = |filter: &&Filter| {
        let mut names = BTreeSet::new();
        crate::plan::collect_names(filter, &mut names);
        names.iter().all(|name| {
            let inputs = scope.calculated().get(name).map_or(&[][..], |e| &e.inputs);
            let is_own = |name: &str| !name.starts_with('\u{0}') && name != IS_ROOT && related(scope, name).is_none();
            is_own(name) && inputs.iter().all(|input| is_own(input))
        })
    };
    match filters.first().map(|filter| &**filter) {
        Some(Filter::All(parts)) => Filter::All(parts.iter().filter(own).cloned().collect()),
        Some(filter) if own(&filter) => filter.clone(),
        _ => Filter::All(Vec::new()),
    }
}

fn prefix(relation: Relation) -> &'static str {
    match relation {
        Relation::Root => "root",
        Relation::Parent => "parent",
        Relation::Child => "child",
        Relation::Any(1) => "any",
        Relation::Any(2) => "any2",
        Relation::Any(_) => "any3",
        Relation::None => "none",
    }
}

fn condition(column: &str, test: Test) -> Filter {
    Filter::Condition(Condition { column: column.to_owned(), test, negated: false })
}

fn is_true(column: &str) -> Filter {
    condition(column, Test::Equals(Literal::Boolean(true)))
}

fn exists(column: &str) -> Filter {
    condition(column, Test::Exists)
}

/// What makes a trace, as calculated fields.
fn roles() -> Result<BTreeMap<String, Arc<Expression>>, QueryError> {
    let first = |names: [&str; 3]| {
        let [a, b, c] = names;
        format!("COALESCE($\"{a}\", $\"{b}\", $\"{c}\")")
    };
    let is_root = format!("EXISTS({}) AND !EXISTS({})", first(TRACE_ID), first(PARENT));
    let texts = [
        (TRACE_KEY, format!("STRING({})", first(TRACE_ID))),
        (SPAN_KEY, format!("STRING({})", first(SPAN_ID))),
        (PARENT_KEY, format!("STRING({})", first(PARENT))),
        (ROOT_KEY, is_root),
    ];
    texts.into_iter().map(|(name, text)| Ok((name.to_owned(), Arc::new(Expression::trusted(&text)?)))).collect()
}

fn moment(time: &InputColumns<'_>, sequence: &InputColumns<'_>, row: usize) -> Moment {
    (time.integer(row), sequence.integer(row))
}
