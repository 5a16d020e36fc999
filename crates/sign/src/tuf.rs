//! A TUF repository on the network, its client's cache in a folder, and updates from the one to the other.
//!
//! What may be believed is decided in [`signhere_verify::tuf::client`]; here is only what that asks for: files
//! and requests.

mod cache;
mod error;
mod session;
#[cfg(test)]
mod tests;

use signhere_http::{Destination, HttpClient, HttpError, HttpRequest};
use url::Url;

pub use cache::{Cache, Lock};
pub use error::ClientError;
pub use session::{Session, read_cached};

use crate::service::{Problem, Service, ServiceError, endpoint};

/// The largest target that is fetched, in bytes.
pub const MAX_TARGET_BYTES: u64 = 256 << 20;

/// Where a repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// The URL under which the metadata is.
    pub metadata: Url,
    /// The URL under which the targets are.
    pub targets: Url,
}

impl Repository {
    /// A repository that keeps its targets in the folder `targets` beside the metadata, as Sigstore's do.
    pub fn at(base: &Url) -> Self {
        Self {
            metadata: base.clone(),
            targets: endpoint(base, "targets"),
        }
    }
}

/// Fetches `path`, percent-encoded, under `base`; none when the repository does not have it. Storage services
/// answer 403 for that.
///
/// # Errors
/// [`ServiceError`] for every other answer but success, for no answer, and for one of more than `limit` bytes.
pub async fn fetch(
    http: &HttpClient,
    base: &Url,
    path: &str,
    limit: usize,
) -> Result<Option<Vec<u8>>, ServiceError> {
    let url = endpoint(base, path);
    let request = HttpRequest::get(url.clone(), Destination::Configured).body_cap(limit);
    let answer = http.send(&request).await;
    let answer = answer
        .map_err(|error: HttpError| ServiceError::new(Service::Tuf, &url, Problem::from(error)))?;
    match answer.status {
        _ if answer.is_success() => Ok(Some(answer.body)),
        403 | 404 => Ok(None),
        _ => Err(ServiceError::status(Service::Tuf, &url, &answer)),
    }
}
