//! Ed25519ph (RFC 8032 section 5.1) with an empty context, which the cryptographic library used for
//! everything else does not offer.

use ed25519_dalek::{
    Signature, SigningKey, VerifyingKey,
    ed25519::signature::digest::{
        FixedOutput, HashMarker, Output, OutputSizeUser, Update, typenum::U64,
    },
};

use super::KeyError;
use crate::digest::Digest;

/// Checks that the 32 bytes are a point on the curve that is not of small order.
pub(super) fn check(public_key: &[u8]) -> Result<(), KeyError> {
    verifying_key(public_key).map(|_| ())
}

pub(super) fn verify(public_key: &[u8], digest: &Digest, signature: &[u8]) -> Result<(), KeyError> {
    let signature = Signature::from_slice(signature).map_err(|_| KeyError::BadSignature)?;
    verifying_key(public_key)?
        .verify_prehashed_strict(Prehashed::new(digest), None, &signature)
        .map_err(|_| KeyError::BadSignature)
}

pub(super) fn sign(seed: &[u8], digest: &Digest) -> Result<Vec<u8>, KeyError> {
    let seed = seed.try_into().map_err(|_| KeyError::SigningFailed)?;
    SigningKey::from_bytes(seed)
        .sign_prehashed(Prehashed::new(digest), None)
        .map(|signature| signature.to_bytes().to_vec())
        .map_err(|_| KeyError::SigningFailed)
}

fn verifying_key(public_key: &[u8]) -> Result<VerifyingKey, KeyError> {
    let key = VerifyingKey::try_from(public_key).map_err(|_| KeyError::Rejected)?;
    // Under a key of small order a signature says nothing about its message.
    if key.is_weak() {
        return Err(KeyError::Rejected);
    }
    Ok(key)
}

/// A SHA-512 that has been computed already, in the shape of a hash function.
struct Prehashed([u8; 64]);

impl Prehashed {
    /// `digest` must be a SHA-512, which the callers have checked.
    fn new(digest: &Digest) -> Self {
        let mut value = [0; 64];
        for (to, from) in value.iter_mut().zip(digest.as_bytes()) {
            *to = *from;
        }
        Self(value)
    }
}

impl Default for Prehashed {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl Update for Prehashed {
    fn update(&mut self, _: &[u8]) {}
}

impl OutputSizeUser for Prehashed {
    type OutputSize = U64;
}

impl FixedOutput for Prehashed {
    fn finalize_into(self, out: &mut Output<Self>) {
        out.copy_from_slice(&self.0);
    }
}

impl HashMarker for Prehashed {}
