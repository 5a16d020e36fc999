//! `dsse` 0.0.2 (early Rekor v2): the digest of an envelope's payload, its signatures and keys.
//! Nothing is logged as this kind any more; the request for it is still sent by some clients.

use super::hashedrekord_v002::{self, HashedRekord, logged_hash};
use super::{
    EntryError, LoggedDigest, LoggedEntry, LoggedKey, LoggedSignature, MAX_SIGNATURES, read_digest,
};
use crate::dsse::pae;
use crate::proto_json::{JsonError, Message};

pub(super) const REQUEST: &str = "dsseRequestV002";

/// Reads `{envelope, verifiers}` of one signature and one key, as the digest of what was signed.
pub(super) fn read_request(mut request: Message<'_>) -> Result<HashedRekord, EntryError> {
    let mut envelope = request.required_message("envelope")?;
    let payload = envelope.bytes("payload")?;
    let payload_type = envelope.string("payloadType")?;
    let mut signature = the_one(&mut envelope, "signatures")?;
    let sig = signature.required_bytes("sig")?;
    signature.string("keyid")?;
    signature.finish();
    envelope.finish();
    let (key, details) = LoggedKey::read_verifier(the_one(&mut request, "verifiers")?)?;
    request.finish();
    Ok(HashedRekord {
        digest: logged_hash(details)?.digest(&pae(&payload_type, &payload)),
        signature: sig,
        key,
        details,
    })
}

fn the_one<'a>(message: &mut Message<'a>, name: &str) -> Result<Message<'a>, JsonError> {
    let only = message.messages(name, 1)?.pop();
    only.ok_or_else(|| JsonError::Missing {
        path: message.path(name),
    })
}

pub(super) fn read(mut spec: Message<'_>) -> Result<LoggedEntry, EntryError> {
    let mut entry = spec.required_message("dsseV002")?;
    let digest = read_digest(entry.required_message("payloadHash")?)?;
    let mut signatures = Vec::new();
    for signature in entry.messages("signatures", MAX_SIGNATURES)? {
        let (bytes, key, details) = hashedrekord_v002::read_signature(signature)?;
        signatures.push(LoggedSignature {
            signature: Some(bytes),
            key,
            details: Some(details),
        });
    }
    Ok(LoggedEntry {
        digest: LoggedDigest::Payload(digest),
        signatures,
    })
}
