//! Which functions there are: their names, how many arguments they take, and which types they give.
//!
//! What they calculate stands in [`evaluate`](super::evaluate). Must not know syntax.

/// A function whose arguments are all calculated before it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Coalesce,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equals,
    In,
    Exists,
    Not,
    And,
    Or,
    Min,
    Max,
    Sum,
    Sub,
    Mul,
    Div,
    Mod,
    Log10,
    Bucket,
    Int,
    Float,
    Bool,
    String,
    Concat,
    StartsWith,
    EndsWith,
    Contains,
    ToLower,
    LengthBytes,
    LengthCharacters,
    UnixTimestamp,
    Random,
}

/// A function with a literal that is prepared once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PatternFunction {
    Match,
    Value,
    Count,
}

/// What a name in a call means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    If,
    Switch,
    Call(Function),
    Length,
    Pattern(PatternFunction),
    FormatTime,
    /// A column of the store, as a number.
    System(&'static str),
    Random,
    /// Of metrics as time series, which events are not.
    Metrics,
}

pub(super) struct Known {
    pub(super) name: &'static str,
    pub(super) arguments: (usize, usize),
    pub(super) usage: &'static str,
    pub(super) named: Named,
}

const ANY: usize = usize::MAX;

const fn known(name: &'static str, least: usize, most: usize, usage: &'static str, named: Named) -> Known {
    Known { name, arguments: (least, most), usage, named }
}

pub(super) const FUNCTIONS: &[Known] = &[
    known("IF", 2, ANY, "IF(condition, value, …, else)", Named::If),
    known("SWITCH", 3, ANY, "SWITCH(value, \"case\", result, …, default)", Named::Switch),
    known("COALESCE", 1, ANY, "COALESCE(a, b, …)", Named::Call(Function::Coalesce)),
    known("LT", 2, 2, "LT(a, b)", Named::Call(Function::Less)),
    known("LTE", 2, 2, "LTE(a, b)", Named::Call(Function::LessOrEqual)),
    known("GT", 2, 2, "GT(a, b)", Named::Call(Function::Greater)),
    known("GTE", 2, 2, "GTE(a, b)", Named::Call(Function::GreaterOrEqual)),
    known("EQUALS", 2, 2, "EQUALS(a, b)", Named::Call(Function::Equals)),
    known("IN", 2, ANY, "IN(value, a, b, …)", Named::Call(Function::In)),
    known("EXISTS", 1, 1, "EXISTS($column)", Named::Call(Function::Exists)),
    known("NOT", 1, 1, "NOT(a)", Named::Call(Function::Not)),
    known("AND", 1, ANY, "AND(a, b, …)", Named::Call(Function::And)),
    known("OR", 1, ANY, "OR(a, b, …)", Named::Call(Function::Or)),
    known("MIN", 1, ANY, "MIN(a, b, …)", Named::Call(Function::Min)),
    known("MAX", 1, ANY, "MAX(a, b, …)", Named::Call(Function::Max)),
    known("SUM", 1, ANY, "SUM(a, b, …)", Named::Call(Function::Sum)),
    known("SUB", 2, 2, "SUB(a, b)", Named::Call(Function::Sub)),
    known("MUL", 1, ANY, "MUL(a, b, …)", Named::Call(Function::Mul)),
    known("DIV", 2, 2, "DIV(a, b)", Named::Call(Function::Div)),
    known("MOD", 2, 2, "MOD(a, b)", Named::Call(Function::Mod)),
    known("LOG10", 1, 1, "LOG10(a)", Named::Call(Function::Log10)),
    known("BUCKET", 2, 4, "BUCKET(value, size, min, max)", Named::Call(Function::Bucket)),
    known("INT", 1, 1, "INT(a)", Named::Call(Function::Int)),
    known("FLOAT", 1, 1, "FLOAT(a)", Named::Call(Function::Float)),
    known("BOOL", 1, 1, "BOOL(a)", Named::Call(Function::Bool)),
    known("STRING", 1, 1, "STRING(a)", Named::Call(Function::String)),
    known("CONCAT", 1, ANY, "CONCAT(a, b, …)", Named::Call(Function::Concat)),
    known("STARTS_WITH", 2, 2, "STARTS_WITH(text, prefix)", Named::Call(Function::StartsWith)),
    known("ENDS_WITH", 2, 2, "ENDS_WITH(text, suffix)", Named::Call(Function::EndsWith)),
    known("CONTAINS", 2, 2, "CONTAINS(text, part)", Named::Call(Function::Contains)),
    known("TO_LOWER", 1, 1, "TO_LOWER(text)", Named::Call(Function::ToLower)),
    known("LENGTH", 1, 2, "LENGTH(text, \"chars\") or LENGTH(text, \"bytes\")", Named::Length),
    known("REG_MATCH", 2, 2, "REG_MATCH(text, `pattern`)", Named::Pattern(PatternFunction::Match)),
    known("REG_VALUE", 2, 2, "REG_VALUE(text, `pattern`)", Named::Pattern(PatternFunction::Value)),
    known("REG_COUNT", 2, 2, "REG_COUNT(text, `pattern`)", Named::Pattern(PatternFunction::Count)),
    known("UNIX_TIMESTAMP", 1, 1, "UNIX_TIMESTAMP(text)", Named::Call(Function::UnixTimestamp)),
    known("EVENT_TIMESTAMP", 0, 0, "EVENT_TIMESTAMP()", Named::System("timestamp")),
    known("INGEST_TIMESTAMP", 0, 0, "INGEST_TIMESTAMP()", Named::System("meta.received")),
    known("FORMAT_TIME", 2, 2, "FORMAT_TIME(\"%Y-%m-%d\", seconds)", Named::FormatTime),
    known("RAND", 0, 0, "RAND()", Named::Random),
    known("INCREASE", 0, ANY, "INCREASE", Named::Metrics),
    known("LAST", 0, ANY, "LAST", Named::Metrics),
    known("RATE", 0, ANY, "RATE", Named::Metrics),
    known("SUMMARIZE", 0, ANY, "SUMMARIZE", Named::Metrics),
];

