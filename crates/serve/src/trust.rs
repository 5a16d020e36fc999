//! What clients are told of an instance: whom to trust and where to sign.

use signhere_pki::key::{KeyDetails, PrivateKey, Signer};
use signhere_pki::time::Validity;
use signhere_verify::trust::{
    CertificateAuthority, ClientTrustConfig, Selector, Service, SigningConfig, TransparencyLog,
    TrustedRoot,
};

use crate::config::Services;
use crate::endpoints::Endpoints;
use crate::error::ServeError;
use crate::log::log_id;
use crate::state::keyring::Keyring;

/// The operator that clients count services by.
const OPERATOR: &str = "signhere";

/// The trusted root and the signing config of the services that are on.
pub(crate) fn client_trust_config(
    keyring: &Keyring,
    endpoints: &Endpoints,
    services: Services,
) -> Result<ClientTrustConfig, ServeError> {
    Ok(ClientTrustConfig {
        trusted_root: trusted_root(keyring, endpoints, services)?,
        signing_config: signing_config(keyring, endpoints, services),
        unknown_fields: Vec::new(),
    })
}

fn trusted_root(
    keyring: &Keyring,
    endpoints: &Endpoints,
    on: Services,
) -> Result<TrustedRoot, ServeError> {
    let validity = since_made(keyring);
    let log = |base_url: String, key: &PrivateKey, log_id: Vec<u8>| {
        let public = key.public_key();
        let details = KeyDetails::of(key.scheme(), public.kind());
        let details = details.ok_or_else(|| {
            ServeError::make("the trusted root", &"a log's key has no name there")
        })?;
        Ok(TransparencyLog {
            base_url,
            key: public.clone(),
            details,
            validity,
            log_id,
            checkpoint_key_id: None,
            operator: OPERATOR.to_owned(),
        })
    };
    let authority = |uri, chain| CertificateAuthority {
        uri,
        chain,
        validity,
        operator: OPERATOR.to_owned(),
    };

    let mut root = TrustedRoot::default();
    if on.log {
        let id = log_id(&endpoints.log_origin(), keyring.log.public_key())?;
        root.tlogs
            .push(log(endpoints.log_identity(), &keyring.log, id.to_vec())?);
    }
    if on.ct {
        let id = keyring.ct.public_key().key_id();
        root.ctlogs
            .push(log(endpoints.ct_identity(), &keyring.ct, id.to_vec())?);
    }
    if on.ca {
        root.certificate_authorities
            .push(authority(endpoints.base(), keyring.ca_chain()));
    }
    if on.tsa {
        root.timestamp_authorities
            .push(authority(endpoints.tsa(), keyring.tsa_chain()));
    }
    Ok(root)
}

fn signing_config(keyring: &Keyring, endpoints: &Endpoints, on: Services) -> SigningConfig {
    let service = |is_on: bool, url: String, major_api_version| {
        let service = Service {
            url,
            major_api_version,
            valid_for: since_made(keyring),
            operator: OPERATOR.to_owned(),
        };
        is_on.then_some(service).into_iter().collect()
    };
    SigningConfig {
        ca_urls: service(on.ca, endpoints.base(), 1),
        oidc_urls: service(on.oidc, endpoints.issuer(), 1),
        rekor_tlog_urls: service(on.log, endpoints.base(), 2),
        rekor_tlog_config: Selector::Any,
        tsa_urls: service(on.tsa, endpoints.tsa(), 1),
        tsa_config: Selector::Any,
        unknown_fields: Vec::new(),
    }
}

fn since_made(keyring: &Keyring) -> Validity {
    Validity {
        start: keyring.created,
        end: None,
    }
}
