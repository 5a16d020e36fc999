//! What is wrong with an issuer configuration, and where.

use thiserror::Error;

use crate::issuers::kind::Kind;
use crate::issuers::template::TemplateError;

/// A mistake in an issuer configuration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct ConfigError {
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1.
    pub column: u64,
    /// What is wrong there.
    pub problem: ConfigProblem,
}

/// What is wrong with an issuer configuration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigProblem {
    /// It is no YAML, or not the YAML of issuers: a key that is not known, a key twice, a list for a text.
    #[error("{reason}")]
    Yaml {
        /// What the parser says.
        reason: String,
    },
    /// The file is too long.
    #[error("the configuration has {found} bytes, {limit} are taken")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
        /// Its length in bytes.
        found: usize,
    },
    /// Too many issuers.
    #[error("the configuration has {found} issuers, {limit} are taken")]
    TooMany {
        /// The limit.
        limit: usize,
        /// How many.
        found: usize,
    },
    /// A value is too long.
    #[error("the value has {found} bytes, {limit} are taken")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
        /// Its length in bytes.
        found: usize,
    },
    /// A key that is needed is not there.
    #[error("{key} is missing")]
    Missing {
        /// The key.
        key: &'static str,
    },
    /// An issuer's URL is none, or has more than a scheme, a host and a path.
    #[error("{found:?} is no URL of an issuer")]
    NoUrl {
        /// What is written.
        found: String,
    },
    /// An issuer that is neither `https` nor on this machine.
    #[error("{found:?} must be https (http is for this machine only)")]
    NotHttps {
        /// What is written.
        found: String,
    },
    /// The URL in an issuer is not the one that it stands under.
    #[error("issuer-url is {found:?}, the issuer stands under {key:?}")]
    OtherUrl {
        /// What it stands under.
        key: String,
        /// What is written.
        found: String,
    },
    /// A meta-issuer without a wildcard.
    #[error("{found:?} has no `*`: it belongs under oidc-issuers")]
    NoWildcard {
        /// What is written.
        found: String,
    },
    /// A wildcard that anybody may get a name under.
    #[error("{found:?} is too wide: the last two labels of the host must be spelled out")]
    TooWide {
        /// What is written.
        found: String,
    },
    /// A type that is not known.
    #[error("unknown type {found:?}; known are {}, {}, {}, {}, {}, {}, {}, {}", Kind::EMAIL, Kind::USERNAME, Kind::URI, Kind::SPIFFE, Kind::KUBERNETES, Kind::CHAINGUARD, Kind::CI_PROVIDER, Kind::BUILT_IN.join(", "))]
    UnknownType {
        /// What is written.
        found: String,
    },
    /// A CI provider without metadata.
    #[error(
        "unknown ci-provider {found:?}; ci-issuer-metadata has {}",
        list(known)
    )]
    UnknownProvider {
        /// What is written.
        found: String,
        /// The providers with metadata.
        known: Vec<String>,
    },
    /// An extension that is not known.
    #[error("unknown extension {found:?}; docs/reference/issuers.md lists them")]
    UnknownExtension {
        /// What is written.
        found: String,
    },
    /// A template that is none.
    #[error(transparent)]
    Template(TemplateError),
    /// `issuer-claim` of another type than `email`.
    #[error("issuer-claim is for issuers of type email")]
    IssuerClaimOfOthers,
    /// `issuer-claim` that leads nowhere.
    #[error("issuer-claim is {found:?} where a path like \"$.claim.claim\" is expected")]
    NoClaimPath {
        /// What is written.
        found: String,
    },
    /// `subject-domain` of a `uri` issuer that is not a scheme and a host.
    #[error("subject-domain is {found:?} where a scheme and a host are expected")]
    NoUriDomain {
        /// What is written.
        found: String,
    },
    /// An issuer that has nothing to do with the domain that it would speak for.
    #[error("the issuer {issuer:?} may not speak for the subject-domain {found:?}")]
    OtherDomain {
        /// The issuer.
        issuer: String,
        /// The domain.
        found: String,
    },
    /// A trust domain that is none.
    #[error(
        "spiffe-trust-domain is {found:?} where a name of small letters, digits, `.`, `-` and `_` is expected"
    )]
    NoTrustDomain {
        /// What is written.
        found: String,
    },
    /// A `spiffe` meta-issuer: many issuers for one trust domain.
    #[error("an issuer of type spiffe may not have a wildcard")]
    SpiffeWildcard,
    /// `ca-cert` that is no certificate.
    #[error("ca-cert holds no certificates in PEM")]
    NoCertificate,
}

fn list(known: &[String]) -> String {
    match known {
        [] => "none".to_owned(),
        _ => known.join(", "),
    }
}
