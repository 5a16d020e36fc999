//! The parser: one walk over the DER encoding that measures where the parts are.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use der::{
    Decode, DecodeValue, FixedTag, Header, Reader, SliceReader, Tag, TagNumber,
    asn1::{BitStringRef, ContextSpecific, IntRef, ObjectIdentifier, Utf8StringRef},
};
use x509_cert::{
    ext::pkix::{
        BasicConstraints, ExtendedKeyUsage, KeyUsage,
        name::{GeneralName, GeneralNames},
    },
    name::Name,
    spki::AlgorithmIdentifierOwned,
    time,
};

use super::{
    Certificate, CertificateError, Extension, KnownExtensions, Layout, MAX_CERTIFICATE_LEN,
    MAX_EXTENSIONS, Parsed, San,
};
use crate::{oid, time::Time};

const VERSION_3: u8 = 2;
const EXTENSIONS_TAG: Tag = Tag::ContextSpecific {
    constructed: true,
    number: TagNumber(3),
};

pub(super) fn certificate(der: &[u8]) -> Result<Certificate, CertificateError> {
    if der.len() > MAX_CERTIFICATE_LEN {
        return Err(CertificateError::TooLong {
            found: der.len(),
            max: MAX_CERTIFICATE_LEN,
        });
    }
    let mut reader = SliceReader::new(der)?;
    let parts = reader.sequence(read_certificate)?;
    reader.finish()?;

    Ok(Certificate(Arc::new(Parsed {
        known: known_extensions(&parts.extensions, der)?,
        der: der.to_vec(),
        layout: parts.layout,
        signature_algorithm: parts.signature_algorithm,
        not_before: instant(parts.validity.not_before)?,
        not_after: instant(parts.validity.not_after)?,
        extensions: parts.extensions,
        key: OnceLock::new(),
        subject: OnceLock::new(),
    })))
}

struct Parts {
    layout: Layout,
    signature_algorithm: AlgorithmIdentifierOwned,
    validity: time::Validity,
    extensions: Vec<Extension>,
}

fn read_certificate(reader: &mut SliceReader<'_>) -> Result<Parts, CertificateError> {
    let start = offset(reader)?;
    let mut parts = reader.sequence(read_tbs)?;
    parts.layout.tbs = start..offset(reader)?;

    if AlgorithmIdentifierOwned::decode(reader)? != parts.signature_algorithm {
        return Err(CertificateError::AlgorithmMismatch);
    }
    let bits = BitStringRef::decode(reader)?
        .as_bytes()
        .ok_or_else(|| bad_value(Tag::BitString))?;
    let end = offset(reader)?;
    parts.layout.signature = end.saturating_sub(bits.len())..end;
    Ok(parts)
}

fn read_tbs(reader: &mut SliceReader<'_>) -> Result<Parts, CertificateError> {
    let start = offset(reader)?;
    let version = ContextSpecific::<u8>::decode_explicit(reader, TagNumber(0))?;
    if version.map(|field| field.value) != Some(VERSION_3) {
        return Err(CertificateError::Version);
    }
    let serial = read_content::<IntRef<'_>>(reader)?;
    let signature_algorithm = AlgorithmIdentifierOwned::decode(reader)?;
    let issuer = measure(reader, |reader| Name::decode(reader).map(drop))?;
    let validity = time::Validity::decode(reader)?;
    let subject = measure(reader, |reader| Name::decode(reader).map(drop))?;
    let spki = measure(reader, |reader| reader.tlv_bytes().map(drop))?;

    // The unique identifiers of X.509 version 2 would stand here; RFC 5280 section 4.1.2.8
    // forbids CAs to write them, and the next tag check refuses them.
    let mut extensions = Vec::new();
    let extensions_start = offset(reader)?;
    if !reader.is_finished() {
        let header = Header::decode(reader)?;
        header.tag().assert_eq(EXTENSIONS_TAG)?;
        extensions =
            reader.read_nested(header.length(), |reader| reader.sequence(read_extensions))?;
    }
    let end = offset(reader)?;

    Ok(Parts {
        layout: Layout {
            tbs_content: start..end,
            serial,
            issuer,
            subject,
            spki,
            extensions: extensions_start..end,
            ..Layout::default()
        },
        signature_algorithm,
        validity,
        extensions,
    })
}

