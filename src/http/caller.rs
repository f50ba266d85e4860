//! Who asks: the one place that will look at a request's key.
//!
//! Without keys Outcrop serves this machine only, and whoever is on it may send and ask. Must not know what is asked for.

/// What the sender of a request may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    /// Names the key; never the key itself.
    pub(super) id: &'static str,
    pub(super) may_ingest: bool,
    pub(super) may_query: bool,
}

/// The sender of any request, for as long as there are no keys.
pub(super) fn this_machine() -> Caller {
    Caller { id: "this-machine", may_ingest: true, may_query: true }
}
