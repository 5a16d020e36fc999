//! Making certificates: Fulcio's roots, intermediates and leaves with an embedded SCT, and a time
//! stamping authority's. What the CA checks before it issues is not here.

mod authority;
mod leaf;
mod tbs;

pub use authority::{CertificateAuthority, Subject};
pub use leaf::{IssueError, LeafRequest, Precertificate};

use crate::{
    cert::CertificateError,
    key::KeyError,
    random::RandomError,
    sct::SctError,
    time::{Time, Validity},
};

/// Why a certificate was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// No randomness for the serial number.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The key cannot sign.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The signer's scheme has no place in X.509.
    #[error("the signer's scheme cannot sign certificates")]
    Scheme,
    /// The signer's key is not the CA certificate's.
    #[error("the signer's key is not that of the CA certificate")]
    OtherKey,
    /// The certificate that should issue is not a CA's.
    #[error("{subject:?} is not a CA")]
    NotCa {
        /// Its subject.
        subject: String,
    },
    /// A validity without an end, or that ends before it starts.
    #[error("validity must have an end after its start")]
    Validity,
    /// A validity that is not within the issuer's: verifiers check every certificate at the same time.
    #[error("valid {found}, its issuer {expected}")]
    OutsideIssuer {
        /// The issuer's validity.
        expected: Validity,
        /// The certificate's.
        found: Validity,
    },
    /// A time that X.509 cannot write: before 1970 or after 9999.
    #[error("{time} cannot be written in a certificate")]
    Time {
        /// The time.
        time: Time,
    },
    /// An empty subject alternative name.
    #[error("empty subject alternative name")]
    EmptyName,
    /// A subject alternative name with a NUL or another control character, at which readers may cut it.
    #[error("control character in the subject alternative name {found:?}")]
    ControlCharacter {
        /// The name.
        found: String,
    },
    /// A part is too long to encode, or text is not of its type's characters.
    #[error("cannot be encoded: {0}")]
    Encode(#[from] der::Error),
    /// What was made is no certificate that this crate would read: too long, or an extension twice.
    #[error("would not be accepted: {0}")]
    Certificate(#[from] CertificateError),
    /// The timestamp cannot be embedded.
    #[error(transparent)]
    Sct(#[from] SctError),
}
