use signhere_pki::cert::CertificateError;

use crate::proto_json::JsonError;

/// Why a bundle could not be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// Not acceptable as JSON or as the protocol buffer it should be.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A document that holds bundles is of a version that is not known.
    #[error("`{path}` is {found}, not 1")]
    DocumentVersion {
        /// The field.
        path: String,
        /// The version found.
        found: u32,
    },
    /// A document that should hold bundles holds none.
    #[error("the document holds no bundle")]
    NoBundle,
    /// The media type is not one of the known bundle versions.
    #[error("unknown media type `{found}`")]
    MediaType {
        /// The media type found.
        found: String,
    },
    /// There is no key material at all.
    #[error("neither a certificate nor a key hint")]
    NoKeyMaterial,
    /// The certificate chain is there but empty.
    #[error("the certificate chain is empty")]
    EmptyChain,
    /// The chain carries a root, which only the verifier may choose.
    #[error("the bundle carries a root certificate")]
    RootCertificate,
    /// The key material is of a form that this bundle version does not have.
    #[error("a v{version} bundle cannot hold `{found}`")]
    KeyMaterialForVersion {
        /// The bundle's version.
        version: &'static str,
        /// The member found.
        found: &'static str,
    },
    /// A certificate is not one.
    #[error("certificate {index}: {error}")]
    Certificate {
        /// Its place in the chain, from zero.
        index: usize,
        /// What is wrong with it.
        error: CertificateError,
    },
    /// There is neither a message signature nor an envelope.
    #[error("no signature content")]
    NoContent,
    /// The envelope has not exactly one signature.
    #[error("the envelope has {found} signatures, not one")]
    EnvelopeSignatures {
        /// The number found.
        found: usize,
    },
    /// The message digest's algorithm is not supported.
    #[error("unsupported digest algorithm `{found}`")]
    DigestAlgorithm {
        /// The algorithm found.
        found: String,
    },
    /// A hash has the wrong length.
    #[error("`{path}` is {found} bytes long, not {expected}")]
    HashLength {
        /// The field.
        path: String,
        /// The length expected.
        expected: usize,
        /// The length found.
        found: usize,
    },
}

impl BundleError {
    /// Returns the stable code of the reason.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(JsonError::TooLarge { .. } | JsonError::TooMany { .. })
            | Self::Json(JsonError::TooDeep { .. } | JsonError::TooManyValues { .. }) => {
                "SH-BUNDLE-LIMIT"
            }
            Self::Json(
                JsonError::ByteOrderMark
                | JsonError::Syntax { .. }
                | JsonError::Truncated { .. }
                | JsonError::TrailingData { .. }
                | JsonError::Duplicate { .. },
            ) => "SH-BUNDLE-JSON",
            Self::Json(_) | Self::HashLength { .. } | Self::NoContent | Self::NoBundle => {
                "SH-BUNDLE-FORM"
            }
            Self::MediaType { .. } | Self::DocumentVersion { .. } => "SH-BUNDLE-VERSION",
            Self::NoKeyMaterial | Self::EmptyChain => "SH-BUNDLE-NO-KEY",
            Self::RootCertificate => "SH-BUNDLE-ROOT",
            Self::KeyMaterialForVersion { .. } => "SH-BUNDLE-MATERIAL",
            Self::Certificate { .. } => "SH-BUNDLE-CERTIFICATE",
            Self::EnvelopeSignatures { .. } => "SH-BUNDLE-SIGNATURES",
            Self::DigestAlgorithm { .. } => "SH-BUNDLE-DIGEST",
        }
    }
}
