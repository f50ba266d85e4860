//! Read-only SQL over datasets as tables; `docs/sql.md` is what people read.
//!
//! [`statement`] parses one statement, refuses what is not a question and collects every name in it; [`table`] makes a
//! table of a dataset, with those names as columns and no others; [`sum`] is what DataFusion's is not; [`catalog`] puts the tables into a catalog of that
//! statement's own. What comes out is an ordinary plan: JSON is written here, all else by [`crate::export`]. Nothing in
//! here can name a file. It must not know who asks: what a key may not read is not in the snapshot.

mod answer;
mod catalog;
mod error;
mod statement;
mod sum;
mod table;

use std::sync::Arc;
use std::time::Instant;

use datafusion::common::ParamValues;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::{SendableRecordBatchStream, execute_stream};
use datafusion::prelude::SessionContext;
use futures::{StreamExt, TryStreamExt};
use outcrop_storage::Snapshot;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use answer::SqlAnswer;

use crate::answer::Warning;
use crate::error::QueryError;
use crate::execute::{Cancelled, QueryEngine};
use crate::export::{Export, Format};
use crate::limits;
use crate::spec::Options;
pub(crate) use catalog::AboutTables;
use catalog::Catalog;
pub(crate) use error::sql_error;
pub(crate) use statement::{Question, words};

/// A question in SQL.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SqlSpec {
    /// One statement: SELECT, WITH, VALUES, EXPLAIN, SHOW TABLES, SHOW COLUMNS or DESCRIBE.
    #[serde(default)]
    pub sql: String,
    #[serde(default)]
    pub format: SqlFormat,
    /// Rows of the answer. JSON: 1 to 10,000, default 10,000; the other formats have no bound unless it is given.
    #[serde(default)]
    pub limit: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SqlFormat {
    #[default]
    Json,
    Csv,
    Arrow,
    Parquet,
}

/// An answer at once, or one on its way.
#[derive(Debug)]
pub enum SqlReply {
    Answer(Box<SqlAnswer>),
    Export(Export),
}

impl SqlSpec {
    /// Rows at most, checked.
    fn limit(&self) -> Result<Option<usize>, QueryError> {
        let (max, default) = match self.format {
            SqlFormat::Json => (limits::LIMIT_MAX, Some(limits::LIMIT_MAX)),
            _ => (usize::MAX - 1, None),
        };
        match self.limit {
            Some(limit) if !(1..=max).contains(&limit) => Err(QueryError::malformed(match self.format {
                SqlFormat::Json => {
                    format!("limit must be between 1 and {max}; other formats than json have no such bound")
                }
                _ => "limit must be at least 1".to_owned(),
            })),
            Some(limit) => Ok(Some(limit)),
            None => Ok(default),
        }
    }
}

impl QueryEngine {
    /// Answers a question in SQL. Dropping the future or the export cancels it.
    pub async fn sql(&self, snapshot: Snapshot, spec: &SqlSpec, options: &Options) -> Result<SqlReply, QueryError> {
        let limit = spec.limit()?;
        let (context, partitions, sql) = (self.sql_context(false), self.threads(), spec.sql.clone());
        let cancelled = Cancelled::of(&context);
        // Parsed where the stack is deep enough for every statement.
        let asked = async move {
            Ok::<_, QueryError>(Asked {
                context,
                partitions,
                snapshot,
                question: Question::parse(&sql)?,
                parameters: None,
                about: None,
            })
        };
        let format = match spec.format {
            SqlFormat::Json => {
                let limit = limit.unwrap_or(limits::LIMIT_MAX);
                let answer = self.run(options, async move { asked.await?.answer(limit).await }).await?;
                drop(cancelled);
                return Ok(SqlReply::Answer(Box::new(answer)));
            }
            SqlFormat::Csv => Format::Csv,
            SqlFormat::Arrow => Format::Arrow,
            SqlFormat::Parquet => Format::Parquet,
        };
        let export = self
            .export(options, format, cancelled, async move { asked.await?.begin(limit).await.map(Begun::into_rows) });
        Ok(SqlReply::Export(export.await?))
    }
}

