use signhere_pki::cert::CertificateError;
use signhere_pki::chain::ChainError;
use signhere_pki::key::KeyError;

use super::ServiceKind;
use crate::proto_json::JsonError;

/// Why trust material cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// Not acceptable as JSON or as the protocol buffer it should be.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The media type is not a known one.
    #[error("unknown media type `{found}`, expected one like `{expected}`")]
    MediaType {
        /// A media type that is known.
        expected: &'static str,
        /// The media type found.
        found: String,
    },
    /// A validity window has no start, which must not mean "since ever".
    #[error("`{path}` has no start of validity")]
    NoStart {
        /// The window's place.
        path: String,
    },
    /// A validity window ends before it starts.
    #[error("`{path}` ends before it starts")]
    WindowReversed {
        /// The window's place.
        path: String,
    },
    /// A key cannot be used.
    #[error("`{path}`: {error}")]
    Key {
        /// The key's place.
        path: String,
        /// What is wrong with it.
        error: KeyError,
    },
    /// A certificate cannot be used.
    #[error("`{path}`: {error}")]
    Certificate {
        /// The certificate's place.
        path: String,
        /// What is wrong with it.
        error: CertificateError,
    },
    /// A certificate chain does not hold together.
    #[error("the chain of {uri}: {error}")]
    Chain {
        /// The authority's URI.
        uri: String,
        /// What is wrong with it.
        error: ChainError,
    },
    /// Two logs that differ have the same id, so that an entry would not say which of them it is in.
    #[error("two logs have the id {id}: {first} and {second}")]
    SameLogId {
        /// The id, in hexadecimal.
        id: String,
        /// The URL of the log listed first.
        first: String,
        /// The URL of the other log.
        second: String,
    },
    /// A service selector is not one of ANY, ALL and EXACT.
    #[error("`{path}`: unknown service selector `{found}`")]
    Selector {
        /// The selector's place.
        path: String,
        /// The selector found.
        found: String,
    },
    /// A service is not listed at all.
    #[error("the signing config lists no {kind}")]
    NoService {
        /// The kind asked for.
        kind: ServiceKind,
    },
    /// No listed service is in its validity and speaks a version that this program speaks.
    #[error("none of the {listed} {kind} entries of the signing config is usable now")]
    NoUsableService {
        /// The kind asked for.
        kind: ServiceKind,
        /// How many are listed.
        listed: usize,
    },
    /// Fewer services are usable than the config asks for exactly.
    #[error("the signing config asks for {expected} {kind} operators, {found} are usable")]
    TooFewServices {
        /// The kind asked for.
        kind: ServiceKind,
        /// How many the config asks for.
        expected: u32,
        /// How many are usable.
        found: usize,
    },
}
