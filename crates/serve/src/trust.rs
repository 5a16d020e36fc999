//! What clients are told of an instance: whom to trust and where to sign.

use signhere_pki::key::{KeyDetails, PublicKey};
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
use crate::state::manifest::{Role, Shard};

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
    let log = |shard: &Shard, key: PublicKey, log_id: Vec<u8>| {
        let details = KeyDetails::of(key.default_scheme(), key.kind()).ok_or_else(|| {
            ServeError::make("the trusted root", &"a log's key has no name there")
        })?;
        Ok(TransparencyLog {
            base_url: Endpoints::log_identity(&shard.origin),
            key,
            details,
            validity: validity(shard),
            log_id,
            checkpoint_key_id: None,
            operator: OPERATOR.to_owned(),
        })
    };
    let authority = |uri, shard: &Shard| {
        Ok::<_, ServeError>(CertificateAuthority {
            uri,
            chain: keyring.chain(&shard.name)?,
            validity: validity(shard),
            operator: OPERATOR.to_owned(),
        })
    };
    let shards = |is_on: bool, role| match is_on {
        true => keyring.manifest().shards(role),
        false => &[],
    };

    let mut root = TrustedRoot::default();
    for shard in shards(on.log, Role::Log) {
        let key = keyring.public_key(&shard.name)?;
        let id = log_id(&shard.origin, &key)?;
        root.tlogs.push(log(shard, key, id.to_vec())?);
    }
    for shard in shards(on.ct, Role::Ct) {
        let key = keyring.public_key(&shard.name)?;
        let id = key.key_id();
        root.ctlogs.push(log(shard, key, id.to_vec())?);
    }
    for shard in shards(on.ca, Role::Ca) {
        let ca = authority(endpoints.base(), shard)?;
        root.certificate_authorities.push(ca);
    }
    for shard in shards(on.tsa, Role::Tsa) {
        let tsa = authority(endpoints.tsa(), shard)?;
        root.timestamp_authorities.push(tsa);
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
        start: keyring.manifest().created,
        end: None,
    }
}

fn validity(shard: &Shard) -> Validity {
    Validity {
        start: shard.start,
        end: shard.end,
    }
}
