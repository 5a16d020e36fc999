//! Public and private keys, the schemes they sign with, and whoever signs.
//!
//! ```
//! use signhere_pki::key::{KeyError, KeyKind, PrivateKey, PublicKey, Signer};
//!
//! # fn main() -> Result<(), KeyError> {
//! let private = PrivateKey::generate(KeyKind::P256)?;
//! let signature = private.sign(b"a message")?;
//!
//! let public = PublicKey::from_pem(&private.public_key().to_pem())?;
//! public.verify(private.scheme(), b"a message", &signature)?;
//! let refused = public.verify(private.scheme(), b"another", &signature);
//! assert_eq!(refused, Err(KeyError::BadSignature));
//! # Ok(())
//! # }
//! ```

mod details;
mod ed25519ph;
mod parsed;
mod private;
mod public;
mod scheme;

pub use self::{
    details::KeyDetails,
    private::PrivateKey,
    public::PublicKey,
    scheme::{KeyKind, Scheme},
};

use crate::{
    digest::{Digest, HashAlgorithm},
    pem::PemError,
};

/// Something that signs: a [`PrivateKey`], or a key kept elsewhere.
pub trait Signer: Send + Sync {
    /// The key that verifies what this signs.
    fn public_key(&self) -> &PublicKey;

    /// The scheme that this signs with.
    fn scheme(&self) -> Scheme;

    /// The signature over `message`.
    ///
    /// # Errors
    /// [`KeyError`] when the key cannot be used.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError>;

    /// The signature over the message with this digest, which must be of [`Scheme::hash`].
    ///
    /// # Errors
    /// [`KeyError::NeedsMessage`] for pure Ed25519, [`KeyError::HashMismatch`] for another hash, others when
    /// the key cannot be used.
    fn sign_digest(&self, digest: &Digest) -> Result<Vec<u8>, KeyError>;
}

/// Why a key cannot be read or used, or a signature is not good.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text around the key is wrong.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// The key is longer than any supported key.
    #[error("the key has {found} bytes, more than {limit}")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
        /// Its length in bytes.
        found: usize,
    },
    /// The key is not well-formed.
    #[error("malformed key: {what}")]
    Malformed {
        /// The part that is not.
        what: &'static str,
    },
    /// The key's algorithm is none of the supported ones.
    #[error("unsupported key algorithm {oid}")]
    UnsupportedAlgorithm {
        /// Its object identifier.
        oid: String,
    },
    /// The key's curve is none of the supported ones.
    #[error("unsupported elliptic curve {oid}")]
    UnsupportedCurve {
        /// Its object identifier.
        oid: String,
    },
    /// The RSA key has none of the supported sizes.
    #[error("unsupported RSA key of {bits} bits: 2048, 3072 or 4096 were expected")]
    UnsupportedRsaSize {
        /// Its size in bits.
        bits: usize,
    },
    /// The RSA key's public exponent is not 65537.
    #[error("unsupported RSA exponent: 65537 was expected")]
    UnsupportedRsaExponent,
    /// The key's name of its details is unknown or not supported.
    #[error("unsupported public key details {found:?}")]
    UnsupportedDetails {
        /// The name or number.
        found: String,
    },
    /// The key is of another kind than its details say.
    #[error("the key is {found} where {expected} was declared")]
    KindMismatch {
        /// What was declared.
        expected: KeyDetails,
        /// What the key is.
        found: KeyKind,
    },
    /// The key is well-formed and yet no key: not a point of its curve, or parts that do not belong together.
    #[error("the key is not valid")]
    Rejected,
    /// Keys of this kind do not sign with this scheme.
    #[error("{kind} keys do not sign with {scheme}")]
    SchemeMismatch {
        /// The scheme.
        scheme: Scheme,
        /// The key's kind.
        kind: KeyKind,
    },
    /// The scheme is verified, never signed with.
    #[error("{scheme} is supported for verification only")]
    VerifiedOnly {
        /// The scheme.
        scheme: Scheme,
    },
    /// The scheme signs the message itself: a digest is not enough.
    #[error("{scheme} needs the message itself, not its digest")]
    NeedsMessage {
        /// The scheme.
        scheme: Scheme,
    },
    /// The digest is of another hash than the scheme signs.
    #[error("a {found} digest where the signature is over {expected}")]
    HashMismatch {
        /// The scheme's hash.
        expected: HashAlgorithm,
        /// The digest's.
        found: HashAlgorithm,
    },
    /// The signature was not made by this key over this message.
    #[error("the signature does not verify")]
    BadSignature,
    /// The key could not be made.
    #[error("the key could not be generated")]
    GenerationFailed,
    /// The signature could not be made.
    #[error("the signature could not be made")]
    SigningFailed,
    /// A key kept elsewhere could not be used.
    #[error("the signing service failed: {reason}")]
    Service {
        /// What it said.
        reason: String,
    },
}

#[cfg(test)]
mod tests;
