//! A log entry is about this signature, this key and this data. Leaving any of these out lets an
//! entry for something else stand in (CVE-2022-36056, CVE-2026-22703).

use super::signer::Signer;
use super::{Signed, Step, failed};
use crate::bundle::Bundle;
use crate::entry::{LoggedDigest, LoggedEntry, LoggedKey, LoggedSignature};
use crate::error::Reason;
use crate::excerpt::excerpt;
use crate::proto_json::base64;
use crate::verdict::StepName;

pub(super) fn check(
    bundle: &Bundle,
    entry: &LoggedEntry,
    signed: &Signed<'_>,
    signer: &Signer<'_>,
) -> Step<()> {
    let [logged] = entry.signatures.as_slice() else {
        return Err(failed(StepName::Log, Reason::EntrySignatures)
            .expected(1)
            .found(entry.signatures.len()));
    };
    check_digest(entry, signed)?;
    check_signature(bundle, logged)?;
    check_key(logged, signer)
}

fn check_digest(entry: &LoggedEntry, signed: &Signed<'_>) -> Step<()> {
    let (logged, expected) = match (entry.digest, signed) {
        (LoggedDigest::Signed(logged), signed) => (logged, signed.digest(logged.algorithm())),
        (LoggedDigest::Payload(logged), Signed::Envelope { envelope, .. }) => {
            (logged, Some(logged.algorithm().digest(&envelope.payload)))
        }
        (LoggedDigest::Envelope(logged), Signed::Envelope { envelope, .. }) => {
            // The log hashed the client's text; these are the texts that clients wrote.
            let found = [true, false]
                .into_iter()
                .map(|with_key_id| envelope.json(with_key_id))
                .map(|text| logged.algorithm().digest(text.as_bytes()))
                .find(|digest| *digest == logged);
            (logged, found)
        }
        (LoggedDigest::Payload(_) | LoggedDigest::Envelope(_), _) => {
            return Err(failed(StepName::Log, Reason::EntryContent)
                .expected("an entry for an artifact")
                .found("an entry for an envelope"));
        }
    };
    if expected == Some(logged) {
        return Ok(());
    }
    let failure = failed(StepName::Log, Reason::EntryDigest).found(logged);
    Err(match expected {
        Some(expected) => failure.expected(expected),
        None => failure,
    })
}

fn check_signature(bundle: &Bundle, logged: &LoggedSignature) -> Step<()> {
    match &logged.signature {
        // Covered by the digest of the whole envelope.
        None => Ok(()),
        Some(signature) if signature == bundle.signature() => Ok(()),
        Some(signature) => Err(failed(StepName::Log, Reason::EntrySignature)
            .expected(excerpt(&base64(bundle.signature())))
            .found(excerpt(&base64(signature)))),
    }
}

fn check_key(logged: &LoggedSignature, signer: &Signer<'_>) -> Step<()> {
    let mismatch = |expected: String, found: &str| {
        Err(failed(StepName::Log, Reason::EntryKey)
            .expected(expected)
            .found(found))
    };
    if let Some(details) = logged.details
        && !signer.schemes.contains(&details.scheme())
    {
        let schemes: Vec<_> = signer.schemes.iter().map(ToString::to_string).collect();
        return mismatch(schemes.join(", "), details.name());
    }
    match (signer.certificate, &logged.key) {
        (Some(leaf), LoggedKey::Certificate(der)) if leaf.der() == der => Ok(()),
        (None, LoggedKey::PublicKey(key)) if *key == signer.key => Ok(()),
        (Some(leaf), found) => mismatch(
            format!("the certificate {}", hex::encode(leaf.fingerprint())),
            name(found),
        ),
        (None, found) => mismatch(
            format!("the key {}", hex::encode(signer.key.key_id())),
            name(found),
        ),
    }
}

fn name(key: &LoggedKey) -> &'static str {
    match key {
        LoggedKey::Certificate(_) => "another certificate",
        LoggedKey::PublicKey(_) => "another public key",
    }
}
