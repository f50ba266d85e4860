//! SPEC → ANSWER: a question as JSON becomes an answer as JSON.
//!
//! The way of a question: [`spec`] parses it once into typed form, [`scope`] finds the datasets and fields it names,
//! [`expression`] calculates fields that nobody sent, [`plan`] makes DataFusion plans of it, [`prune`] leaves out what cannot match, [`scan`] reads the rest ([`overflow`]
//! finds fields without columns, [`related`] fields of other spans), [`execute`] runs it under a deadline and a memory budget, [`answer`] writes it down,
//! [`missing`] says what it lacks. [`rows`] reads whole events, [`compare`] says what is different about some of them,
//! [`fields`] lists what there is to ask about, [`matching`] finds the places of events for whoever removes them.
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
mod expression;
mod fields;
mod filter;
mod functions;
mod matching;
mod memory;
mod missing;
mod overflow;
mod plan;
mod prune;
mod related;
mod rows;
mod scan;
mod scope;
mod text;

pub use answer::{Answer, AnswerColumn, AnswerStats, Compared, Heatmap, SegmentStats, Series, SeriesGroup, Warning};
pub use compare::{
    BinAnswer, CompareAnswer, CompareEvent, CompareSpec, CompareStats, DistinctAnswer, ExplanationAnswer, FieldAnswer,
    MedianAnswer, RivalAnswer, SharesAnswer, SideAnswer, SideSpec, ValueAnswer,
};
pub use error::{QueryError, QueryErrorKind};
pub use execute::{QueryEngine, QuerySettings};
pub use fields::{DatasetList, DatasetSummary, FieldList, FieldSummary, ValueCount, ValueList};
pub use matching::{ChosenEvents, MatchingRows};
pub use rows::RowsAnswer;
pub use spec::{CalculatedFieldSpec, DeletionSpec, Options, QuerySpec, RowsSpec, read_spec};
