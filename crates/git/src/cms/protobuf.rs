//! The encoding of protocol buffers, as far as log entries need it, read strictly.

/// Why bytes are not taken for a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtobufError {
    /// The bytes end within a field.
    #[error("the message ends within a field")]
    Ended,
    /// A number that is longer than needed, or than 64 bits.
    #[error("a number is not in its shortest form, or has more than 64 bits")]
    Number,
    /// A field that the message does not have, or of another type.
    #[error("unknown field {field} of the wire type {wire}")]
    Unknown {
        /// Its number.
        field: u64,
        /// Its wire type.
        wire: u8,
    },
    /// A field twice that may be there once.
    #[error("field {field} twice")]
    Twice {
        /// Its number.
        field: u64,
    },
}

/// A field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message in the order in which they stand.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    seen: u64,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            seen: 0,
        }
    }

    /// The next field; its number is at most 63, and `repeated` is the only one that may be there twice.
    pub(super) fn next(
        &mut self,
        repeated: u64,
    ) -> Result<Option<(u64, Value<'a>)>, ProtobufError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.number()?;
        let (field, wire) = (tag >> 3, tag & 7);
        let unknown = || ProtobufError::Unknown {
            field,
            wire: u8::try_from(wire).unwrap_or(u8::MAX),
        };
        if !(1..64).contains(&field) {
            return Err(unknown());
        }
        let bit = 1 << field;
        if self.seen & bit != 0 && field != repeated {
            return Err(ProtobufError::Twice { field });
        }
        self.seen |= bit;
        let value = match wire {
            0 => Value::Number(self.number()?),
            2 => {
                let length = self.number()?;
                let length = usize::try_from(length).map_err(|_| ProtobufError::Ended)?;
                let (value, rest) = self
                    .rest
                    .split_at_checked(length)
                    .ok_or(ProtobufError::Ended)?;
                self.rest = rest;
                Value::Bytes(value)
            }
            _ => return Err(unknown()),
        };
        Ok(Some((field, value)))
    }

    fn number(&mut self) -> Result<u64, ProtobufError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or(ProtobufError::Ended)?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(ProtobufError::Number);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return match *byte == 0 && shift > 0 {
                    true => Err(ProtobufError::Number),
                    false => Ok(value),
                };
            }
        }
        Err(ProtobufError::Number)
    }
}

/// A field that is not what the message has under its number.
pub(super) fn unknown(field: u64, value: Value<'_>) -> ProtobufError {
    let wire = match value {
        Value::Number(_) => 0,
        Value::Bytes(_) => 2,
    };
    ProtobufError::Unknown { field, wire }
}

/// A message being written. What is zero or empty is left out.
#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn number(mut self, field: u8, value: u64) -> Self {
        if value != 0 {
            self.varint(u64::from(field) << 3);
            self.varint(value);
        }
        self
    }

    pub(super) fn bytes(self, field: u8, value: &[u8]) -> Self {
        match value.is_empty() {
            true => self,
            false => self.message(field, value),
        }
    }

    /// Writes the field even if it is empty.
    pub(super) fn message(mut self, field: u8, value: &[u8]) -> Self {
        self.varint(u64::from(field) << 3 | 2);
        self.varint(u64::try_from(value.len()).unwrap_or(u64::MAX));
        self.0.extend_from_slice(value);
        self
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }

    fn varint(&mut self, mut value: u64) {
        loop {
            let [low, ..] = value.to_le_bytes();
            value >>= 7;
            if value == 0 {
                return self.0.push(low & 0x7f);
            }
            self.0.push(low | 0x80);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<(u64, Value<'_>)>, ProtobufError> {
        let mut reader = Reader::new(bytes);
        let mut fields = Vec::new();
        while let Some(field) = reader.next(3)? {
            fields.push(field);
        }
        Ok(fields)
    }

    #[test]
    fn what_is_not_in_its_shortest_form_or_twice_is_refused() {
        assert_eq!(read(&[]), Ok(vec![]));
        assert_eq!(read(&[0x08, 0x96, 0x01]), Ok(vec![(1, Value::Number(150))]));
        let max = [
            0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
        ];
        assert_eq!(read(&max), Ok(vec![(1, Value::Number(u64::MAX))]));
        let more = [
            0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02,
        ];
        assert_eq!(read(&more), Err(ProtobufError::Number));
        assert_eq!(read(&[0x80; 12]), Err(ProtobufError::Number));
        assert_eq!(read(&[0x08, 0x96, 0x00]), Err(ProtobufError::Number));
        assert_eq!(read(&[0x08]), Err(ProtobufError::Ended));
        assert_eq!(read(&[0x12, 2, 0]), Err(ProtobufError::Ended));
        assert_eq!(
            read(&[0x08, 1, 0x08, 1]),
            Err(ProtobufError::Twice { field: 1 })
        );
        assert_eq!(read(&[0x1a, 0, 0x1a, 0]).unwrap().len(), 2);
        let unknown = |field, wire| Err(ProtobufError::Unknown { field, wire });
        assert_eq!(read(&[0x00]), unknown(0, 0));
        assert_eq!(read(&[0x0d, 0, 0, 0, 0]), unknown(1, 5));
        assert_eq!(read(&[0x80, 0x04, 0]), unknown(64, 0));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(number in 1..u64::MAX, bytes in proptest::collection::vec(any::<u8>(), 1..300)) {
            let written = Writer::default().number(1, number).bytes(2, &bytes).bytes(4, &[]).number(5, 0).finish();
            prop_assert_eq!(read(&written), Ok(vec![(1, Value::Number(number)), (2, Value::Bytes(&bytes))]));
        }

        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = read(&bytes);
        }
    }
}
