//! Up to four numbers of texts in one, which engines group by fastest, and the texts of what was packed.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{AsArray, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, UInt16Type, UInt64Type};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::texts::{Number, Texts};

/// Numbers that fit into one.
pub(crate) const PACKED_MAX: usize = (u64::BITS / Number::BITS) as usize;

/// Columns of numbers as one, [`PACKED_MAX`] at most.
pub(crate) fn pack(numbers: Vec<Expr>) -> Expr {
    let signature = Signature::exact(vec![DataType::UInt16; numbers.len()], Volatility::Immutable);
    ScalarUDF::from(Pack { signature }).call(numbers)
}

/// The text whose number stands at a place of what was packed.
pub(crate) fn unpack(packed: Expr, place: usize, texts: Arc<Texts>) -> Expr {
    let signature = Signature::exact(vec![DataType::UInt64], Volatility::Immutable);
    ScalarUDF::from(Unpack { signature, place, texts }).call(vec![packed])
}

fn shift(place: usize) -> u32 {
    place as u32 * Number::BITS
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Pack {
    signature: Signature,
}

impl ScalarUDFImpl for Pack {
    fn name(&self) -> &str {
        "pack"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::UInt64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut packed = vec![0u64; args.number_rows];
        for (place, numbers) in args.args.iter().enumerate() {
            let numbers = numbers.to_array(args.number_rows)?;
            let numbers = numbers.as_primitive::<UInt16Type>().values();
            packed.iter_mut().zip(numbers).for_each(|(packed, number)| *packed |= u64::from(*number) << shift(place));
        }
        Ok(ColumnarValue::Array(Arc::new(UInt64Array::from(packed))))
    }
}

#[derive(Debug)]
struct Unpack {
    signature: Signature,
    place: usize,
    texts: Arc<Texts>,
}

impl PartialEq for Unpack {
    fn eq(&self, other: &Unpack) -> bool {
        self.place == other.place && self.texts.field() == other.texts.field()
    }
}

impl Eq for Unpack {}

impl Hash for Unpack {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.place.hash(state);
        self.texts.field().hash(state);
    }
}

impl ScalarUDFImpl for Unpack {
    fn name(&self) -> &str {
        "unpack"
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let argument = args.first().map(|a| a.schema_name().to_string()).unwrap_or_default();
        Ok(format!("unpack({argument}, {}, {})", self.place, self.texts.field()))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(packed) = args.args.first() else { return exec_err!("unpack needs an argument") };
        let packed = packed.to_array(args.number_rows)?;
        let numbers = packed.as_primitive::<UInt64Type>().values().iter();
        let numbers =
            UInt32Array::from_iter_values(numbers.map(|packed| u32::from((*packed >> shift(self.place)) as Number)));
        Ok(ColumnarValue::Array(self.texts.names(&numbers)?))
    }
}
