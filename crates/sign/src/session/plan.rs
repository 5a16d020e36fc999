//! Which services a session uses, by the instance's signing config.

use signhere_pki::time::Time;
use signhere_verify::trust::{Service, ServiceKind, SigningConfig, TrustError};
use url::Url;

use super::SignError;

/// The services selected for a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    certificate_authority: Option<Url>,
    pub(super) timestamp_authorities: Vec<Url>,
    pub(super) logs: Vec<(Url, LogVersion)>,
}

/// The generations of logs that can be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogVersion {
    V1,
    V2,
}

impl Plan {
    /// The services that `config` selects at `now`.
    pub(super) fn new(config: &SigningConfig, now: Time) -> Result<Self, SignError> {
        let selected = config.select(now)?;
        let timestamp_authorities = selected.tsas.iter();
        let logs = selected.logs.iter().map(|log| {
            let version = match log.major_api_version {
                1 => LogVersion::V1,
                _ => LogVersion::V2,
            };
            Ok((url(ServiceKind::Log, log)?, version))
        });
        let certificate_authority = selected.ca.as_ref();
        Ok(Self {
            certificate_authority: certificate_authority
                .map(|ca| url(ServiceKind::Ca, ca))
                .transpose()?,
            timestamp_authorities: timestamp_authorities
                .map(|tsa| url(ServiceKind::Tsa, tsa))
                .collect::<Result<_, _>>()?,
            logs: logs.collect::<Result<_, SignError>>()?,
        })
    }

    /// The certificate authority, which only keyless signing needs.
    pub(super) fn certificate_authority(&self) -> Result<Url, SignError> {
        let kind = ServiceKind::Ca;
        let url = self.certificate_authority.clone();
        url.ok_or_else(|| TrustError::NoService { kind }.into())
    }
}

fn url(kind: ServiceKind, service: &Service) -> Result<Url, SignError> {
    let url = Url::parse(&service.url).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
    url.ok_or_else(|| SignError::ServiceUrl {
        kind,
        url: service.url.chars().take(256).collect(),
    })
}
