//! The few readers and writers of DER that the library has no type for.

use std::time::Duration;

use der::{
    DateTime, Decode, Encode, Header, Length, Reader, SliceReader, Tag, TagNumber,
    asn1::{AnyRef, GeneralizedTime, IntRef, UtcTime},
};

use crate::time::Time;

/// Returns the TLV whose content is `parts`, one after the other.
pub(crate) fn tlv(tag: Tag, parts: &[&[u8]]) -> der::Result<Vec<u8>> {
    let length = parts.iter().map(|part| part.len()).sum::<usize>();
    let mut out = Vec::with_capacity(length.saturating_add(8));
    Header::new(tag, Length::try_from(length)?).encode_to_vec(&mut out)?;
    for part in parts {
        out.extend_from_slice(part);
    }
    Ok(out)
}

/// Returns a SEQUENCE of `parts`.
pub(crate) fn sequence(parts: &[&[u8]]) -> der::Result<Vec<u8>> {
    tlv(Tag::Sequence, parts)
}

/// Returns an OCTET STRING.
pub(crate) fn octets(bytes: &[u8]) -> der::Result<Vec<u8>> {
    tlv(Tag::OctetString, &[bytes])
}

/// Returns the constructed context-specific field `[number]` around `parts`.
pub(crate) fn field(number: u32, parts: &[&[u8]]) -> der::Result<Vec<u8>> {
    tlv(context(number), parts)
}

/// Returns a UTCTime through 2049, a GeneralizedTime from 2050 (RFC 5280 section 4.1.2.5, RFC 5652 section 11.3).
pub(crate) fn time(time: Time) -> der::Result<Vec<u8>> {
    let seconds = u64::try_from(time.unix()).map_err(|_| Tag::UtcTime.value_error())?;
    let date = DateTime::from_unix_duration(Duration::from_secs(seconds))?;
    match UtcTime::from_date_time(date) {
        Ok(time) => time.to_der(),
        Err(_) => GeneralizedTime::from_date_time(date).to_der(),
    }
}

/// Reads an INTEGER and returns its content octets.
pub(crate) fn integer<'a>(reader: &mut SliceReader<'a>) -> der::Result<&'a [u8]> {
    let value = AnyRef::decode(reader)?;
    IntRef::try_from(value)?; // refuses what is longer than needed
    Ok(value.value())
}

/// Reads a value if the next one has the tag.
pub(crate) fn optional<'a, T>(
    reader: &mut SliceReader<'a>,
    tag: Tag,
    read: impl FnOnce(&mut SliceReader<'a>) -> der::Result<T>,
) -> der::Result<Option<T>> {
    if reader.is_finished() || Tag::peek(reader)? != tag {
        return Ok(None);
    }
    read(reader).map(Some)
}

/// Returns the tag of a constructed context-specific field.
pub(crate) fn context(number: u32) -> Tag {
    Tag::ContextSpecific {
        constructed: true,
        number: TagNumber(number),
    }
}

/// Makes random bytes the content of a positive INTEGER in its shortest form: one bit is lost to
/// the sign, one to the length.
pub(crate) fn positive_integer<const N: usize>(mut bytes: [u8; N]) -> [u8; N] {
    if let Some(first) = bytes.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    bytes
}
