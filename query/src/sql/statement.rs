//! One statement of SQL: parsed, held to be a question, and every name in it collected. It must not know which datasets
//! there are.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::common::TableReference;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::{DFParserBuilder, Statement as Parsed};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::{
    ExcludeSelectItem, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, ObjectNamePart, Query,
    Select, SelectItem, SetExpr, ShowStatementOptions, Statement, TableFactor, VisitMut, VisitorMut,
    WildcardAdditionalOptions,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::error::{malformed, sql_error};
use crate::error::QueryError;
use crate::limits;

/// What a statement asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Rows,
    Tables,
    Columns(TableReference),
}

/// A field by another type than its column has: one for each call of a function that SQL cannot have otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum View {
    Number,
    Text,
}

impl View {
    fn of(function: &str) -> Option<View> {
        match function {
            "event_number" => Some(View::Number),
            "event_text" => Some(View::Text),
            _ => None,
        }
    }

    pub(super) fn column(self, field: &str) -> String {
        match self {
            View::Number => format!("event_number({field})"),
            View::Text => format!("event_text({field})"),
        }
    }
}

/// A statement that may be answered.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    statement: Statement,
    pub(crate) kind: Kind,
    pub(super) tables: Vec<TableReference>,
    /// Every name in the statement: more than its columns, and never less.
    pub(super) words: BTreeSet<String>,
    /// Whether all columns are wanted.
    pub(super) everything: bool,
    /// Fields by other types, by the name of the column that stands for them.
    pub(super) views: BTreeMap<String, (String, View)>,
}

impl Question {
    pub(super) fn parse(sql: &str) -> Result<Question, QueryError> {
        let words = words(sql)?;
        let parsed = DFParserBuilder::new(sql)
            .with_dialect(&PostgreSqlDialect {})
            .build()
            .and_then(|mut parser| parser.parse_statements())
            .map_err(sql_error)?;
        let mut statements = parsed.into_iter();
        let (Some(statement), None) = (statements.next(), statements.next()) else {
            return Err(malformed("write one statement, such as SELECT count(*) FROM shop"));
        };
        Question::new(plain(statement)?, words)
    }

    /// A statement that was parsed elsewhere.
    pub(crate) fn of(statement: Statement) -> Result<Question, QueryError> {
        let words = words(&statement.to_string())?;
        Question::new(statement, words)
    }

    /// The same, with all columns of its tables.
    pub(super) fn of_everything(&self) -> Question {
        Question { everything: true, ..self.clone() }
    }

    /// Whether it asks about tables instead of events, as clients do that know PostgreSQL.
    pub(super) fn asks_about_tables(&self) -> bool {
        let asks = |word: &String| {
            let word = word.as_str();
            word.starts_with("pg_")
                || word.starts_with("current_")
                || word.starts_with("has_")
                || ABOUT_TABLES.contains(&word)
        };
        self.words.iter().any(asks)
    }

    /// A statement, and the words of its text.
    fn new(mut statement: Statement, words: BTreeSet<String>) -> Result<Question, QueryError> {
        let kind = kind(&statement)?;
        let mut reading = Reading { everything: kind != Kind::Rows || words.contains("natural"), ..Reading::default() };
        if let ControlFlow::Break(refusal) = statement.visit(&mut reading) {
            return Err(refusal);
        }
        let (tables, _) =
            resolve_table_references(&Parsed::Statement(Box::new(statement.clone())), true).map_err(sql_error)?;
        let is_table = |table: &TableReference| !reading.functions.contains(table.table());
        let tables: Vec<TableReference> = tables.into_iter().filter(is_table).collect();
        let names: BTreeSet<&str> = tables.iter().map(TableReference::table).collect();
        let named = HIDDEN.iter().copied().filter(|name| words.contains(*name));
        let columns: Vec<String> = reading.views.keys().cloned().chain(named.map(str::to_owned)).collect();
        // What is made for a name that stands somewhere in the statement is not what `*` means.
        let _never_breaks = statement.visit(&mut Hiding { columns: &columns, tables: &names });
        let Reading { everything, views, .. } = reading;
        drop(names);
        Ok(Question { statement, kind, tables, words, everything, views })
    }

    pub(super) fn statement(&self) -> Parsed {
        Parsed::Statement(Box::new(self.statement.clone()))
    }
}

/// Names that PostgreSQL has beside those that begin as its others do.
const ABOUT_TABLES: [&str; 9] = [
    "information_schema",
    "format_type",
    "session_user",
    "quote_ident",
    "parse_ident",
    "array_upper",
    "array_lower",
    "regclass",
    "regproc",
];

