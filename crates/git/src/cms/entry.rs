//! Log entries in the attributes that no signature covers.
//!
//! Today's form is one attribute with a protocol buffer `dev.sigstore.rekor.v1.TransparencyLogEntry`. gitsign leaves the
//! body out of it, which then is what the signature itself determines; this program leaves it in, so that nobody has
//! to guess. In 2023 every value had an attribute of its own, numbered from 0 or from 1.

use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode as _, Encode as _, Reader as _, SliceReader, Tag, Tagged as _};
use signhere_pki::cert::Certificate;
use signhere_pki::digest::Digest;
use signhere_pki::key::{KeyDetails, PublicKey, Scheme};
use signhere_verify::bundle::{InclusionProof, MAX_PROOF_HASHES, TlogEntry};
use signhere_verify::entry::LoggedKey;
use signhere_verify::entry::{hashedrekord_v001, hashedrekord_v002::HashedRekord};

use super::protobuf::{Reader, Value, Writer, unknown};
use super::{LOG_ENTRY, MAX_ENTRIES};

pub use super::protobuf::ProtobufError;

/// The arc of Sigstore's attributes for log entries.
const ARC: &str = "1.3.6.1.4.1.57264.3";
const KIND: &str = "hashedrekord";

/// What the entry of a signature is about, for bodies that were left out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signed<'a> {
    /// Of the signed attributes.
    pub(super) digest: Digest,
    pub(super) signature: &'a [u8],
    pub(super) certificate: &'a Certificate,
    pub(super) key: &'a PublicKey,
}

