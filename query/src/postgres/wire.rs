//! The protocol's handlers: start-up, simple and prepared statements. It must not know sockets.

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::datatypes::{DataType, Schema};
use async_trait::async_trait;
use datafusion::common::ParamValues;
use datafusion::sql::sqlparser::ast::Statement;
use datafusion_postgres::arrow_pg::datatypes::{arrow_schema_to_pg_fields, df, encode_recordbatch, into_pg_type};
use datafusion_postgres::datafusion_pg_catalog::sql::PostgresCompatibilityParser;
use datafusion_postgres::pgwire::api::auth::{
    DefaultServerParameterProvider, StartupHandler, finish_authentication, protocol_negotiation,
    save_startup_parameters_to_metadata,
};
use datafusion_postgres::pgwire::api::cancel::{CancelHandler, DefaultCancelHandler};
use datafusion_postgres::pgwire::api::portal::{Format, Portal};
use datafusion_postgres::pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler};
use datafusion_postgres::pgwire::api::results::{FieldInfo, QueryResponse, Response};
use datafusion_postgres::pgwire::api::stmt::QueryParser;
use datafusion_postgres::pgwire::api::store::PortalStore;
use datafusion_postgres::pgwire::api::{
    ClientInfo, ClientPortalStore, ConnectionGuard, ConnectionHandle, ConnectionManager, PgWireConnectionState,
    PgWireServerHandlers, PidSecretKeyGenerator, RandomPidSecretKeyGenerator, Type,
};
use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::startup::Authentication;
use datafusion_postgres::pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use futures::sink::{Sink, SinkExt};
use futures::{StreamExt, TryStreamExt};
use outcrop_storage::Snapshot;

use super::session::{self, Command};
use super::{Admitted, Door};
use crate::error::{QueryError, QueryErrorKind};
use crate::execute::{Cancelled, QueryEngine};
use crate::postgres;
use crate::spec::Options;
use crate::sql::{AboutTables, Asked, Question, words};

/// The server side of one connection.
pub(super) struct Connection {
    engine: Arc<QueryEngine>,
    door: Door,
    /// Whether nobody is let in without TLS.
    needs_tls: bool,
    /// Set once the asker was let in.
    admitted: Mutex<Option<Admitted>>,
    timeout: Mutex<Option<u64>>,
    parser: Arc<PostgresCompatibilityParser>,
    about: OnceLock<Arc<AboutTables>>,
    connections: Arc<ConnectionManager>,
}

pub(super) struct Handlers {
    connection: Arc<Connection>,
    cancel: Arc<DefaultCancelHandler>,
}

pub(super) fn handlers(mut connection: Connection, connections: Arc<ConnectionManager>) -> Handlers {
    connection.connections = Arc::clone(&connections);
    Handlers { connection: Arc::new(connection), cancel: Arc::new(DefaultCancelHandler::new(connections)) }
}

impl PgWireServerHandlers for Handlers {
    fn simple_query_handler(&self) -> Arc<impl SimpleQueryHandler> {
        Arc::clone(&self.connection)
    }

    fn extended_query_handler(&self) -> Arc<impl ExtendedQueryHandler> {
        Arc::new(Prepared(Arc::clone(&self.connection)))
    }

    fn startup_handler(&self) -> Arc<impl StartupHandler> {
        Arc::clone(&self.connection)
    }

    fn cancel_handler(&self) -> Arc<impl CancelHandler> {
        Arc::clone(&self.cancel)
    }
}

/// An error in the protocol's shape.
fn told(error: QueryError) -> PgWireError {
    let code = match error.code {
        "malformed_sql" => "42601",
        "unknown_field" => "42703",
        "unknown_dataset" | "unknown_table" => "42P01",
        "only_questions" => "25006",
        "not_supported" => "0A000",
        _ => match error.kind {
            QueryErrorKind::Busy => "53300",
            QueryErrorKind::Deadline => "57014",
            QueryErrorKind::Internal => "XX000",
            QueryErrorKind::Malformed | QueryErrorKind::NotFound | QueryErrorKind::Impossible => "22000",
        },
    };
    PgWireError::UserError(Box::new(ErrorInfo::new("ERROR".to_owned(), code.to_owned(), error.message)))
}

