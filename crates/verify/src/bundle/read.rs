use signhere_pki::cert::Certificate;
use signhere_pki::digest::Digest;

use super::{
    Bundle, BundleError, BundleVersion, Content, KeyMaterial, MAX_BUNDLE_BYTES, MAX_CHAIN,
    MAX_LOG_ENTRIES, MAX_TIMESTAMPS, Material, TlogEntry,
};
use crate::dsse::{Envelope, INTOTO_PAYLOAD_TYPE};
use crate::excerpt::excerpt;
use crate::names;
use crate::proto_json::{self, Message};

/// The media types of each version; v0.3 has an older and a newer spelling.
const MEDIA_TYPES: [(&str, BundleVersion); 4] = [
    (
        "application/vnd.dev.sigstore.bundle+json;version=0.1",
        BundleVersion::V0_1,
    ),
    (
        "application/vnd.dev.sigstore.bundle+json;version=0.2",
        BundleVersion::V0_2,
    ),
    (
        "application/vnd.dev.sigstore.bundle+json;version=0.3",
        BundleVersion::V0_3,
    ),
    (
        "application/vnd.dev.sigstore.bundle.v0.3+json",
        BundleVersion::V0_3,
    ),
];

pub(super) fn bundle(json: &[u8]) -> Result<Bundle, BundleError> {
    message(proto_json::document(json, MAX_BUNDLE_BYTES)?)
}

/// A bundle that is a document, or a part of one.
pub(super) fn message(mut message: Message<'_>) -> Result<Bundle, BundleError> {
    let version = version(&message.string("mediaType")?)?;
    let material = material(message.required_message("verificationMaterial")?, version)?;
    let content = content(&mut message)?;
    Ok(Bundle {
        version,
        material,
        content,
        unknown_fields: message.finish_document(),
    })
}

fn version(media_type: &str) -> Result<BundleVersion, BundleError> {
    MEDIA_TYPES
        .iter()
        .find(|(known, _)| *known == media_type)
        .map(|(_, version)| *version)
        .ok_or_else(|| BundleError::MediaType {
            found: excerpt(media_type),
        })
}

fn material(mut message: Message<'_>, version: BundleVersion) -> Result<Material, BundleError> {
    let key = key_material(&mut message, version)?;
    let tlog_entries = message
        .messages("tlogEntries", MAX_LOG_ENTRIES)?
        .into_iter()
        .map(TlogEntry::read)
        .collect::<Result<_, _>>()?;
    let mut timestamps = Vec::new();
    if let Some(mut data) = message.message("timestampVerificationData")? {
        for mut timestamp in data.messages("rfc3161Timestamps", MAX_TIMESTAMPS)? {
            timestamps.push(timestamp.required_bytes("signedTimestamp")?);
            timestamp.finish();
        }
        data.finish();
    }
    message.finish();
    Ok(Material {
        key,
        tlog_entries,
        timestamps,
    })
}

fn key_material(
    message: &mut Message<'_>,
    version: BundleVersion,
) -> Result<KeyMaterial, BundleError> {
    let members = ["publicKey", "x509CertificateChain", "certificate"];
    let Some((member, mut key)) = message.one_of(&members)? else {
        return Err(BundleError::NoKeyMaterial);
    };
    if member == "publicKey" {
        let hint = key.string("hint")?;
        key.finish();
        return Ok(KeyMaterial::PublicKeyHint(hint));
    }
    let has_chain = member == "x509CertificateChain";
    if has_chain != (version < BundleVersion::V0_3) {
        return Err(BundleError::KeyMaterialForVersion {
            version: version.as_str(),
            found: member,
        });
    }
    if !has_chain {
        let leaf = certificate(key, 0)?;
        refuse_root(&leaf)?;
        return Ok(KeyMaterial::Certificate(vec![leaf]));
    }
    let chain = key
        .messages("certificates", MAX_CHAIN)?
        .into_iter()
        .enumerate()
        .map(|(index, message)| certificate(message, index))
        .collect::<Result<Vec<_>, _>>()?;
    key.finish();
    let Some((leaf, others)) = chain.split_first() else {
        return Err(BundleError::EmptyChain);
    };
    refuse_root(leaf)?;
    // npm's clients of 2023 put the root into v0.1 bundles: the verifier looks whether it is its own.
    if version > BundleVersion::V0_1 {
        others.iter().try_for_each(refuse_root)?;
    }
    Ok(KeyMaterial::Certificate(chain))
}