/// Why a log entry was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// The attribute is malformed.
    #[error("malformed attribute: {0}")]
    Malformed(#[from] der::Error),
    /// The protocol buffer is malformed.
    #[error(transparent)]
    Protobuf(#[from] ProtobufError),
    /// More entries than [`MAX_ENTRIES`].
    #[error("more than {MAX_ENTRIES} log entries")]
    TooMany,
    /// A value is not of its form.
    #[error("{field} is malformed")]
    Field {
        /// Its name.
        field: &'static str,
    },
    /// A value is not there.
    #[error("{field} is missing")]
    Missing {
        /// Its name.
        field: &'static str,
    },
    /// A body that was left out and that the signature does not determine.
    #[error("the body of the entry is left out, and {kind:?} {version:?} cannot be made again")]
    Body {
        /// The kind that the entry declares.
        kind: String,
        /// Its version.
        version: String,
    },
}

/// Returns the entries among the unsigned attributes.
pub(super) fn read(
    attributes: &[(ObjectIdentifier, Vec<u8>)],
    signed: &Signed<'_>,
) -> Result<Vec<TlogEntry>, EntryError> {
    let mut values = attributes.iter().filter(|(id, _)| *id == LOG_ENTRY);
    let Some((_, first)) = values.clone().next() else {
        return Ok(Vec::new());
    };
    // The same number was another value in 2023.
    match AnyRef::from_der(first)?.tag() {
        Tag::OctetString => {
            if values.clone().count() > MAX_ENTRIES {
                return Err(EntryError::TooMany);
            }
            values.try_fold(Vec::new(), |mut entries, (_, value)| {
                let bytes = <&OctetStringRef>::from_der(value)?.as_bytes();
                entries.push(decode(bytes, signed)?);
                Ok(entries)
            })
        }
        Tag::Integer => Ok(vec![read_separate(attributes, 1, signed)?]),
        _ => Ok(vec![read_separate(attributes, 0, signed)?]),
    }
}

/// Returns the value of the attribute [`LOG_ENTRY`] for an entry, in DER. Its body is kept.
///
/// # Errors
/// [`EntryError::Malformed`] when the entry is too long to be written.
pub fn to_attribute(entry: &TlogEntry) -> Result<Vec<u8>, EntryError> {
    Ok(OctetStringRef::new(&encode(entry))?.to_der()?)
}

/// Returns the entry as a protocol buffer.
pub fn encode(entry: &TlogEntry) -> Vec<u8> {
    let log_id = Writer::default().bytes(1, &entry.log_id).finish();
    let kind_version = Writer::default()
        .bytes(1, entry.kind.as_bytes())
        .bytes(2, entry.version.as_bytes())
        .finish();
    let time = u64::try_from(entry.integrated_time).unwrap_or(0);
    let mut writer = Writer::default()
        .number(1, entry.log_index)
        .message(2, &log_id)
        .message(3, &kind_version)
        .number(4, time);
    if let Some(promise) = &entry.promise {
        writer = writer.message(5, &Writer::default().bytes(1, promise).finish());
    }
    if let Some(proof) = &entry.proof {
        writer = writer.message(6, &encode_proof(proof));
    }
    writer.bytes(7, &entry.body).finish()
}

fn encode_proof(proof: &InclusionProof) -> Vec<u8> {
    let mut writer = Writer::default()
        .number(1, proof.log_index)
        .bytes(2, &proof.root_hash)
        .number(3, proof.tree_size);
    for hash in &proof.hashes {
        writer = writer.bytes(4, hash);
    }
    let checkpoint = Writer::default().bytes(1, proof.checkpoint.as_bytes());
    writer.message(5, &checkpoint.finish()).finish()
}

fn decode(bytes: &[u8], signed: &Signed<'_>) -> Result<TlogEntry, EntryError> {
    let mut entry = TlogEntry {
        log_index: 0,
        log_id: Vec::new(),
        kind: String::new(),
        version: String::new(),
        integrated_time: 0,
        promise: None,
        proof: None,
        body: Vec::new(),
    };
    let mut reader = Reader::new(bytes);
    while let Some((field, value)) = reader.next(0)? {
        match (field, value) {
            (1, Value::Number(index)) => entry.log_index = signed_number(index, "log_index")?,
            (2, Value::Bytes(id)) => entry.log_id = only_bytes(id)?,
            (3, Value::Bytes(kind)) => (entry.kind, entry.version) = decode_kind(kind)?,
            (4, Value::Number(time)) => {
                entry.integrated_time = i64::try_from(time).map_err(|_| EntryError::Field {
                    field: "integrated_time",
                })?;
            }
            // Rekor v2 promises nothing, and a client may write that down as an empty promise.
            (5, Value::Bytes(promise)) => {
                entry.promise = Some(only_bytes(promise)?).filter(|promise| !promise.is_empty());
            }
            (6, Value::Bytes(proof)) => entry.proof = Some(decode_proof(proof)?),
            (7, Value::Bytes(body)) => entry.body = body.to_vec(),
            (field, value) => return Err(unknown(field, value).into()),
        }
    }
    if entry.body.is_empty() {
        fill(&mut entry, signed)?;
    }
    Ok(entry)
}

fn decode_kind(bytes: &[u8]) -> Result<(String, String), EntryError> {
    let (mut kind, mut version) = (String::new(), String::new());
    let mut reader = Reader::new(bytes);
    while let Some((field, value)) = reader.next(0)? {
        match (field, value) {
            (1, Value::Bytes(text)) => kind = utf8(text, "kind")?,
            (2, Value::Bytes(text)) => version = utf8(text, "version")?,
            (field, value) => return Err(unknown(field, value).into()),
        }
    }
    Ok((kind, version))
}

fn decode_proof(bytes: &[u8]) -> Result<InclusionProof, EntryError> {
    const HASHES: u64 = 4;
    let mut root_hash = None;
    let mut proof = InclusionProof {
        log_index: 0,
        root_hash: [0; 32],
        tree_size: 0,
        hashes: Vec::new(),
        checkpoint: String::new(),
    };
    let mut reader = Reader::new(bytes);
    while let Some((field, value)) = reader.next(HASHES)? {
        match (field, value) {
            (1, Value::Number(index)) => proof.log_index = signed_number(index, "log_index")?,
            (2, Value::Bytes(hash)) => root_hash = Some(sha256(hash, "root_hash")?),
            (3, Value::Number(size)) => proof.tree_size = signed_number(size, "tree_size")?,
            (HASHES, Value::Bytes(hash)) => {
                if proof.hashes.len() == MAX_PROOF_HASHES {
                    return Err(EntryError::Field { field: "hashes" });
                }
                proof.hashes.push(sha256(hash, "hashes")?);
            }
            (5, Value::Bytes(checkpoint)) => {
                proof.checkpoint = utf8(&only_bytes(checkpoint)?, "checkpoint")?;
            }
            (field, value) => return Err(unknown(field, value).into()),
        }
    }
    proof.root_hash = root_hash.ok_or(EntryError::Missing { field: "root_hash" })?;
    Ok(proof)
}

/// The bytes in field 1 of a message that has nothing else.
fn only_bytes(bytes: &[u8]) -> Result<Vec<u8>, EntryError> {
    let mut found = Vec::new();
    let mut reader = Reader::new(bytes);
    while let Some((field, value)) = reader.next(0)? {
        match (field, value) {
            (1, Value::Bytes(bytes)) => found = bytes.to_vec(),
            (field, value) => return Err(unknown(field, value).into()),
        }
    }
    Ok(found)
}

/// Reads the attributes of 2023, whose numbers begin with `first`.
fn read_separate(
    attributes: &[(ObjectIdentifier, Vec<u8>)],
    first: u32,
    signed: &Signed<'_>,
) -> Result<TlogEntry, EntryError> {
    let value = |position: u32, field: &'static str| {
        let name = format!("{ARC}.{}", first.saturating_add(position));
        let mut values = attributes.iter().filter(|(id, _)| id.to_string() == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Ok(value.as_slice()),
            (Some(_), Some(_)) => Err(EntryError::Field { field }),
            (None, _) => Err(EntryError::Missing { field }),
        }
    };
    let number = |position, field| {
        u64::from_der(value(position, field)?)
            .ok()
            .and_then(|number| i64::try_from(number).ok())
            .ok_or(EntryError::Field { field })
    };
    let count = |position, field| {
        number(position, field)
            .and_then(|number| u64::try_from(number).map_err(|_| EntryError::Field { field }))
    };

    let promise = <&OctetStringRef>::from_der(value(3, "promise")?)?;
    let mut hashes = Vec::new();
    let mut reader = SliceReader::new(value(5, "hashes")?)?;
    reader.sequence(|reader| -> Result<(), EntryError> {
        while !reader.is_finished() {
            if hashes.len() == MAX_PROOF_HASHES {
                return Err(EntryError::Field { field: "hashes" });
            }
            let text = string(reader.tlv_bytes()?, "hashes")?;
            hashes.push(sha256(&unhex(&text, "hashes")?, "hashes")?);
        }
        Ok(())
    })?;
    reader.finish()?;
    let root_hash = string(value(6, "root_hash")?, "root_hash")?;
    let log_id = string(value(1, "log_id")?, "log_id")?;
    let mut entry = TlogEntry {
        integrated_time: number(0, "integrated_time")?,
        log_id: unhex(&log_id, "log_id")?,
        log_index: count(2, "log_index")?,
        promise: Some(promise.as_bytes().to_vec()),
        proof: Some(InclusionProof {
            checkpoint: string(value(4, "checkpoint")?, "checkpoint")?,
            hashes,
            root_hash: sha256(&unhex(&root_hash, "root_hash")?, "root_hash")?,
            tree_size: count(7, "tree_size")?,
            log_index: count(8, "log_index")?,
        }),
        kind: KIND.to_owned(),
        version: "0.0.1".to_owned(),
        body: Vec::new(),
    };
    fill(&mut entry, signed)?;
    Ok(entry)
}