fn not_let_in() -> PgWireError {
    PgWireError::UserError(Box::new(ErrorInfo::new(
        "FATAL".to_owned(),
        "28P01".to_owned(),
        "the password must be a key with the scope query that counts; outcrop keys create makes one".to_owned(),
    )))
}

fn in_the_clear() -> PgWireError {
    PgWireError::UserError(Box::new(ErrorInfo::new(
        "FATAL".to_owned(),
        "28000".to_owned(),
        "this address speaks TLS only; connect with sslmode=require or better".to_owned(),
    )))
}

/// A statement that was read.
#[derive(Clone, Debug)]
pub(super) enum Read {
    Command(Command),
    Question(Arc<Planned>),
}

/// A question, and what a client is told of it before it is run.
#[derive(Debug)]
pub(super) struct Planned {
    sql: String,
    question: Question,
    schema: Schema,
    parameters: Vec<Option<DataType>>,
    /// Whether its asker has passed the gate for it since it was last run: to prepare and to run it once is to ask once.
    is_let_in: AtomicBool,
}

impl Connection {
    pub(super) fn new(engine: Arc<QueryEngine>, door: Door, needs_tls: bool) -> Connection {
        Connection {
            engine,
            door,
            needs_tls,
            admitted: Mutex::default(),
            timeout: Mutex::default(),
            parser: Arc::new(PostgresCompatibilityParser::new()),
            about: OnceLock::new(),
            connections: Arc::new(ConnectionManager::new()),
        }
    }

    fn admitted(&self) -> PgWireResult<Admitted> {
        self.admitted.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(not_let_in)
    }

    /// What may be read now.
    fn snapshot(&self) -> PgWireResult<Snapshot> {
        (self.admitted()?.reader)().ok_or_else(not_let_in)
    }

    /// Passes the gate, unless too much was asked.
    fn enter(&self) -> PgWireResult<()> {
        let entered = (self.admitted()?.gate)();
        entered.map_err(|why| told(QueryError::new(QueryErrorKind::Busy, "rate_limited", why)))
    }

    fn options(&self) -> Options {
        let timeout = *self.timeout.lock().unwrap_or_else(PoisonError::into_inner);
        Options { strict: false, timeout_seconds: Some(session::seconds(timeout)) }
    }

    /// The statements of a text, read where the stack is deep enough for them.
    async fn read(&self, sql: &str) -> PgWireResult<Vec<Statement>> {
        let (parser, sql) = (Arc::clone(&self.parser), sql.to_owned());
        let options = self.options();
        let read = self.engine.run(&options, async move {
            words(&sql)?;
            parser.parse(&sql).map_err(|e| {
                QueryError::new(QueryErrorKind::Malformed, "malformed_sql", format!("the SQL cannot be read: {e}"))
            })
        });
        read.await.map_err(told)
    }

    fn run_command(&self, command: &Command) -> PgWireResult<Response> {
        if let Command::Timeout(milliseconds) = command {
            *self.timeout.lock().unwrap_or_else(PoisonError::into_inner) = *milliseconds;
        }
        session::response(command)
    }

    fn asked(&self, snapshot: Snapshot, question: Question, parameters: Option<ParamValues>) -> PgWireResult<Asked> {
        if self.about.get().is_none() {
            let _another_was_faster = self.about.set(Arc::new(AboutTables::new(&self.engine).map_err(told)?));
        }
        let (about, partitions) = (self.about.get().cloned(), self.engine.threads());
        Ok(Asked { context: self.engine.sql_context(true), partitions, snapshot, question, parameters, about })
    }