/// The columns that are in no `*`.
pub(super) const HIDDEN: [&str; 2] = ["meta.sequence", "meta.received"];

/// Refuses a plan that would do anything but read. The statement was checked before; this is the second lock.
pub(super) fn verify(plan: &LogicalPlan) -> Result<(), QueryError> {
    let reading = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    reading.verify_plan(plan).map_err(|_| only_questions())
}

fn only_questions() -> QueryError {
    QueryError::impossible(
        "only_questions",
        "SQL only reads here: write SELECT, WITH, VALUES, EXPLAIN, SHOW TABLES, SHOW COLUMNS FROM or DESCRIBE",
    )
}

fn plain(statement: Parsed) -> Result<Statement, QueryError> {
    match statement {
        Parsed::Statement(statement) => Ok(*statement),
        Parsed::Explain(explain) => {
            let inner = plain(*explain.statement)?;
            Ok(Statement::Explain {
                describe_alias: datafusion::sql::sqlparser::ast::DescribeAlias::Explain,
                analyze: explain.options.analyze,
                verbose: explain.options.verbose,
                query_plan: false,
                estimate: false,
                statement: Box::new(inner),
                format: None,
                options: None,
            })
        }
        _ => Err(only_questions()),
    }
}

fn kind(statement: &Statement) -> Result<Kind, QueryError> {
    match statement {
        Statement::Query(_) => Ok(Kind::Rows),
        Statement::Explain { statement, .. } => match kind(statement)? {
            Kind::Rows if matches!(**statement, Statement::Query(_)) => Ok(Kind::Rows),
            _ => Err(only_questions()),
        },
        Statement::ShowTables { .. } => Ok(Kind::Tables),
        Statement::ExplainTable { table_name, .. } => Ok(Kind::Columns(reference(table_name)?)),
        Statement::ShowColumns { show_options: ShowStatementOptions { show_in: Some(place), .. }, .. } => {
            match &place.parent_name {
                Some(name) => Ok(Kind::Columns(reference(name)?)),
                None => Err(malformed("say of which table: SHOW COLUMNS FROM shop")),
            }
        }
        _ => Err(only_questions()),
    }
}

fn reference(name: &ObjectName) -> Result<TableReference, QueryError> {
    let parts: Option<Vec<String>> = name.0.iter().map(|part| part.as_ident().map(folded)).collect();
    match parts.as_deref() {
        Some([table]) => Ok(TableReference::bare(table.as_str())),
        Some([schema, table]) => Ok(TableReference::partial(schema.as_str(), table.as_str())),
        _ => Err(malformed(format!("{name} is no name of a table"))),
    }
}

/// A name as it counts: without quotes it is in lower case.
fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

/// Every name in a text, and whether it is short enough to be worked on.
pub(crate) fn words(sql: &str) -> Result<BTreeSet<String>, QueryError> {
    if sql.len() > limits::SQL_BYTES_MAX {
        return Err(malformed(format!("a statement may have {} bytes", limits::SQL_BYTES_MAX)));
    }
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize();
    let tokens = tokens.map_err(|e| malformed(format!("the SQL cannot be read: {e}")))?;
    let joins = tokens.iter().filter(|token| joins(token)).count();
    if joins > limits::SQL_OPERATORS_MAX {
        return Err(malformed(format!(
            "a statement may have {} operators; lists are IN (…)",
            limits::SQL_OPERATORS_MAX
        )));
    }
    let word = |token| match token {
        Token::Word(word) if word.quote_style.is_some() => Some(word.value),
        Token::Word(word) => Some(word.value.to_lowercase()),
        _ => None,
    };
    Ok(tokens.into_iter().filter_map(word).collect())
}

/// Whether a token makes an expression or a query deeper.
fn joins(token: &Token) -> bool {
    match token {
        Token::Word(word) => {
            let deeper =
                ["and", "or", "not", "union", "except", "intersect", "join", "is", "like", "between", "collate"];
            word.quote_style.is_none() && deeper.contains(&word.value.to_lowercase().as_str())
        }
        Token::Whitespace(_) | Token::Comma | Token::Number(..) | Token::SingleQuotedString(_) | Token::Period => false,
        Token::LParen | Token::RParen | Token::SemiColon | Token::EOF => false,
        _ => true,
    }
}

/// Walks a statement: refuses what writes, and gives calls that stand for columns the names of those.
#[derive(Default)]
struct Reading {
    everything: bool,
    /// What stands where tables do and is none.
    functions: BTreeSet<String>,
    views: BTreeMap<String, (String, View)>,
}

