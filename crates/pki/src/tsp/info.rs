//! TSTInfo (RFC 3161 section 2.4.2), the content that a token signs.

use der::{
    DateTime, Decode, Reader, SliceReader, Tag,
    asn1::{AnyRef, ObjectIdentifier},
};

use super::{TspError, request::read_imprint};
use crate::{asn1, digest::Digest, time::Time};

#[derive(Clone, Debug)]
pub(super) struct TstInfo {
    pub(super) policy: ObjectIdentifier,
    pub(super) imprint: Digest,
    /// The content octets.
    pub(super) serial: Vec<u8>,
    /// Fractions of a second cut off.
    pub(super) gen_time: Time,
    /// The content octets.
    pub(super) nonce: Option<Vec<u8>>,
}

impl TstInfo {
    pub(super) fn from_der(der: &[u8]) -> Result<Self, TspError> {
        let mut reader = SliceReader::new(der)?;
        let info = reader.sequence(read_info)?;
        reader.finish()?;
        Ok(info)
    }
}

const VERSION_1: [u8; 1] = [1];

fn read_info(reader: &mut SliceReader<'_>) -> Result<TstInfo, TspError> {
    if asn1::integer(reader)? != VERSION_1 {
        return Err(TspError::Version);
    }
    let policy = ObjectIdentifier::decode(reader)?;
    let imprint = read_imprint(reader)?;
    let serial = asn1::integer(reader)?.to_vec();
    let gen_time = read_time(reader)?;
    let _accuracy = asn1::optional(reader, Tag::Sequence, AnyRef::decode)?;
    let _ordering = asn1::optional(reader, Tag::Boolean, bool::decode)?;
    let nonce = asn1::optional(reader, Tag::Integer, asn1::integer)?;
    // The authority's name: a hint that must not be trusted over the signer's certificate.
    let _tsa = asn1::optional(reader, asn1::context(0), AnyRef::decode)?;
    if let Some(extensions) = asn1::optional(reader, asn1::context(1), AnyRef::decode)? {
        check_extensions(&mut SliceReader::new(extensions.value())?)?;
    }
    Ok(TstInfo {
        policy,
        imprint,
        serial,
        gen_time,
        nonce: nonce.map(<[u8]>::to_vec),
    })
}

/// Refuses critical extensions: none are understood.
fn check_extensions(reader: &mut SliceReader<'_>) -> Result<(), TspError> {
    while !reader.is_finished() {
        let extension = x509_cert::ext::Extension::decode(reader)?;
        if extension.critical {
            return Err(TspError::CriticalExtension {
                oid: extension.extn_id,
            });
        }
    }
    Ok(())
}

/// GeneralizedTime with the fraction of a second that RFC 3161 section 2.4.2 allows.
fn read_time(reader: &mut SliceReader<'_>) -> Result<Time, TspError> {
    let value = AnyRef::decode(reader)?;
    der::Tagged::tag(&value).assert_eq(Tag::GeneralizedTime)?;
    parse_time(value.value())
        .ok_or_else(|| TspError::Malformed(Tag::GeneralizedTime.value_error().into()))
}

fn parse_time(text: &[u8]) -> Option<Time> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (digits, fraction) = match text.split_once('.') {
        Some((digits, fraction)) => (digits, Some(fraction)),
        None => (text, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    // A fraction has no trailing zero, and is left out where it would be zero.
    if fraction.is_some_and(|fraction| {
        fraction.is_empty() || fraction.ends_with('0') || !all_digits(fraction)
    }) {
        return None;
    }
    if digits.len() != "YYYYMMDDhhmmss".len() || !all_digits(digits) {
        return None;
    }
    let number = |from: usize, to: usize| digits.get(from..to)?.parse::<u8>().ok();
    let time = DateTime::new(
        digits.get(..4)?.parse().ok()?,
        number(4, 6)?,
        number(6, 8)?,
        number(8, 10)?,
        number(10, 12)?,
        number(12, 14)?,
    )
    .ok()?;
    i64::try_from(time.unix_duration().as_secs())
        .ok()
        .map(Time::from_unix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_and_without_a_fraction() {
        for (text, expected) in [
            ("20261122143700Z", Some(1_795_358_220)),
            ("20261122143700.5Z", Some(1_795_358_220)),
            ("20261122143700.999999999999Z", Some(1_795_358_220)),
            ("19700101000000Z", Some(0)),
            ("20261122143700", None),
            ("20261122143700.Z", None),
            ("20261122143700.50Z", None),
            ("20261122143700.5", None),
            ("20261122143700+0100", None),
            ("20261322143700Z", None),
            ("20260230143700Z", None),
            ("2026112214370Z", None),
            ("+0261122143700Z", None),
            ("202611221437Z", None),
        ] {
            assert_eq!(
                parse_time(text.as_bytes()).map(Time::unix),
                expected,
                "{text}"
            );
        }
    }
}
