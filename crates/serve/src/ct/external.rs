//! A CT log elsewhere, asked over RFC 6962's protocol.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use signhere_http::{Destination, HttpClient, HttpError, HttpRequest, shown};
use signhere_pki::key::PublicKey;
use signhere_pki::sct::{Sct, SctError, SignedEntry};
use thiserror::Error;
use url::Url;

use super::WireSct;
use crate::error::ServeError;

/// Bytes of an answer: an SCT and room.
const ANSWER_LIMIT: usize = 16 * 1024;

/// A CT log that is not this instance's own.
pub(crate) struct ExternalCt {
    add_pre_chain: Url,
    key: PublicKey,
    http: Arc<HttpClient>,
}

/// Why a log elsewhere gave no timestamp that counts.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub(crate) enum ExternalError {
    /// It could not be asked.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// It refused.
    #[error("{url} answered {status}")]
    Status { url: String, status: u16 },
    /// It answered something else than a timestamp.
    #[error("{url} answered no signed certificate timestamp")]
    Malformed { url: String },
    /// The timestamp is not by its key over this precertificate.
    #[error("the timestamp from {url} does not count: {error}")]
    Timestamp { url: String, error: SctError },
}

impl ExternalCt {
    /// The log whose submission prefix is `base`, with this public key.
    ///
    /// # Errors
    /// [`ServeError::Make`] when nothing can be put after `base`.
    pub(crate) fn new(
        base: &Url,
        key: PublicKey,
        http: Arc<HttpClient>,
    ) -> Result<Self, ServeError> {
        let mut add_pre_chain = base.clone();
        add_pre_chain
            .path_segments_mut()
            .map_err(|()| ServeError::make("the address of the CT log", &base))?
            .pop_if_empty()
            .extend(["ct", "v1", "add-pre-chain"]);
        Ok(Self {
            add_pre_chain,
            key,
            http,
        })
    }

    /// The log's timestamp for the precertificate that `chain` begins with (DER, its issuer next), which
    /// verifies over `entry`. A repeat gets the same again, so that a lost answer is asked for once more.
    pub(super) async fn promise(
        &self,
        chain: &[&[u8]],
        entry: SignedEntry<'_>,
    ) -> Result<Sct, ExternalError> {
        let url = || shown(&self.add_pre_chain);
        let chain: Vec<_> = chain.iter().map(|der| STANDARD.encode(der)).collect();
        let body = json!({ "chain": chain }).to_string().into_bytes();
        let request = HttpRequest::post(
            self.add_pre_chain.clone(),
            Destination::Configured,
            "application/json",
            body,
        );
        let request = request.repeatable().body_cap(ANSWER_LIMIT);
        let answer = self.http.send(&request).await?;
        if !answer.is_success() {
            return Err(ExternalError::Status {
                url: url(),
                status: answer.status,
            });
        }
        let sct = serde_json::from_slice::<WireSct>(&answer.body)
            .ok()
            .and_then(|wire| wire.to_sct())
            .ok_or_else(|| ExternalError::Malformed { url: url() })?;
        sct.verify_entry(entry, &self.key)
            .map_err(|error| ExternalError::Timestamp { url: url(), error })?;
        Ok(sct)
    }
}