/// Makes a body that was left out, as it must have been logged for this signature.
///
/// gitsign says 0.0.1 of every entry, those of Rekor v2 included: they are known by having neither promise nor time.
fn fill(entry: &mut TlogEntry, signed: &Signed<'_>) -> Result<(), EntryError> {
    let is_v2 = entry.promise.is_none() && entry.integrated_time == 0;
    let refused = || EntryError::Body {
        kind: entry.kind.chars().take(32).collect(),
        version: entry.version.chars().take(32).collect(),
    };
    match (entry.kind.as_str(), entry.version.as_str(), is_v2) {
        (KIND, "0.0.1", false) => {
            let pem = signed.certificate.to_pem();
            entry.body = hashedrekord_v001::request(&signed.digest, signed.signature, &pem);
        }
        (KIND, "0.0.1" | "0.0.2", true) => {
            let kind = signed.key.kind();
            let hash = signed.digest.algorithm();
            let scheme = match kind.is_rsa() {
                true => Some(Scheme::rsa_pkcs1(hash)),
                false => Scheme::ecdsa(kind, hash),
            };
            let details = scheme.and_then(|scheme| KeyDetails::of(scheme, kind));
            let record = HashedRekord {
                digest: signed.digest,
                signature: signed.signature.to_vec(),
                key: LoggedKey::Certificate(signed.certificate.der().to_vec()),
                details: details.ok_or_else(refused)?,
            };
            entry.version = "0.0.2".to_owned();
            entry.body = record.canonical_body();
        }
        _ => return Err(refused()),
    }
    Ok(())
}

/// A number that is written as a signed one and may not be negative.
fn signed_number(number: u64, field: &'static str) -> Result<u64, EntryError> {
    match i64::try_from(number) {
        Ok(_) => Ok(number),
        Err(_) => Err(EntryError::Field { field }),
    }
}

fn sha256(bytes: &[u8], field: &'static str) -> Result<[u8; 32], EntryError> {
    bytes.try_into().map_err(|_| EntryError::Field { field })
}

fn unhex(text: &str, field: &'static str) -> Result<Vec<u8>, EntryError> {
    let bytes = hex::decode(text).map_err(|_| EntryError::Field { field })?;
    // One spelling: the attribute is covered by no signature.
    match hex::encode(&bytes) == text {
        true => Ok(bytes),
        false => Err(EntryError::Field { field }),
    }
}

fn utf8(bytes: &[u8], field: &'static str) -> Result<String, EntryError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(EntryError::Field { field }),
    }
}

/// A string of ASN.1, of either type that Go's encoder chooses from.
fn string(der: &[u8], field: &'static str) -> Result<String, EntryError> {
    let value = AnyRef::from_der(der)?;
    match value.tag() {
        Tag::PrintableString | Tag::Utf8String => utf8(value.value(), field),
        _ => Err(EntryError::Field { field }),
    }
}
