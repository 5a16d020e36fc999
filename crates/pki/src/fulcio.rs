//! Fulcio's certificate extensions: who vouched for the signer, and what it said about a build.
//!
//! They live under 1.3.6.1.4.1.57264.1: numbers 1 to 6 hold the bare text, 8 and above a DER
//! UTF8String; number 7 is the kind of an otherName, not an extension.

use der::{
    Decode, Encode,
    asn1::{ObjectIdentifier, Utf8StringRef},
};

use crate::cert::Certificate;

/// The arc under which the extensions are numbered.
pub const ARC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1");

/// The issuer of the identity token as bare text; deprecated, still written.
pub const ISSUER_V1: u32 = 1;
/// The kind of the otherName that holds `user!domain`.
pub const USERNAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.7");
/// The issuer of the identity token.
pub const ISSUER_V2: u32 = 8;
/// The `sub` claim of the identity token.
pub const TOKEN_SUBJECT: u32 = 24;

/// What each number means, from 1.
const NAMES: [&str; 24] = [
    "Issuer (V1)",
    "GitHub Workflow Trigger",
    "GitHub Workflow SHA",
    "GitHub Workflow Name",
    "GitHub Workflow Repository",
    "GitHub Workflow Ref",
    "Username",
    "Issuer",
    "Build Signer URI",
    "Build Signer Digest",
    "Runner Environment",
    "Source Repository URI",
    "Source Repository Digest",
    "Source Repository Ref",
    "Source Repository Identifier",
    "Source Repository Owner URI",
    "Source Repository Owner Identifier",
    "Build Config URI",
    "Build Config Digest",
    "Build Trigger",
    "Run Invocation URI",
    "Source Repository Visibility At Signing",
    "Deployment Environment",
    "Token Subject",
];
const LAST_BARE_TEXT: u32 = 6;

/// Returns the issuer of the identity token: from extension 8, and from extension 1 only when
/// there is no extension 8.
pub fn issuer(certificate: &Certificate) -> Option<String> {
    [ISSUER_V2, ISSUER_V1]
        .into_iter()
        .find_map(|number| {
            certificate
                .extension(&id(number)?)
                .map(|value| (number, value))
        })
        .and_then(|(number, value)| decode(number, value))
}

/// Tells whether the certificate has either of the extensions that name an issuer, well formed or not.
pub fn has_issuer(certificate: &Certificate) -> bool {
    [ISSUER_V2, ISSUER_V1]
        .into_iter()
        .filter_map(id)
        .any(|oid| certificate.extension(&oid).is_some())
}

/// Returns one extension's text, `None` when it is absent or not the text its number calls for.
pub fn value(certificate: &Certificate, number: u32) -> Option<String> {
    decode(number, certificate.extension(&id(number)?)?)
}

/// Returns the well-formed extensions under [`ARC`] in the certificate's order: number, meaning, text.
pub fn all(certificate: &Certificate) -> Vec<(u32, &'static str, String)> {
    certificate
        .extensions()
        .filter_map(|(oid, _, value)| {
            let number = number(&oid)?;
            Some((number, name(number), decode(number, value)?))
        })
        .collect()
}

/// Returns what an extension's number means.
pub fn name(number: u32) -> &'static str {
    usize::try_from(number)
        .ok()
        .and_then(|number| number.checked_sub(1))
        .and_then(|index| NAMES.get(index).copied())
        .unwrap_or("Unknown")
}

/// Returns an extension for a certificate to be: its identifier and the encoded text.
///
/// # Errors
/// [`der::Error`] when the number has no place under [`ARC`] or the text is too long to encode.
pub fn extension(number: u32, text: &str) -> der::Result<(ObjectIdentifier, Vec<u8>)> {
    let id = id(number).ok_or(der::ErrorKind::Value {
        tag: der::Tag::ObjectIdentifier,
    })?;
    let value = match number {
        1..=LAST_BARE_TEXT => text.as_bytes().to_vec(),
        _ => Utf8StringRef::new(text)?.to_der()?,
    };
    Ok((id, value))
}

/// Returns the extensions that every certificate has: who vouched (twice, for old readers) and its
/// name for the subject.
///
/// # Errors
/// [`der::Error`] when a text is too long to encode.
pub fn identity_extensions(
    issuer: &str,
    token_subject: &str,
) -> der::Result<Vec<(ObjectIdentifier, Vec<u8>)>> {
    Ok(vec![
        extension(ISSUER_V1, issuer)?,
        extension(ISSUER_V2, issuer)?,
        extension(TOKEN_SUBJECT, token_subject)?,
    ])
}

fn id(number: u32) -> Option<ObjectIdentifier> {
    ARC.push_arc(number).ok()
}

fn number(oid: &ObjectIdentifier) -> Option<u32> {
    if oid.parent()? != ARC {
        return None;
    }
    oid.arcs().last()
}

fn decode(number: u32, value: &[u8]) -> Option<String> {
    match number {
        1..=LAST_BARE_TEXT => std::str::from_utf8(value).ok().map(str::to_owned),
        _ => Utf8StringRef::from_der(value)
            .ok()
            .map(|text| text.to_string()),
    }
}