fn read_extensions(reader: &mut SliceReader<'_>) -> Result<Vec<Extension>, CertificateError> {
    let mut extensions: Vec<Extension> = Vec::new();
    while !reader.is_finished() {
        if extensions.len() == MAX_EXTENSIONS {
            return Err(CertificateError::TooManyExtensions);
        }
        let start = offset(reader)?;
        let mut extension = reader.sequence(read_extension)?;
        extension.tlv = start..offset(reader)?;
        if extensions.iter().any(|earlier| earlier.id == extension.id) {
            return Err(CertificateError::DuplicateExtension { oid: extension.id });
        }
        extensions.push(extension);
    }
    Ok(extensions)
}

fn read_extension(reader: &mut SliceReader<'_>) -> Result<Extension, CertificateError> {
    let id = ObjectIdentifier::decode(reader)?;
    let critical = Tag::peek(reader)? == Tag::Boolean;
    if critical && !bool::decode(reader)? {
        // X.690 section 11.5: a default value is not encoded.
        return Err(bad_value(Tag::Boolean));
    }
    let value = read_content::<&der::asn1::OctetStringRef>(reader)?;
    Ok(Extension {
        id,
        critical,
        tlv: Range::default(),
        value,
    })
}

fn known_extensions(
    extensions: &[Extension],
    der: &[u8],
) -> Result<KnownExtensions, CertificateError> {
    let mut known = KnownExtensions::default();
    for extension in extensions {
        let value = der.get(extension.value.clone()).unwrap_or_default();
        match extension.id {
            oid::BASIC_CONSTRAINTS => {
                let constraints = BasicConstraints::from_der(value)?;
                known.ca = constraints.ca;
                known.path_length = constraints.path_len_constraint;
            }
            oid::KEY_USAGE => known.key_usage = Some(KeyUsage::from_der(value)?),
            oid::EXT_KEY_USAGE => known.purposes = Some(ExtendedKeyUsage::from_der(value)?.0),
            oid::SUBJECT_ALT_NAME => {
                known.names = GeneralNames::from_der(value)?.iter().map(san).collect();
            }
            _ => {}
        }
    }
    Ok(known)
}

fn san(name: &GeneralName) -> Option<San> {
    match name {
        GeneralName::Rfc822Name(value) => Some(San::Email(value.to_string())),
        GeneralName::UniformResourceIdentifier(value) => Some(San::Uri(value.to_string())),
        GeneralName::DnsName(value) => Some(San::Dns(value.to_string())),
        GeneralName::OtherName(other) => Some(San::OtherName {
            oid: other.type_id,
            value: other
                .value
                .decode_as::<Utf8StringRef<'_>>()
                .ok()?
                .to_string(),
        }),
        _ => None,
    }
}

/// Reads one value and returns where it is, with its header.
fn measure<'a>(
    reader: &mut SliceReader<'a>,
    read: impl FnOnce(&mut SliceReader<'a>) -> der::Result<()>,
) -> Result<Range<usize>, CertificateError> {
    let start = offset(reader)?;
    read(reader)?;
    Ok(start..offset(reader)?)
}

/// Reads one value of the type `T` and returns where its content octets are.
fn read_content<'a, T>(reader: &mut SliceReader<'a>) -> Result<Range<usize>, CertificateError>
where
    T: DecodeValue<'a, Error = der::Error> + FixedTag,
{
    let header = Header::decode(reader)?;
    header.tag().assert_eq(T::TAG)?;
    let start = offset(reader)?;
    reader.read_nested(header.length(), |reader| {
        T::decode_value(reader, header).map(drop)
    })?;
    Ok(start..offset(reader)?)
}

fn offset(reader: &SliceReader<'_>) -> Result<usize, der::Error> {
    usize::try_from(reader.position())
}

fn instant(time: time::Time) -> Result<Time, CertificateError> {
    i64::try_from(time.to_unix_duration().as_secs())
        .map(Time::from_unix)
        .map_err(|_| bad_value(Tag::GeneralizedTime))
}

fn bad_value(tag: Tag) -> CertificateError {
    CertificateError::Malformed(tag.value_error().into())
}
