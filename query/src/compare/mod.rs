//! What is different: which fields, values and conjunctions tell a selection of events from a baseline.
//!
//! 1. [`spec`]: the question, typed, and which kind it is: of shares, of rates, of counts.
//! 2. [`sides`]: each row's cell, from the filters' columns alone.
//! 3. [`sample`] draws rows; [`measure`] reads them as a [`table`], which says what is worth telling apart of each field,
//!    and from which a first answer comes.
//! 4. [`measure`] counts both sides whole into [`tally`]s; [`fields`] scores them.
//! 5. [`explain`] searches conjunctions in drawn rows; [`recount`] counts what is shown of them in all events.
//! 6. [`write`] turns it into an [`answer`].
//!
//! `score`, `fields` and `explain` are mathematics and know no columns; `docs/compare.md` says where it comes from.

mod answer;
mod columns;
mod explain;
mod fields;
mod measure;
mod recount;
mod run;
mod sample;
mod score;
mod sides;
mod spec;
mod table;
mod tally;
#[cfg(test)]
mod tests;
mod value;
mod workers;
mod write;

pub use answer::{
    BinAnswer, CompareAnswer, CompareStats, DistinctAnswer, ExplanationAnswer, FieldAnswer, MedianAnswer, RivalAnswer,
    SharesAnswer, SideAnswer, ValueAnswer,
};
pub use spec::{CompareSpec, SideSpec};