    /// Plans a statement, for a client that wants to know of what kind it is.
    async fn plan(&self, statement: Statement) -> PgWireResult<Planned> {
        self.enter()?;
        let snapshot = self.snapshot()?;
        let (sql, question) = (statement.to_string(), statement);
        let asked = self.engine.run(&self.options(), async move { Question::of(question) }).await.map_err(told)?;
        let asked = self.asked(snapshot, asked, None)?;
        let cancelled = Cancelled::of(&asked.context);
        let options = self.options();
        let planned = self.engine.run(&options, async move {
            let (_, _, plan) = asked.plan().await?;
            let mut parameters: Vec<(usize, Option<DataType>)> = plan
                .get_parameter_types()
                .map_err(crate::sql::sql_error)?
                .into_iter()
                .filter_map(|(name, data_type)| Some((name.strip_prefix('$')?.parse().ok()?, data_type)))
                .collect();
            parameters.sort_unstable_by_key(|(number, _)| *number);
            let schema = plan.schema().as_arrow().clone();
            let parameters = parameters.into_iter().map(|(_, data_type)| data_type).collect();
            let is_let_in = AtomicBool::new(true);
            Ok(Planned { sql, question: asked.question, schema, parameters, is_let_in })
        });
        let planned = planned.await.map_err(told);
        drop(cancelled);
        planned
    }

    /// Runs a question and sends its rows as they are made.
    async fn ask(&self, planned: &Planned, parameters: Option<ParamValues>, format: &Format) -> PgWireResult<Response> {
        let fields = Arc::new(arrow_schema_to_pg_fields(&planned.schema, format, None)?);
        if !planned.is_let_in.swap(false, Ordering::Relaxed) {
            self.enter()?;
        }
        let asked = postgres::Statement { sql: planned.sql.clone(), parameters: texts(parameters.as_ref()) };
        (self.admitted()?.listener)(asked).await;
        let asked = self.asked(self.snapshot()?, planned.question.clone(), parameters)?;
        let cancelled = Cancelled::of(&asked.context);
        let (row_fields, schema) = (Arc::clone(&fields), planned.schema.clone());
        let options = self.options();
        let rows = self.engine.outgoing(&options, cancelled, |send| async move {
            let mut batches = asked.begin(None).await?.rows;
            if !same_types(&batches.schema(), &schema) {
                return Err(QueryError::impossible(
                    "changed",
                    "the types of the statement's columns have changed since it was prepared; prepare it again",
                ));
            }
            while let Some(batch) = batches.next().await {
                let rows = encode_recordbatch(Arc::clone(&row_fields), batch?).collect::<PgWireResult<Vec<_>>>();
                let rows = rows.map_err(|e| QueryError::internal(e.to_string()))?;
                if send.send(rows).await.is_err() {
                    break;
                }
            }
            Ok(())
        });
        let rows = rows.await.map_err(told)?;
        let rows = rows.map_err(told).map_ok(|rows| futures::stream::iter(rows.into_iter().map(Ok))).try_flatten();
        Ok(Response::Query(QueryResponse::new(fields, rows)))
    }
}

/// Parameters as texts.
fn texts(parameters: Option<&ParamValues>) -> Vec<String> {
    match parameters {
        Some(ParamValues::List(values)) => values.iter().map(|parameter| parameter.value.to_string()).collect(),
        Some(ParamValues::Map(values)) => values.values().map(|parameter| parameter.value.to_string()).collect(),
        None => Vec::new(),
    }
}

fn same_types(one: &Schema, other: &Schema) -> bool {
    let types = |schema: &Schema| schema.fields().iter().map(|f| f.data_type().clone()).collect::<Vec<_>>();
    types(one) == types(other)
}

