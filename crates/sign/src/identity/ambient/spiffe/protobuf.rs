//! The two messages of the Workload API that we need, in the protobuf wire format.

use zeroize::Zeroizing;

use super::{super::Secret, workload::WorkloadApiError};

/// The most SVIDs that an answer may hold.
pub(super) const MAX_SVIDS: usize = 64;

/// The longest JWT-SVID accepted, in bytes: 64 KiB.
pub(super) const MAX_SVID: usize = 64 << 10;

/// A `JWTSVIDRequest` for whatever identities the workload has: field 1 is the audience.
pub(super) fn request(audience: &str) -> Vec<u8> {
    let mut message = vec![1 << 3 | 2];
    let mut length = audience.len();
    while length > 0x7f {
        message.push((length & 0x7f).to_le_bytes()[0] | 0x80);
        length >>= 7;
    }
    message.push(length.to_le_bytes()[0]);
    message.extend_from_slice(audience.as_bytes());
    message
}

/// The token of the first SVID of a `JWTSVIDResponse`. A workload with several identities that
/// does not choose has the first (SPIFFE Workload API, section 5.3).
pub(super) fn first_token(response: &[u8]) -> Result<Secret, WorkloadApiError> {
    let mut first = None;
    let mut count = 0_usize;
    let mut fields = Reader(response);
    while let Some((number, value)) = fields.next_field()? {
        let (1, Value::Bytes(svid)) = (number, value) else {
            continue;
        };
        count += 1;
        if count > MAX_SVIDS {
            return Err(WorkloadApiError::TooManySvids);
        }
        let token = token(svid)?;
        first.get_or_insert(token);
    }
    first.ok_or(WorkloadApiError::NoSvid)
}

/// The token of a `JWTSVID`: field 2.
fn token(svid: &[u8]) -> Result<Secret, WorkloadApiError> {
    let mut token: &[u8] = &[];
    let mut fields = Reader(svid);
    while let Some((number, value)) = fields.next_field()? {
        if let (2, Value::Bytes(bytes)) = (number, value) {
            token = bytes;
        }
    }
    if token.len() > MAX_SVID {
        return Err(WorkloadApiError::TooLong { cap: MAX_SVID });
    }
    match std::str::from_utf8(token) {
        Ok(token) if !token.is_empty() => Ok(Zeroizing::new(token.to_owned())),
        _ => Err(MALFORMED),
    }
}

const MALFORMED: WorkloadApiError = WorkloadApiError::Unreadable("message");

/// A field's value, of which only those of the wire type `LEN` matter to us.
enum Value<'a> {
    Bytes(&'a [u8]),
    Number,
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn next_field(&mut self) -> Result<Option<(u64, Value<'a>)>, WorkloadApiError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => {
                self.varint()?;
                Value::Number
            }
            1 => {
                self.take(8)?;
                Value::Number
            }
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| MALFORMED)?;
                Value::Bytes(self.take(length)?)
            }
            5 => {
                self.take(4)?;
                Value::Number
            }
            _ => return Err(MALFORMED),
        };
        match tag >> 3 {
            0 => Err(MALFORMED),
            number => Ok(Some((number, value))),
        }
    }

    fn varint(&mut self) -> Result<u64, WorkloadApiError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?.first().copied().ok_or(MALFORMED)?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(MALFORMED);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(MALFORMED)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], WorkloadApiError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(MALFORMED)?;
        self.0 = rest;
        Ok(taken)
    }
}
