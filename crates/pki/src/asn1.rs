//! The few readers and writers of DER that the library has no type for.

use der::{
    Decode, Encode, Header, Length, SliceReader, Tag, TagNumber,
    asn1::{AnyRef, IntRef},
};

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
    let tag = Tag::ContextSpecific {
        constructed: true,
        number: TagNumber(number),
    };
    tlv(tag, parts)
}

/// Reads an INTEGER and returns its content octets.
pub(crate) fn integer<'a>(reader: &mut SliceReader<'a>) -> der::Result<&'a [u8]> {
    let value = AnyRef::decode(reader)?;
    IntRef::try_from(value)?; // refuses what is longer than needed
    Ok(value.value())
}
