//! Where an issuer's keys are (OpenID Connect Discovery 1.0 section 4), and fetching them.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use signhere_http::{Destination, HttpClient, HttpError, HttpRequest};
use signhere_pki::jwt::{Jwks, JwtError};
use thiserror::Error;
use url::Url;

use super::cluster::{self, Access, Cluster};

/// Bytes of a discovery document.
const DOCUMENT_LIMIT: usize = 64 * 1024;

/// Why an issuer's keys cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeysError {
    /// There was no answer, or it was not taken.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The answer is an error.
    #[error("{url}: status {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The discovery document is none.
    #[error("{url}: no discovery document with issuer and jwks_uri")]
    NoDocument {
        /// What was asked for.
        url: String,
    },
    /// The discovery document is somebody else's.
    #[error("the discovery document is that of {found:?}")]
    OtherIssuer {
        /// The issuer that it names, cut short.
        found: String,
    },
    /// The key set is none, or too large.
    #[error(transparent)]
    Keys(JwtError),
    /// The key set has no key that signs tokens.
    #[error("{url}: no key that could sign a token")]
    Empty {
        /// What was asked for.
        url: String,
    },
    /// What the API server of the cluster is asked with cannot be read.
    #[error("{}: {reason}", path.display())]
    ClusterFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// They were asked for a moment ago, without success, and will be again.
    #[error("they were asked for a moment ago")]
    AskedBefore,
}

/// Who chose the address of an issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChosenBy {
    /// Whoever wrote the configuration.
    Configuration,
    /// Whoever wrote the token, within a wildcard.
    Token,
}

/// Where the keys of an issuer are asked for.
pub(super) struct Source {
    issuer: String,
    document: Url,
    chosen_by: ChosenBy,
    http: Arc<HttpClient>,
    cluster: Option<Arc<Cluster>>,
}

impl Source {
    /// The source of the issuer at `issuer`; `None` when that is no URL.
    pub(super) fn new(issuer: &str, chosen_by: ChosenBy, http: Arc<HttpClient>) -> Option<Self> {
        let base = issuer.strip_suffix('/').unwrap_or(issuer);
        let document = Url::parse(&format!("{base}/.well-known/openid-configuration")).ok()?;
        Some(Self {
            issuer: issuer.to_owned(),
            document,
            chosen_by,
            http,
            cluster: None,
        })
    }

    /// The source of an issuer that the configuration names, which may be the API server of `cluster`.
    pub(super) fn in_cluster(self, cluster: &Arc<Cluster>) -> Self {
        Self {
            cluster: cluster::of(cluster, &self.issuer),
            ..self
        }
    }

    pub(super) fn chosen_by(&self) -> ChosenBy {
        self.chosen_by
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The keys as they are now: the discovery document and then the key set that it names.
    pub(super) async fn fetch(&self) -> Result<Jwks, KeysError> {
        let (at_issuer, beyond) = match self.chosen_by {
            ChosenBy::Configuration => {
                let from = self.document.clone();
                (Destination::Configured, Destination::Learned { from })
            }
            ChosenBy::Token => (Destination::Untrusted, Destination::Untrusted),
        };
        let access = match &self.cluster {
            Some(cluster) => Some(Access::read(cluster, &self.http).await?),
            None => None,
        };
        let ask = async |url: &Url, destination, limit| match &access {
            Some(access) => get(access.http(), access.request(url)?, url, limit).await,
            None => {
                let request = HttpRequest::get(url.clone(), destination);
                get(&self.http, request, url, limit).await
            }
        };
        let body = ask(&self.document, at_issuer, DOCUMENT_LIMIT).await?;
        let no_document = || KeysError::NoDocument {
            url: signhere_http::shown(&self.document),
        };
        let document: Document = serde_json::from_slice(&body).map_err(|_| no_document())?;
        if document.issuer != self.issuer {
            return Err(KeysError::OtherIssuer {
                found: document.issuer.chars().take(200).collect(),
            });
        }
        let mut url = Url::parse(&document.jwks_uri).map_err(|_| no_document())?;
        if access.is_some() {
            url = cluster::at_server(&self.document, &url);
        }
        let body = ask(&url, beyond, Jwks::MAX_LEN).await?;
        let keys = Jwks::parse(&body).map_err(KeysError::Keys)?;
        if keys.is_empty() {
            return Err(KeysError::Empty {
                url: signhere_http::shown(&url),
            });
        }
        Ok(keys)
    }
}

async fn get(
    http: &HttpClient,
    request: HttpRequest,
    url: &Url,
    limit: usize,
) -> Result<Vec<u8>, KeysError> {
    let answer = http.send(&request.body_cap(limit)).await?;
    match answer.status {
        200 => Ok(answer.body),
        status => Err(KeysError::Status {
            url: signhere_http::shown(url),
            status,
        }),
    }
}

/// The members of a discovery document that matter here.
#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
}
