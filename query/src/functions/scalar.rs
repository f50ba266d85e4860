//! Scalar functions: the text form of floats and times, patterns, any text of an overflow column, and quantiles read out
//! of a sketch.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Float64Array, StringViewArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use outcrop_storage::overflow::{OverflowValue, entries};
use regex::Regex;

use super::{Change, Sketch};
use crate::error::QueryError;
use crate::spec::{RateOf, rfc3339};
use crate::text;

/// The text form of floats: shortest that reads back, integral ones without `.0`.
pub(crate) fn float_text(value: Expr) -> Expr {
    call(Function::FloatText, DataType::Float64, value)
}

/// Times in nanoseconds as RFC 3339.
pub(crate) fn time_text(value: Expr) -> Expr {
    call(Function::TimeText, DataType::Int64, value)
}

/// Whether text matches a pattern that was checked when the spec was parsed.
pub(crate) fn matches(value: Expr, pattern: &str) -> std::result::Result<Expr, QueryError> {
    let regex = text::compile(pattern).map_err(|e| QueryError::malformed(e.to_string()))?;
    Ok(call(Function::Matches(regex), DataType::Utf8View, value))
}

/// Whether a condition is false or null. The engine's own IS NOT TRUE is never null in plans and may be in their execution,
/// which it refuses where it takes one out as a common expression.
pub(crate) fn is_not_true(condition: Expr) -> Expr {
    call(Function::IsNotTrue, DataType::Boolean, condition)
}

/// Whether some text in an overflow column passes; false where there is none.
pub(crate) fn any_text(overflow: Expr, test: TextTest) -> Expr {
    call(Function::AnyText(test), DataType::Utf8View, overflow)
}

/// The value at a share (0 to 1) of a sketch's weight.
pub(crate) fn quantile(sketch: Expr, share: f64) -> Expr {
    call(Function::Quantile(share), DataType::Binary, sketch)
}

/// The mean change from bucket to bucket, out of the state of a change.
pub(crate) fn rate(change: Expr, of: RateOf) -> Expr {
    call(Function::Rate(of), DataType::Binary, change)
}

fn call(function: Function, input: DataType, argument: Expr) -> Expr {
    let signature = Signature::exact(vec![input], Volatility::Immutable);
    ScalarUDF::from(EventFunction { function, signature }).call(vec![argument])
}

#[derive(Clone, Debug)]
enum Function {
    FloatText,
    TimeText,
    Matches(Regex),
    IsNotTrue,
    Quantile(f64),
    Rate(RateOf),
    AnyText(TextTest),
}

/// What one text must be.
#[derive(Clone, Debug)]
pub(crate) enum TextTest {
    Equals(String),
    Contains(String),
    Matches(Regex),
}

impl TextTest {
    /// A pattern that was checked when the spec was parsed.
    pub(crate) fn pattern(pattern: &str) -> std::result::Result<TextTest, QueryError> {
        text::compile(pattern).map(TextTest::Matches).map_err(|e| QueryError::malformed(e.to_string()))
    }

    fn passes(&self, text: &str) -> bool {
        match self {
            TextTest::Equals(whole) => text == whole,
            TextTest::Contains(part) => text.contains(part.as_str()),
            TextTest::Matches(regex) => regex.is_match(text),
        }
    }

    fn passes_any(&self, overflow: &str) -> bool {
        entries(overflow).any(|(_, value)| matches!(value, OverflowValue::Text(text) if self.passes(&text)))
    }
}

impl Function {
    /// Tells one function from another, arguments included.
    fn identity(&self) -> (u8, String) {
        match self {
            Function::FloatText => (0, String::new()),
            Function::TimeText => (1, String::new()),
            Function::Matches(regex) => (2, regex.as_str().to_owned()),
            Function::Quantile(share) => (3, share.to_string()),
            Function::IsNotTrue => (8, String::new()),
            Function::Rate(of) => (7, format!("{of:?}")),
            Function::AnyText(TextTest::Equals(text)) => (4, text.clone()),
            Function::AnyText(TextTest::Contains(part)) => (5, part.clone()),
            Function::AnyText(TextTest::Matches(regex)) => (6, regex.as_str().to_owned()),
        }
    }
}

#[derive(Debug)]
struct EventFunction {
    function: Function,
    signature: Signature,
}

impl PartialEq for EventFunction {
    fn eq(&self, other: &Self) -> bool {
        self.function.identity() == other.function.identity()
    }
}

impl Eq for EventFunction {}

impl Hash for EventFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.identity().hash(state);
    }
}

impl ScalarUDFImpl for EventFunction {
    fn name(&self) -> &str {
        match self.function {
            Function::FloatText => "float_text",
            Function::TimeText => "time_text",
            Function::Matches(_) => "matches",
            Function::IsNotTrue => "is_not_true",
            Function::Quantile(_) => "quantile",
            Function::Rate(_) => "rate",
            Function::AnyText(TextTest::Equals(_)) => "any_text_equals",
            Function::AnyText(TextTest::Contains(_)) => "any_text_contains",
            Function::AnyText(TextTest::Matches(_)) => "any_text_matches",
        }
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let argument = args.first().map(|a| a.schema_name().to_string()).unwrap_or_default();
        Ok(format!("{}({argument}, {})", self.name(), self.function.identity().1))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.function {
            Function::FloatText | Function::TimeText => DataType::Utf8View,
            Function::Matches(_) | Function::AnyText(_) | Function::IsNotTrue => DataType::Boolean,
            Function::Quantile(_) | Function::Rate(_) => DataType::Float64,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(argument) = args.args.first() else { return exec_err!("{} needs an argument", self.name()) };
        let array = argument.to_array(args.number_rows)?;
        let result: ArrayRef = match &self.function {
            Function::FloatText => {
                let values = array.as_primitive::<Float64Type>();
                Arc::new(values.iter().map(|v| v.map(text::float_text)).collect::<StringViewArray>())
            }
            Function::TimeText => {
                let values = array.as_primitive::<Int64Type>();
                Arc::new(values.iter().map(|v| v.map(rfc3339)).collect::<StringViewArray>())
            }
            Function::Matches(regex) => {
                let values = array.as_string_view();
                Arc::new(values.iter().map(|v| v.map(|v| regex.is_match(v))).collect::<BooleanArray>())
            }
            Function::AnyText(test) => {
                let texts = array.as_string_view();
                Arc::new(texts.iter().map(|t| Some(t.is_some_and(|t| test.passes_any(t)))).collect::<BooleanArray>())
            }
            Function::IsNotTrue => {
                let conditions = array.as_boolean();
                Arc::new(conditions.iter().map(|c| Some(c != Some(true))).collect::<BooleanArray>())
            }
            Function::Rate(of) => {
                let changes = array.as_binary::<i32>();
                let value = |bytes: &[u8]| Change::from_bytes(bytes).and_then(|change| change.rate(*of));
                Arc::new(changes.iter().map(|c| c.and_then(value)).collect::<Float64Array>())
            }
            Function::Quantile(share) => {
                let sketches = array.as_binary::<i32>();
                let value = |bytes: &[u8]| Sketch::from_bytes(bytes).and_then(|s| s.quantile(*share));
                Arc::new(sketches.iter().map(|s| s.and_then(value)).collect::<Float64Array>())
            }
        };
        Ok(ColumnarValue::Array(result))
    }
}