/// A set of types, in the order of `FieldType`: boolean, integer, float, string.
pub(super) type Types = [bool; 4];

pub(super) const BOOLEAN: Types = [true, false, false, false];
pub(super) const INTEGER: Types = [false, true, false, false];
pub(super) const FLOAT: Types = [false, false, true, false];
pub(super) const NUMBER: Types = [false, true, true, false];
pub(super) const TEXT: Types = [false, false, false, true];

pub(super) fn union(a: Types, b: Types) -> Types {
    std::array::from_fn(|at| a[at] || b[at])
}

impl Function {
    /// The types that it may give out of these.
    pub(super) fn types(self, arguments: &[Types]) -> Types {
        match self {
            Function::Coalesce => arguments.iter().copied().fold([false; 4], union),
            Function::Less
            | Function::LessOrEqual
            | Function::Greater
            | Function::GreaterOrEqual
            | Function::Equals
            | Function::In
            | Function::Exists
            | Function::Not
            | Function::And
            | Function::Or
            | Function::Bool
            | Function::StartsWith
            | Function::EndsWith
            | Function::Contains => BOOLEAN,
            // A sum of integers beyond 64 bits is a float.
            Function::Sum | Function::Sub | Function::Mul if !arguments.contains(&FLOAT) => NUMBER,
            Function::Mod if !arguments.contains(&FLOAT) => if_integers(arguments),
            Function::Sum | Function::Sub | Function::Mul | Function::Mod => FLOAT,
            Function::Min | Function::Max => if_integers(arguments),
            Function::Div | Function::Log10 | Function::Float | Function::UnixTimestamp | Function::Random => FLOAT,
            Function::Int | Function::LengthBytes | Function::LengthCharacters => INTEGER,
            Function::Bucket | Function::String | Function::Concat | Function::ToLower => TEXT,
        }
    }
}

/// Integers where no argument can be a float or be read as one; numbers of both kinds elsewhere.
fn if_integers(arguments: &[Types]) -> Types {
    let floats = arguments.iter().any(|types| types[2] || types[3]);
    if floats { NUMBER } else { INTEGER }
}
