//! SSH's own data types (RFC 4251 section 5), read with bounds.

use super::SshError;

/// No string in a key or a signature is longer, in bytes.
const MAX_STRING: usize = 16 * 1024;

/// Bytes that are read from the front.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], SshError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or(SshError::Malformed { what })?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn number(&mut self, what: &'static str) -> Result<u32, SshError> {
        let bytes = self.take(4, what)?;
        let bytes = bytes.try_into().map_err(|_| SshError::Malformed { what })?;
        Ok(u32::from_be_bytes(bytes))
    }

    pub(super) fn string(&mut self, what: &'static str) -> Result<&'a [u8], SshError> {
        let length = usize::try_from(self.number(what)?).unwrap_or(usize::MAX);
        if length > MAX_STRING {
            return Err(SshError::Malformed { what });
        }
        self.take(length, what)
    }

    /// A string that is printable ASCII: names of things.
    pub(super) fn text(&mut self, what: &'static str) -> Result<&'a str, SshError> {
        let bytes = self.string(what)?;
        let text = std::str::from_utf8(bytes).ok();
        text.filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic()))
            .ok_or(SshError::Malformed { what })
    }

    /// A positive integer, big-endian and without the zero that keeps it positive.
    pub(super) fn positive(&mut self, what: &'static str) -> Result<&'a [u8], SshError> {
        let malformed = SshError::Malformed { what };
        match self.string(what)? {
            [] => Err(malformed),
            [0, next, ..] if *next < 0x80 => Err(malformed),
            [0] => Err(malformed),
            [0, rest @ ..] => Ok(rest),
            [first, ..] if *first >= 0x80 => Err(malformed),
            all => Ok(all),
        }
    }

    pub(super) fn finish(self, what: &'static str) -> Result<(), SshError> {
        match self.rest {
            [] => Ok(()),
            _ => Err(SshError::Malformed { what }),
        }
    }
}

/// Appends a string.
pub(super) fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    // What is signed consists of names and digests: no length comes near the limit.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}

/// The two integers of an ECDSA signature as X.509 writes them (RFC 3279 section 2.2.3).
pub(super) fn ecdsa_der(raw: &[u8]) -> Result<Vec<u8>, SshError> {
    const WHAT: &str = "ECDSA signature";
    /// The bytes of an integer of P-521, and one for the sign.
    const MAX_INTEGER: usize = 67;
    let mut reader = Reader::new(raw);
    let mut content = Vec::new();
    for _ in 0..2 {
        let integer = reader.positive(WHAT)?;
        let sign: &[u8] = match integer.first() {
            Some(first) if *first >= 0x80 => &[0],
            _ => &[],
        };
        let length = integer.len().saturating_add(sign.len());
        let short = u8::try_from(length).ok().filter(|_| length <= MAX_INTEGER);
        let length = short.ok_or(SshError::Malformed { what: WHAT })?;
        content.extend_from_slice(&[2, length]);
        content.extend_from_slice(sign);
        content.extend_from_slice(integer);
    }
    reader.finish(WHAT)?;
    let length = u8::try_from(content.len()).map_err(|_| SshError::Malformed { what: WHAT })?;
    let mut der = match length {
        0..0x80 => vec![0x30, length],
        _ => vec![0x30, 0x81, length],
    };
    der.extend_from_slice(&content);
    Ok(der)
}