#[async_trait]
impl StartupHandler for Connection {
    async fn on_startup<C>(&self, client: &mut C, message: PgWireFrontendMessage) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let admitted = match message {
            // Before a password is asked for, which would then be in the clear.
            PgWireFrontendMessage::Startup(_) if self.needs_tls && !client.is_secure() => return Err(in_the_clear()),
            PgWireFrontendMessage::Startup(ref startup) => {
                protocol_negotiation(client, startup).await?;
                save_startup_parameters_to_metadata(client, startup);
                let Some(admitted) = (self.door)(None) else {
                    client.set_state(PgWireConnectionState::AuthenticationInProgress);
                    let ask = Authentication::CleartextPassword;
                    client.send(PgWireBackendMessage::Authentication(ask)).await?;
                    return Ok(());
                };
                admitted
            }
            PgWireFrontendMessage::PasswordMessageFamily(password) => {
                let password = password.into_password()?;
                (self.door)(Some(password.password.as_str())).ok_or_else(not_let_in)?
            }
            _ => return Ok(()),
        };
        *self.admitted.lock().unwrap_or_else(PoisonError::into_inner) = Some(admitted);
        let (process, secret) = RandomPidSecretKeyGenerator::default().generate(client);
        client.set_pid_and_secret_key(process, secret.clone());
        let (handle, guard) = self.connections.register(process, secret);
        client.session_extensions().insert::<Arc<ConnectionHandle>>(handle);
        client.session_extensions().insert::<ConnectionGuard>(guard);
        let mut parameters = DefaultServerParameterProvider::default();
        parameters.time_zone = "UTC".to_owned();
        finish_authentication(client, &parameters).await
    }
}

#[async_trait]
impl SimpleQueryHandler for Connection {
    async fn do_query<C>(&self, _: &mut C, query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let mut responses = Vec::new();
        for statement in self.read(query).await? {
            responses.push(match session::command(&statement) {
                Some(command) => self.run_command(&command)?,
                None => self.ask(&self.plan(statement).await?, None, &Format::UnifiedText).await?,
            });
        }
        if responses.is_empty() {
            responses.push(Response::EmptyQuery);
        }
        Ok(responses)
    }
}

/// Prepared statements of a connection.
pub(super) struct Prepared(Arc<Connection>);

#[async_trait]
impl QueryParser for Connection {
    type Statement = Read;

    async fn parse_sql<C>(&self, _: &C, sql: &str, _: &[Option<Type>]) -> PgWireResult<Option<Read>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let mut statements = self.read(sql).await?.into_iter();
        Ok(match (statements.next(), statements.next()) {
            (None, _) => None,
            (Some(statement), None) => Some(match session::command(&statement) {
                Some(command) => Read::Command(command),
                None => Read::Question(Arc::new(self.plan(statement).await?)),
            }),
            _ => {
                let several = "several statements cannot be prepared as one";
                return Err(told(QueryError::new(QueryErrorKind::Malformed, "malformed_sql", several)));
            }
        })
    }

    fn get_parameter_types(&self, statement: &Read) -> PgWireResult<Vec<Type>> {
        let Read::Question(planned) = statement else { return Ok(Vec::new()) };
        planned.parameters.iter().map(|t| t.as_ref().map_or(Ok(Type::TEXT), into_pg_type)).collect()
    }

    fn get_result_schema(&self, statement: &Read, format: Option<&Format>) -> PgWireResult<Vec<FieldInfo>> {
        match statement {
            Read::Command(Command::Show(name)) => Ok(session::shown_fields(name)),
            Read::Command(_) => Ok(Vec::new()),
            Read::Question(planned) => {
                arrow_schema_to_pg_fields(&planned.schema, format.unwrap_or(&Format::UnifiedText), None)
            }
        }
    }
}

#[async_trait]
impl ExtendedQueryHandler for Prepared {
    type Statement = Read;
    type QueryParser = Connection;

    fn query_parser(&self) -> Arc<Connection> {
        Arc::clone(&self.0)
    }

    async fn do_query<C>(&self, _: &mut C, portal: &Portal<Read>, _: usize) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        match &portal.statement.statement {
            Read::Command(command) => self.0.run_command(command),
            Read::Question(planned) => {
                let types: Vec<Option<&DataType>> = planned.parameters.iter().map(Option::as_ref).collect();
                let parameters = df::deserialize_parameters(portal, &types)?;
                self.0.ask(planned, Some(parameters), &portal.result_column_format).await
            }
        }
    }
}
