//! The catalog of one statement: the tables that it names, with the columns that it names, and nothing else. A catalog of
//! everything would cost what is stored and not what is asked. It must not know how a statement is run.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemTable, MemoryCatalogProvider, MemoryCatalogProviderList,
    MemorySchemaProvider, SchemaProvider, TableProvider,
};
use datafusion::common::config::Dialect;
use datafusion::common::{SchemaError, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::prelude::SessionContext;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::setup_pg_catalog;
use outcrop_storage::Snapshot;
use serde_json::json;

use super::error::sql_error;
use super::statement::{Kind, Question};
use super::sum::sum;
use super::table::{self, ALL_TIMES};
use crate::answer::{AnswerStats, Warning};
use crate::error::{QueryError, QueryErrorKind};
use crate::execute::{QueryEngine, answer_stats};
use crate::overflow;
use crate::scan::ScanStats;
use crate::scope::Scope;

/// The names that come before that of a table.
const CATALOG: &str = "outcrop";
const SCHEMA: &str = "public";
/// Where PostgreSQL says what tables there are.
const ABOUT_TABLES: [&str; 2] = ["pg_catalog", "information_schema"];
/// Functions whose result may have any size however small their arguments: a few bytes of SQL could ask for all memory.
const BOUNDLESS: [&str; 10] = [
    "repeat",
    "lpad",
    "rpad",
    "array_repeat",
    "list_repeat",
    "array_resize",
    "list_resize",
    "range",
    "generate_series",
    "gen_series",
];

/// See the module.
pub(crate) struct Catalog {
    tables: Vec<NamedTable>,
    /// Every dataset that may be read, and how many events it has.
    datasets: Vec<(String, u64)>,
}

/// What PostgreSQL has about tables, for one connection: its numbers of tables stay the same from one statement to the next,
/// because clients ask for a number first and with that number then. The tables are those of the statement that runs.
pub(crate) struct AboutTables(SessionContext);

impl AboutTables {
    pub(crate) fn new(engine: &QueryEngine) -> Result<AboutTables, QueryError> {
        let context = engine.sql_context(true);
        setup_pg_catalog(&context, CATALOG, EmptyContextProvider).map_err(|e| sql_error(*e))?;
        Ok(AboutTables(context))
    }

    pub(super) fn state(&self, catalog: &Catalog, context: &SessionContext) -> Result<SessionState, QueryError> {
        let own = self.0.catalog(CATALOG).ok_or_else(|| QueryError::internal("no catalog"))?;
        own.register_schema(SCHEMA, Arc::new(catalog.schema()))?;
        // The catalog is there already; another would take its place.
        let config = context.copied_config().with_create_default_catalog_and_schema(false);
        Ok(SessionStateBuilder::new_from_existing(self.0.state()).with_config(config).build())
    }
}

struct NamedTable {
    name: String,
    scope: Scope,
    stats: Arc<ScanStats>,
    columns: Vec<(String, &'static str)>,
    provider: Arc<dyn TableProvider>,
}

impl QueryEngine {
    /// What one statement of SQL runs in, without a table.
    pub(crate) fn sql_context(&self, about_tables: bool) -> SessionContext {
        let config = self.ordered_config().with_default_catalog_and_schema(CATALOG, SCHEMA);
        let mut config = config.with_information_schema(about_tables);
        config.options_mut().sql_parser.dialect = Dialect::PostgreSQL;
        config.options_mut().execution.enable_recursive_ctes = false;
        let context = SessionContext::new_with_config_rt(config, Arc::clone(self.environment()));
        BOUNDLESS.iter().for_each(|name| context.deregister_udf(name));
        context.register_udaf(sum());
        context
    }
}

impl Catalog {
    /// With `all`, a statement about tables sees all of them.
    pub(super) async fn new(
        snapshot: &Snapshot,
        question: &Question,
        partitions: usize,
        all: bool,
    ) -> Result<Catalog, QueryError> {
        let mut datasets: Vec<(String, u64)> =
            snapshot.datasets.iter().map(|d| (d.name.as_str().to_owned(), d.events())).collect();
        datasets.sort_unstable();
        let mut tables = Vec::new();
        let shown = match &question.kind {
            Kind::Columns(reference) => std::slice::from_ref(reference),
            Kind::Rows => question.tables.as_slice(),
            Kind::Tables => &[],
        };
        for reference in shown.iter().filter(|reference| !(all && is_about_tables(reference))) {
            tables.push(NamedTable::new(snapshot, table_name(reference)?, question, partitions).await?);
        }
        if all && shown.iter().any(is_about_tables) {
            let whole = question.of_everything();
            for (name, _) in &datasets {
                if tables.iter().all(|table| table.name != *name) {
                    tables.push(NamedTable::new(snapshot, name, &whole, partitions).await?);
                }
            }
        }
        let catalog = Catalog { tables, datasets };
        let is_known = |field: &str| catalog.tables.iter().any(|table| table.scope.knows(field));
        match question.views.values().find(|(field, _)| !is_known(field)) {
            Some((field, _)) => Err(catalog.unknown_field(field)),
            None => Ok(catalog),
        }
    }

    fn unknown_field(&self, field: &str) -> QueryError {
        let similar: Vec<String> = self.tables.iter().flat_map(|table| table.scope.similar(field)).collect();
        let mut message = format!(
            "no event of these tables has a field {field:?}; SHOW COLUMNS FROM a table lists them. A name with a dot or a \
             capital in it needs double quotes"
        );
        if let Some(first) = similar.first() {
            message.push_str(&format!("; did you mean \"{first}\"?"));
        }
        QueryError::impossible("unknown_field", message).with(json!({ "field": field, "similar": similar }))
    }

    fn schema(&self) -> MemorySchemaProvider {
        let schema = MemorySchemaProvider::new();
        for table in &self.tables {
            // Only a table that is there twice is refused, and a name is there once.
            let _never_fails = schema.register_table(table.name.clone(), Arc::clone(&table.provider));
        }
        schema
    }

    /// The context's state with these tables.
    pub(super) fn state(&self, context: &SessionContext) -> SessionState {
        let schema = self.schema();
        let catalog = MemoryCatalogProvider::new();
        let _never_fails = catalog.register_schema(SCHEMA, Arc::new(schema));
        let list = MemoryCatalogProviderList::new();
        list.register_catalog(CATALOG.to_owned(), Arc::new(catalog));
        SessionStateBuilder::new_from_existing(context.state()).with_catalog_list(Arc::new(list)).build()
    }

    /// The plan of a statement that lists what there is; none for other statements.
    pub(super) fn listing(&self, question: &Question) -> Result<Option<LogicalPlan>, QueryError> {
        let text = |values: Vec<&str>| Arc::new(StringArray::from(values)) as ArrayRef;
        let (fields, arrays) = match (&question.kind, self.tables.first()) {
            (Kind::Rows, _) => return Ok(None),
            (Kind::Columns(_), Some(table)) => (
                vec![Field::new("column_name", DataType::Utf8, false), Field::new("data_type", DataType::Utf8, false)],
                vec![
                    text(table.columns.iter().map(|(name, _)| name.as_str()).collect()),
                    text(table.columns.iter().map(|(_, type_name)| *type_name).collect()),
                ],
            ),
            (Kind::Tables | Kind::Columns(_), _) => (
                vec![Field::new("table_name", DataType::Utf8, false), Field::new("events", DataType::Int64, false)],
                vec![
                    text(self.datasets.iter().map(|(name, _)| name.as_str()).collect()),
                    Arc::new(self.datasets.iter().map(|(_, events)| *events as i64).collect::<Int64Array>())
                        as ArrayRef,
                ],
            ),
        };
        let schema = Arc::new(Schema::new(fields));
        let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)?;
        let table = MemTable::try_new(schema, vec![vec![batch]])?;
        let scan = LogicalPlanBuilder::scan("listing", provider_as_source(Arc::new(table)), None)?;
        Ok(Some(scan.build()?))
    }

    /// The error with what is known of the tables: a name that no event has is told with those that are like it.
    pub(super) fn explain(&self, error: DataFusionError) -> QueryError {
        let DataFusionError::SchemaError(missing, _) = error.find_root() else { return sql_error(error) };
        let SchemaError::FieldNotFound { field, .. } = missing.as_ref() else { return sql_error(error) };
        self.unknown_field(&field.name)
    }

    pub(super) fn warnings(&self) -> Vec<Warning> {
        self.tables.iter().flat_map(|table| table.scope.missing(ALL_TIMES)).collect()
    }

    /// What all tables read, together.
    pub(super) fn stats(&self, began: std::time::Instant) -> AnswerStats {
        let mut sum = AnswerStats::default();
        for table in &self.tables {
            let own = answer_stats(&table.scope, &table.stats, began, Vec::new());
            sum.rows_total += own.rows_total;
            sum.rows_scanned += own.rows_scanned;
            sum.bytes_scanned += own.bytes_scanned;
            sum.segments.total += own.segments.total;
            sum.segments.skipped_by_time += own.segments.skipped_by_time;
            sum.segments.skipped_by_index += own.segments.skipped_by_index;
            sum.segments.scanned += own.segments.scanned;
            sum.partial |= own.partial;
        }
        sum.elapsed_ms = began.elapsed().as_secs_f64() * 1_000.0;
        sum
    }
}

fn is_about_tables(reference: &TableReference) -> bool {
    reference.schema().is_some_and(|schema| ABOUT_TABLES.contains(&schema))
}

/// What a dataset, a list of them or `*` is called.
fn table_name(reference: &TableReference) -> Result<&str, QueryError> {
    let is_ours = reference.catalog().is_none_or(|c| c == CATALOG) && reference.schema().is_none_or(|s| s == SCHEMA);
    if is_ours {
        return Ok(reference.table());
    }
    Err(QueryError::new(
        QueryErrorKind::NotFound,
        "unknown_table",
        format!(
            "there is no table {reference}; SHOW TABLES lists them. A name with a dot or a dash in it needs double quotes"
        ),
    ))
}

impl NamedTable {
    async fn new(
        snapshot: &Snapshot,
        name: &str,
        question: &Question,
        partitions: usize,
    ) -> Result<NamedTable, QueryError> {
        let mut scope = Scope::new(snapshot.clone(), name)?;
        let names = question.words.iter().map(String::as_str).collect();
        overflow::look_up(&mut scope, &names, ALL_TIMES).await?;
        let columns = table::columns(&scope, &question.words, question.everything, &question.views);
        let listed = columns.iter().map(|column| (column.name.clone(), column.type_name)).collect();
        let stats = Arc::new(ScanStats::default());
        let provider = table::table(&scope, columns, partitions, &stats)?;
        Ok(NamedTable { name: name.to_owned(), scope, stats, columns: listed, provider })
    }
}
