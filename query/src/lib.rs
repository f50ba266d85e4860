//! SPEC → ANSWER: a question as JSON becomes an answer as JSON.
//!
//! The way of a question: [`spec`] parses it once into typed form, [`scope`] finds the datasets and fields it names,
//! [`expression`] calculates fields that nobody sent, [`plan`] makes DataFusion plans of it, [`prune`] leaves out what
//! cannot match, [`scan`] reads the rest ([`overflow`] finds fields without columns, [`related`] fields of other spans),
//! [`execute`] runs it under a deadline and a memory budget, [`answer`] writes it down, [`missing`] says what it lacks.
//! [`rows`] reads whole events, [`trace`] puts those of a trace in order, [`tail`] follows what comes in, [`intents`] says
//! whether code does what it is meant to, [`compare`] what is different about some of them, [`fields`] lists what there is to ask about, [`matching`] finds the places of events
//! for whoever removes them. [`sql`] is another way to ask, [`export`] another way to answer: row by row in CSV, Arrow or
//! Parquet, however many there are; [`explain`] says how an answer came about and [`watch`] how far it is.
//!
//! This crate must not know HTTP, sockets, files or the WAL. It is the only one that knows DataFusion.

pub mod error;
pub mod limits;

pub mod spec;

mod answer;
mod compare;
#[cfg(test)]
mod differential;
mod execute;
mod explain;
mod export;
mod expression;
mod fields;
mod filter;
mod functions;
mod intents;
mod matching;
mod memory;
mod missing;
mod overflow;
mod plan;
mod postgres;
mod prune;
mod related;
mod rows;
mod scan;
mod scope;
mod sql;
mod tail;
mod text;
mod texts;
mod trace;
mod typed;
mod watch;

pub use answer::{Answer, AnswerColumn, AnswerStats, Compared, Heatmap, SegmentStats, Series, SeriesGroup, Warning};
pub use compare::{
    BinAnswer, CompareAnswer, CompareSpec, CompareStats, DistinctAnswer, ExplanationAnswer, FieldAnswer, MedianAnswer,
    RivalAnswer, SharesAnswer, SideAnswer, SideSpec, ValueAnswer,
};
pub use error::{QueryError, QueryErrorKind};
pub use execute::{QueryCounts, QueryEngine, QuerySettings};
pub use explain::{Explanation, SegmentExplanation};
pub use export::{Export, Format};
pub use fields::{DatasetList, DatasetSummary, FieldList, FieldSummary, ValueCount, ValueList};
pub use intents::{
    IntentAnswer, IntentDetail, IntentList, IntentSeries, IntentShare, IntentVersion, IntentsSpec, UnmetAnswer,
};
pub use matching::{ChosenEvents, MatchingRows};
pub use postgres::{Admitted, Door, Gate, Listener, Postgres, Reader, Statement};
pub use rows::RowsAnswer;
pub use spec::{
    CalculatedFieldSpec, DeletionSpec, FilterCombination, FilterSpec, Options, QueryOptions, QuerySpec, RowsSpec,
    TimeSpec, check_spec, read_spec,
};
pub use sql::{SqlAnswer, SqlFormat, SqlReply, SqlSpec};
pub use tail::{TailPage, TailSpec};
pub use trace::{EventAnswer, LinkAnswer, OwnRoles, Roles, SpanAnswer, SpanEventAnswer, TraceAnswer, TraceSpec};
pub use watch::AnswerEvent;