fn certificate(mut message: Message<'_>, index: usize) -> Result<Certificate, BundleError> {
    let der = message.required_bytes("rawBytes")?;
    message.finish();
    Certificate::from_der(&der).map_err(|error| BundleError::Certificate { index, error })
}

/// Only the verifier chooses roots.
fn refuse_root(certificate: &Certificate) -> Result<(), BundleError> {
    if certificate.is_self_issued() {
        return Err(BundleError::RootCertificate);
    }
    Ok(())
}

fn content(message: &mut Message<'_>) -> Result<Content, BundleError> {
    match message.one_of(&["messageSignature", "dsseEnvelope"])? {
        Some(("messageSignature", signature)) => message_signature(signature),
        Some((_, envelope)) => Ok(Content::Dsse(self::envelope(envelope)?)),
        None => Err(BundleError::NoContent),
    }
}

fn message_signature(mut message: Message<'_>) -> Result<Content, BundleError> {
    let digest = match message.message("messageDigest")? {
        Some(digest) => Some(message_digest(digest)?),
        None => None,
    };
    let signature = message.required_bytes("signature")?;
    message.finish();
    Ok(Content::MessageSignature { digest, signature })
}

fn message_digest(mut message: Message<'_>) -> Result<Digest, BundleError> {
    let algorithm = message.enumeration("algorithm", &names::HASH_ALGORITHMS)?;
    let bytes = message.bytes("digest")?;
    let path = message.path("digest");
    message.finish();
    let Some(algorithm) = names::hash_algorithm(&algorithm) else {
        return Err(BundleError::DigestAlgorithm {
            found: excerpt(&algorithm),
        });
    };
    Digest::new(algorithm, &bytes).map_err(|_| BundleError::HashLength {
        path,
        expected: algorithm.len(),
        found: bytes.len(),
    })
}

pub(super) fn envelope(mut message: Message<'_>) -> Result<Envelope, BundleError> {
    let envelope = envelope_fields(&mut message)?;
    message.finish();
    Ok(envelope)
}

/// A DSSE envelope with its one signature.
pub(super) fn envelope_fields(message: &mut Message<'_>) -> Result<Envelope, BundleError> {
    let payload = message.bytes("payload")?;
    let payload_type = message.string("payloadType")?;
    // One is the rule; a few more are read so that the refusal can say how many there are.
    let mut signatures = Vec::new();
    for mut signature in message.messages("signatures", 16)? {
        let bytes = signature.required_bytes("sig")?;
        let key_id = signature.string("keyid")?;
        signature.finish();
        signatures.push((bytes, key_id));
    }
    let found = signatures.len();
    match <[_; 1]>::try_from(signatures) {
        Ok([(signature, key_id)]) => Ok(Envelope::new(payload_type, payload, signature, key_id)),
        Err(_) => Err(BundleError::EnvelopeSignatures { found }),
    }
}

/// Returns a 32-byte hash, or says which field is not one.
pub(super) fn hash(path: impl FnOnce() -> String, bytes: &[u8]) -> Result<[u8; 32], BundleError> {
    bytes.try_into().map_err(|_| BundleError::HashLength {
        path: path(),
        expected: 32,
        found: bytes.len(),
    })
}

/// Reads an attestation of PEP 740, which holds the parts of a v0.3 bundle under other names.
pub(super) fn pep_740(mut message: Message<'_>) -> Result<Bundle, BundleError> {
    let version = message.uint32("version")?;
    if version != 1 {
        return Err(BundleError::DocumentVersion {
            path: message.path("version"),
            found: version,
        });
    }
    let mut material = message.required_message("verificationMaterial")?;
    let leaf = Certificate::from_der(&material.required_bytes("certificate")?)
        .map_err(|error| BundleError::Certificate { index: 0, error })?;
    refuse_root(&leaf)?;
    let tlog_entries = material
        .messages("transparencyEntries", MAX_LOG_ENTRIES)?
        .into_iter()
        .map(TlogEntry::read)
        .collect::<Result<_, _>>()?;
    material.finish();
    let mut envelope = message.required_message("envelope")?;
    let statement = envelope.required_bytes("statement")?;
    let signature = envelope.required_bytes("signature")?;
    envelope.finish();
    let payload_type = INTOTO_PAYLOAD_TYPE.to_owned();
    Ok(Bundle {
        version: BundleVersion::V0_3,
        material: Material {
            key: KeyMaterial::Certificate(vec![leaf]),
            tlog_entries,
            timestamps: Vec::new(),
        },
        content: Content::Dsse(Envelope::new(
            payload_type,
            statement,
            signature,
            String::new(),
        )),
        unknown_fields: message.finish_document(),
    })
}