/// A statement, and what it may read.
pub(crate) struct Asked {
    pub(crate) context: SessionContext,
    pub(crate) partitions: usize,
    pub(crate) snapshot: Snapshot,
    pub(crate) question: Question,
    /// What stands for `$1` and so on.
    pub(crate) parameters: Option<ParamValues>,
    /// Where a client of PostgreSQL asks about tables as it is done there.
    pub(crate) about: Option<Arc<AboutTables>>,
}

/// A statement that has delivered its first rows, or has none.
pub(crate) struct Begun {
    pub(crate) rows: SendableRecordBatchStream,
    catalog: Catalog,
}

impl Begun {
    fn into_rows(self) -> (SendableRecordBatchStream, Vec<Warning>) {
        (self.rows, self.catalog.warnings())
    }
}

impl Asked {
    /// All rows up to the limit, in JSON.
    async fn answer(self, limit: usize) -> Result<SqlAnswer, QueryError> {
        let began = Instant::now();
        let Begun { rows, catalog } = self.begin(Some(limit + 1)).await?;
        answer::write(rows, catalog, limit, began).await
    }

    /// Runs the statement up to its first rows. What meets a damaged segment is asked again without it.
    pub(crate) async fn begin(mut self, limit: Option<usize>) -> Result<Begun, QueryError> {
        loop {
            let begun = self.attempt(limit).await;
            let damaged = self.snapshot.datasets.iter_mut().filter_map(|d| d.set_aside_damaged().then_some(())).count();
            match begun {
                Err(_) if damaged > 0 => {}
                begun => return begun,
            }
        }
    }

    /// The statement's plan, in a context that has its tables.
    pub(crate) async fn plan(&self) -> Result<(Catalog, SessionContext, LogicalPlan), QueryError> {
        let catalog = Catalog::new(&self.snapshot, &self.question, self.partitions, self.about.is_some()).await?;
        let about = self.about.as_ref().filter(|_| self.question.asks_about_tables());
        let state = match about {
            Some(about) => about.state(&catalog, &self.context)?,
            None => catalog.state(&self.context),
        };
        let context = SessionContext::new_with_state(state);
        let plan = match catalog.listing(&self.question)? {
            Some(plan) => plan,
            None => {
                let planned = context.state().statement_to_plan(self.question.statement()).await;
                planned.map_err(|e| catalog.explain(e))?
            }
        };
        statement::verify(&plan)?;
        Ok((catalog, context, plan))
    }

    async fn attempt(&self, limit: Option<usize>) -> Result<Begun, QueryError> {
        let (catalog, context, mut plan) = self.plan().await?;
        if let Some(parameters) = &self.parameters {
            plan = plan.replace_params_with_values(parameters).map_err(sql_error)?;
        }
        let plan = limited(plan, limit)?;
        let planned = context.state().create_physical_plan(&plan).await.map_err(|e| catalog.explain(e))?;
        let mut rows = execute_stream(planned, context.task_ctx()).map_err(sql_error)?;
        let first = rows.next().await.transpose().map_err(sql_error)?;
        let schema = rows.schema();
        let rows = futures::stream::iter(first.map(Ok)).chain(rows.map_err(|e| sql_error(e).into()));
        let rows = datafusion::physical_plan::stream::RecordBatchStreamAdapter::new(schema, rows);
        Ok(Begun { rows: Box::pin(rows), catalog })
    }
}

/// The plan with so many rows at most. What explains a plan is short, and must stay outermost.
fn limited(plan: LogicalPlan, limit: Option<usize>) -> Result<LogicalPlan, QueryError> {
    match (&plan, limit) {
        (LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) | LogicalPlan::DescribeTable(_), _) | (_, None) => Ok(plan),
        (_, Some(limit)) => {
            let limited = LogicalPlanBuilder::new_from_arc(Arc::new(plan)).limit(0, Some(limit));
            limited.and_then(LogicalPlanBuilder::build).map_err(sql_error)
        }
    }
}
