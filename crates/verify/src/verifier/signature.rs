//! The signer's key made the signature.

use signhere_pki::key::{KeyError, Scheme};

use super::signer::Signer;
use super::{Signed, Step, failed};
use crate::bundle::Bundle;
use crate::error::Reason;
use crate::verdict::{SignatureEvidence, StepName};

pub(super) fn check(
    bundle: &Bundle,
    signed: &Signed<'_>,
    signer: &Signer<'_>,
) -> Step<SignatureEvidence> {
    let mut refused = KeyError::BadSignature;
    for scheme in &signer.schemes {
        match verify(signed, signer, *scheme, bundle.signature()) {
            Ok(()) => {
                return Ok(SignatureEvidence {
                    scheme: scheme.to_string(),
                    over: match signed {
                        Signed::Envelope { .. } => "envelope",
                        Signed::Bytes(_) | Signed::Digest(_) => "artifact",
                    },
                    key_id: hex::encode(signer.key.key_id()),
                });
            }
            Err(error) => refused = error,
        }
    }
    let reason = match refused {
        KeyError::BadSignature => Reason::SignatureInvalid,
        other => Reason::SignerKey(other),
    };
    Err(failed(StepName::Signature, reason))
}

fn verify(
    signed: &Signed<'_>,
    signer: &Signer<'_>,
    scheme: Scheme,
    signature: &[u8],
) -> Result<(), KeyError> {
    match signed {
        Signed::Digest(digest) => signer.key.verify_digest(scheme, digest, signature),
        Signed::Bytes(bytes) => signer.key.verify(scheme, bytes, signature),
        Signed::Envelope { pae, .. } => signer.key.verify(scheme, pae, signature),
    }
}
