//! The issuer of the Kubernetes cluster that the instance runs in, whose API server is known to the cluster alone.
//!
//! It is asked over TLS under the cluster's certificate authority and no other, with the pod's own token, and at its
//! one address: API servers name themselves in their documents by addresses that differ from cluster to cluster.

use std::path::PathBuf;
use std::sync::Arc;

use signhere_http::{Destination, HttpClient, HttpError, HttpRequest, TlsRoots};
use url::Url;
use zeroize::Zeroizing;

use super::discovery::KeysError;
use crate::state::files::read_bounded;

/// Bytes of either file.
const FILE_LIMIT: u64 = 256 * 1024;

/// Where an API server is, and what it is asked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cluster {
    /// The one issuer that is asked so.
    pub(super) issuer: String,
    /// The cluster's certificate authority, in PEM.
    pub(super) authority: PathBuf,
    /// The pod's service account token. Without such a file none is sent.
    pub(super) token: PathBuf,
}

/// The names that Fulcio knows.
impl Default for Cluster {
    fn default() -> Self {
        Self {
            issuer: "https://kubernetes.default.svc".to_owned(),
            authority: "/var/run/fulcio/ca.crt".into(),
            token: "/var/run/secrets/kubernetes.io/serviceaccount/token".into(),
        }
    }
}

/// What one question is asked with. The files change while the instance runs, so they are read each time.
pub(super) struct Access {
    http: HttpClient,
    token: Option<Zeroizing<String>>,
}

impl Access {
    /// Reads the files.
    pub(super) async fn read(cluster: &Cluster, http: &HttpClient) -> Result<Self, KeysError> {
        let files = [cluster.authority.clone(), cluster.token.clone()];
        let read = tokio::task::spawn_blocking(move || {
            files.map(|path| {
                let content = read_bounded(&path, FILE_LIMIT).map_err(|e| e.to_string());
                (path, content)
            })
        });
        let unreadable = |path: PathBuf, reason: &str| KeysError::ClusterFile {
            path,
            reason: reason.to_owned(),
        };
        let [(authority, pem), (token_path, token)] = read
            .await
            .map_err(|_| unreadable(cluster.authority.clone(), "reading it failed"))?;
        let pem = pem.map_err(|reason| unreadable(authority.clone(), &reason))?;
        let pem = pem.ok_or_else(|| unreadable(authority, "there is no such file"))?;
        let token = token.map_err(|reason| unreadable(token_path.clone(), &reason))?;
        let token = token.map(|bytes| match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(Zeroizing::new(text.trim().to_owned())),
            Err(_) => Err(unreadable(token_path, "it is not text")),
        });
        Ok(Self {
            http: http.reconfigured(|config| config.roots = TlsRoots::Pem(pem.to_vec())),
            token: token.transpose()?,
        })
    }

    /// The client that believes the cluster's authority alone.
    pub(super) fn http(&self) -> &HttpClient {
        &self.http
    }

    /// A request to the API server.
    pub(super) fn request(&self, url: &Url) -> Result<HttpRequest, HttpError> {
        let request = HttpRequest::get(url.clone(), Destination::Configured);
        match &self.token {
            Some(token) => request.bearer(token),
            None => Ok(request),
        }
    }
}

/// What `named` names, at the address of `server`.
pub(super) fn at_server(server: &Url, named: &Url) -> Url {
    let mut url = server.clone();
    url.set_path(named.path());
    url.set_query(named.query());
    url
}

/// The cluster, when it is the one of `issuer`.
pub(super) fn of(cluster: &Arc<Cluster>, issuer: &str) -> Option<Arc<Cluster>> {
    (cluster.issuer == issuer).then(|| Arc::clone(cluster))
}
