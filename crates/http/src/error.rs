//! Why a request has no answer.

/// Why there is no answer. URLs are shown without user, query and fragment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The scheme is neither `https` nor, where that is allowed, `http`.
    #[error("{url}: only https is allowed here (http only to this machine)")]
    InsecureUrl {
        /// The URL asked for.
        url: String,
    },
    /// A URL that a remote document gave has another scheme than that document.
    #[error("{url}: expected scheme {expected}, as the document that names this address")]
    SchemeChanged {
        /// The URL asked for.
        url: String,
        /// The scheme of the document.
        expected: String,
    },
    /// A URL that a remote document gave leads to this machine or a private network.
    #[error("{url}: a remote document may not send us to a private address")]
    PrivateAddress {
        /// The URL asked for.
        url: String,
    },
    /// No connection: refused, unreachable, no such host, or no trusted certificate.
    #[error("{url}: cannot connect: {detail}")]
    Connect {
        /// The URL asked for.
        url: String,
        /// What the network or TLS said.
        detail: String,
    },
    /// No complete answer in time.
    #[error("{url}: no answer in time")]
    Timeout {
        /// The URL asked for.
        url: String,
    },
    /// The answer is longer than accepted.
    #[error("{url}: answer longer than {cap} bytes")]
    BodyTooLarge {
        /// The URL asked for.
        url: String,
        /// The most that was accepted, in bytes.
        cap: usize,
    },
    /// A redirect that is not followed: of a POST, to another origin, or one too many.
    #[error("{url}: redirects to {location}, which is not followed")]
    Redirect {
        /// The URL asked for.
        url: String,
        /// Where it wanted to send us.
        location: String,
    },
    /// The connection broke, or what came over it is not HTTP.
    #[error("{url}: {detail}")]
    Broken {
        /// The URL asked for.
        url: String,
        /// What the transport said.
        detail: String,
    },
    /// The TLS configuration cannot be used.
    #[error("TLS cannot be set up: {detail}")]
    Tls {
        /// What TLS said.
        detail: String,
    },
    /// A bearer token with bytes that no HTTP header can carry.
    #[error("the token contains characters that no HTTP header can carry")]
    UnprintableToken,
}

impl HttpError {
    /// Whether another attempt may end better.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. } | Self::Timeout { .. } | Self::Broken { .. }
        )
    }
}
