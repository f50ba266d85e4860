//! A writer of protobuf that knows no message, for tests.

/// A message being written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct M(pub(crate) Vec<u8>);

impl M {
    pub(crate) fn new() -> M {
        M::default()
    }

    fn raw(mut self, mut value: u64) -> M {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }

    fn tag(self, number: u32, wire_type: u32) -> M {
        self.raw(u64::from(number << 3 | wire_type))
    }

    pub(crate) fn varint(self, number: u32, value: u64) -> M {
        self.tag(number, 0).raw(value)
    }

    pub(crate) fn zigzag(self, number: u32, value: i64) -> M {
        self.varint(number, ((value << 1) ^ (value >> 63)) as u64)
    }

    pub(crate) fn fixed64(self, number: u32, value: u64) -> M {
        let mut m = self.tag(number, 1);
        m.0.extend(value.to_le_bytes());
        m
    }

    pub(crate) fn fixed32(self, number: u32, value: u32) -> M {
        let mut m = self.tag(number, 5);
        m.0.extend(value.to_le_bytes());
        m
    }

    pub(crate) fn double(self, number: u32, value: f64) -> M {
        self.fixed64(number, value.to_bits())
    }

    pub(crate) fn bytes(self, number: u32, bytes: &[u8]) -> M {
        let mut m = self.tag(number, 2).raw(bytes.len() as u64);
        m.0.extend_from_slice(bytes);
        m
    }

    pub(crate) fn text(self, number: u32, text: &str) -> M {
        self.bytes(number, text.as_bytes())
    }

    pub(crate) fn message(self, number: u32, message: &M) -> M {
        self.bytes(number, &message.0)
    }

    pub(crate) fn packed64(self, number: u32, values: &[u64]) -> M {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.bytes(number, &bytes)
    }

    pub(crate) fn packed_doubles(self, number: u32, values: &[f64]) -> M {
        let bits: Vec<u64> = values.iter().map(|value| value.to_bits()).collect();
        self.packed64(number, &bits)
    }

    pub(crate) fn packed_varints(self, number: u32, values: &[u64]) -> M {
        let packed = values.iter().fold(M::new(), |packed, value| packed.raw(*value));
        self.bytes(number, &packed.0)
    }
}

/// An `AnyValue` of a string.
pub(crate) fn text(value: &str) -> M {
    M::new().text(1, value)
}

/// An `AnyValue` of an array.
pub(crate) fn array(values: &[&M]) -> M {
    M::new().message(5, &values.iter().fold(M::new(), |array, value| array.message(1, value)))
}

/// An `AnyValue` of members.
pub(crate) fn list(members: &[(&str, &M)]) -> M {
    M::new().message(6, &members.iter().fold(M::new(), |list, (key, value)| list.message(1, &attribute(key, value))))
}

/// A `KeyValue`.
pub(crate) fn attribute(key: &str, value: &M) -> M {
    M::new().text(1, key).message(2, value)
}