impl Reading {
    fn body(&mut self, body: &SetExpr) -> Result<(), QueryError> {
        match body {
            SetExpr::Select(select) if select.into.is_some() => Err(only_questions()),
            SetExpr::Select(select) => {
                self.everything |= select.projection.is_empty() || select.projection.iter().any(is_wildcard);
                Ok(())
            }
            SetExpr::SetOperation { left, right, .. } => self.body(left).and_then(|()| self.body(right)),
            SetExpr::Query(_) | SetExpr::Values(_) => Ok(()),
            SetExpr::Table(_) => Err(malformed("write SELECT * FROM instead of TABLE")),
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => Err(only_questions()),
        }
    }

    /// The column that stands for a call, if it is one of ours.
    fn column(&mut self, expression: &Expr) -> Result<Option<Expr>, QueryError> {
        let Expr::Function(function) = expression else { return Ok(None) };
        let [ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else { return Ok(None) };
        let Some(view) = View::of(&folded(name)) else { return Ok(None) };
        let wrong =
            || malformed(format!("{} takes one field by its name, such as {}(\"http.status_code\")", name, name));
        let FunctionArguments::List(list) = &function.args else { return Err(wrong()) };
        let [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] = list.args.as_slice() else { return Err(wrong()) };
        let (qualifiers, field): (&[Ident], &Ident) = match argument {
            Expr::Identifier(field) => (&[], field),
            Expr::CompoundIdentifier(parts) => match parts.split_last() {
                Some((field, qualifiers)) => (qualifiers, field),
                None => return Err(wrong()),
            },
            _ => return Err(wrong()),
        };
        let field = folded(field);
        let column = view.column(&field);
        self.views.insert(column.clone(), (field, view));
        let column = Ident::with_quote('"', column);
        Ok(Some(if qualifiers.is_empty() {
            Expr::Identifier(column)
        } else {
            Expr::CompoundIdentifier(qualifiers.iter().cloned().chain([column]).collect())
        }))
    }
}

fn is_wildcard(item: &SelectItem) -> bool {
    matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
}

impl VisitorMut for Reading {
    type Break = QueryError;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<QueryError> {
        if let TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } = factor {
            self.functions.extend(name.0.last().and_then(|part| part.as_ident()).map(folded));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<QueryError> {
        match self.body(&query.body) {
            Ok(()) => ControlFlow::Continue(()),
            Err(refusal) => ControlFlow::Break(refusal),
        }
    }

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<QueryError> {
        match self.column(expression) {
            Ok(Some(column)) => *expression = column,
            Ok(None) => {}
            Err(refusal) => return ControlFlow::Break(refusal),
        }
        ControlFlow::Continue(())
    }
}

/// Excludes columns from every `*` over tables.
struct Hiding<'c> {
    columns: &'c [String],
    tables: &'c BTreeSet<&'c str>,
}

impl Hiding<'_> {
    fn is_table(&self, factor: &TableFactor) -> bool {
        let TableFactor::Table { name, .. } = factor else { return false };
        name.0.last().and_then(|part| part.as_ident()).is_some_and(|name| self.tables.contains(folded(name).as_str()))
    }

    fn select(&self, select: &mut Select) {
        // What comes out of a subquery has only what was asked for there.
        let over_tables = select.from.iter().all(|from| {
            let joined = from.joins.iter().map(|join| &join.relation);
            std::iter::once(&from.relation).chain(joined).all(|factor| self.is_table(factor))
        });
        if !over_tables || self.columns.is_empty() {
            return;
        }
        for item in &mut select.projection {
            if let SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) = item {
                self.exclude(options);
            }
        }
    }

    fn exclude(&self, options: &mut WildcardAdditionalOptions) {
        let named: Vec<ObjectName> = match options.opt_exclude.take() {
            Some(ExcludeSelectItem::Single(name)) => vec![name],
            Some(ExcludeSelectItem::Multiple(names)) => names,
            None => Vec::new(),
        };
        let has = |column: &str| {
            named.iter().any(|name| name.0.iter().any(|p| p.as_ident().is_some_and(|i| folded(i) == column)))
        };
        let hidden = self.columns.iter().filter(|column| !has(column));
        let hidden: Vec<ObjectName> =
            hidden.map(|column| ObjectName::from(vec![Ident::with_quote('"', column.as_str())])).collect();
        options.opt_exclude = Some(ExcludeSelectItem::Multiple(named.into_iter().chain(hidden).collect()));
    }

    fn body(&self, body: &mut SetExpr) {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::SetOperation { left, right, .. } => {
                self.body(left);
                self.body(right);
            }
            _ => {}
        }
    }
}

impl VisitorMut for Hiding<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.body(&mut query.body);
        ControlFlow::Continue(())
    }
}
