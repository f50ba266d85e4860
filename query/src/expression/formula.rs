//! A formula as a function of DataFusion: values of calculations in, a number out. It must not know what was calculated.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::check::Expression;
use super::evaluate::Row;
use super::value::Value;

/// The number that an expression gives out of these values, which are floats, in the order of its inputs; null where it
/// gives none.
pub(crate) fn formula(expression: &Arc<Expression>, values: Vec<Expr>) -> Expr {
    let signature = Signature::exact(vec![DataType::Float64; values.len()], Volatility::Immutable);
    let signature = if values.is_empty() { Signature::nullary(Volatility::Immutable) } else { signature };
    ScalarUDF::from(Formula { expression: Arc::clone(expression), signature }).call(values)
}

#[derive(Debug)]
struct Formula {
    expression: Arc<Expression>,
    signature: Signature,
}

impl PartialEq for Formula {
    fn eq(&self, other: &Formula) -> bool {
        Arc::ptr_eq(&self.expression, &other.expression)
    }
}

impl Eq for Formula {}

impl Hash for Formula {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.expression).hash(state);
    }
}

impl ScalarUDFImpl for Formula {
    fn name(&self) -> &str {
        "formula"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let values: Vec<&Float64Array> = arrays.iter().map(|a| a.as_primitive::<Float64Type>()).collect();
        let number =
            |row| self.expression.number(|input| values[input].is_valid(row).then(|| values[input].value(row)));
        // Without arguments it is a constant, and there is nothing that says how many rows.
        let result: ArrayRef = Arc::new((0..args.number_rows).map(number).collect::<Float64Array>());
        Ok(ColumnarValue::Array(result))
    }
}

impl Expression {
    /// The number that it gives out of these numbers.
    pub(crate) fn number(&self, input: impl Fn(usize) -> Option<f64>) -> Option<f64> {
        self.evaluate(&Numbers(input)).coerced_number()
    }
}

struct Numbers<F>(F);

impl<F: Fn(usize) -> Option<f64>> Row for Numbers<F> {
    fn value(&self, input: usize) -> Value<'_> {
        (self.0)(input).map_or(Value::Absent, Value::float)
    }
}
