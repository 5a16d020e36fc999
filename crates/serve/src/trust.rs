//! What clients are told of an instance: whom to trust and where to sign.

use signhere_pki::key::{KeyDetails, KeyKind, PublicKey};
use signhere_pki::time::{Time, Validity};
use signhere_verify::trust::{
    CertificateAuthority, ClientTrustConfig, Selector, Service, SigningConfig, TransparencyLog,
    TrustedRoot,
};
use url::Url;

use crate::config::{ExternalAuthority, ExternalLog, InstanceConfig};
use crate::endpoints::Endpoints;
use crate::error::ServeError;
use crate::log::log_id;
use crate::state::keyring::Keyring;
use crate::state::manifest::{Role, Shard};

/// The operator that clients count services by.
const OPERATOR: &str = "signhere";

/// The trusted root and the signing config: every key that the instance's own services have had or will have, each
/// with its span, and the services of others that take their place. Nobody signs with a service that is off, but what
/// it signed while it was on still verifies.
pub(crate) fn client_trust_config(
    keyring: &Keyring,
    endpoints: &Endpoints,
    config: &InstanceConfig,
) -> Result<ClientTrustConfig, ServeError> {
    Ok(ClientTrustConfig {
        trusted_root: trusted_root(keyring, endpoints, config)?,
        signing_config: signing_config(keyring, endpoints, config),
        unknown_fields: Vec::new(),
    })
}

fn trusted_root(
    keyring: &Keyring,
    endpoints: &Endpoints,
    config: &InstanceConfig,
) -> Result<TrustedRoot, ServeError> {
    let own_log = |shard: &Shard, key: PublicKey, log_id: Vec<u8>| {
        let base_url = Endpoints::log_identity(&shard.origin);
        log(base_url, OPERATOR, key, log_id, validity(shard))
    };
    let own_authority = |uri, shard: &Shard| {
        Ok::<_, ServeError>(CertificateAuthority {
            uri,
            chain: keyring.chain(&shard.name)?,
            validity: validity(shard),
            operator: OPERATOR.to_owned(),
        })
    };
    // What a service has signed stays to be verified when it is switched off.
    let manifest = keyring.manifest();
    let shards = |is_on: bool, role| match is_on || manifest.has_served(role) {
        true => manifest.shards(role),
        false => &[],
    };

    let (on, external) = (config.services, &config.external);
    let mut root = TrustedRoot::default();
    for shard in shards(on.log, Role::Log) {
        let key = keyring.public_key(&shard.name)?;
        let id = log_id(&shard.origin, &key)?;
        root.tlogs.push(own_log(shard, key, id.to_vec())?);
    }
    if let Some(other) = &external.log {
        // Ed25519 logs of the second API have the ids of C2SP's notes, all others the hash of their key.
        let id = match (other.api_version, other.key.kind()) {
            (2.., KeyKind::Ed25519) => log_id(&other.origin, &other.key)?,
            _ => other.key.key_id(),
        };
        root.tlogs.push(others_log(other, id.to_vec())?);
    }
    for shard in shards(on.ct, Role::Ct) {
        let key = keyring.public_key(&shard.name)?;
        let id = key.key_id();
        root.ctlogs.push(own_log(shard, key, id.to_vec())?);
    }
    if let Some(other) = &external.ct {
        let id = other.key.key_id();
        root.ctlogs.push(others_log(other, id.to_vec())?);
    }
    for shard in shards(on.ca, Role::Ca) {
        let ca = own_authority(endpoints.base(), shard)?;
        root.certificate_authorities.push(ca);
    }
    let others = external.ca.iter().map(others_authority);
    root.certificate_authorities.extend(others);
    for shard in shards(on.tsa, Role::Tsa) {
        let tsa = own_authority(endpoints.tsa(), shard)?;
        root.timestamp_authorities.push(tsa);
    }
    let others = external.tsa.iter().map(others_authority);
    root.timestamp_authorities.extend(others);
    Ok(root)
}

fn log(
    base_url: String,
    operator: &str,
    key: PublicKey,
    log_id: Vec<u8>,
    validity: Validity,
) -> Result<TransparencyLog, ServeError> {
    let details = KeyDetails::of(key.default_scheme(), key.kind());
    let details = details
        .ok_or_else(|| ServeError::make("the trusted root", &"a log's key has no name there"))?;
    Ok(TransparencyLog {
        base_url,
        key,
        details,
        validity,
        log_id,
        checkpoint_key_id: None,
        operator: operator.to_owned(),
    })
}

/// A log of somebody else. Clients take its name in checkpoints from the URL, so that where the name is another than
/// the host, the name it is.
fn others_log(other: &ExternalLog, log_id: Vec<u8>) -> Result<TransparencyLog, ServeError> {
    let base_url = match url_name(&other.url) == other.origin {
        true => base_of(&other.url),
        false => format!("{}://{}", other.url.scheme(), other.origin),
    };
    let operator = operator_of(&other.url);
    log(
        base_url,
        &operator,
        other.key.clone(),
        log_id,
        since(other.start),
    )
}

fn others_authority(other: &ExternalAuthority) -> CertificateAuthority {
    CertificateAuthority {
        uri: base_of(&other.url),
        chain: other.chain.clone(),
        validity: since(other.start),
        operator: operator_of(&other.url),
    }
}

fn signing_config(
    keyring: &Keyring,
    endpoints: &Endpoints,
    config: &InstanceConfig,
) -> SigningConfig {
    let (on, external) = (config.services, &config.external);
    let own = |is_on: bool, url: String, major_api_version| {
        is_on.then(|| Service {
            url,
            major_api_version,
            valid_for: since(keyring.manifest().created),
            operator: OPERATOR.to_owned(),
        })
    };
    let others = |url: &Url, start, major_api_version| Service {
        url: base_of(url),
        major_api_version,
        valid_for: since(start),
        operator: operator_of(url),
    };
    let authority = |other: &Option<ExternalAuthority>| {
        let other = other.as_ref();
        other.map(|other| others(&other.url, other.start, 1))
    };
    let external_log = external.log.as_ref();
    let external_log = external_log.map(|other| others(&other.url, other.start, other.api_version));
    let login = config.issuers.login.as_ref();
    let login = login.map(|url| others(url, keyring.manifest().created, 1));
    let list =
        |own: Option<Service>, other: Option<Service>| own.into_iter().chain(other).collect();
    SigningConfig {
        ca_urls: list(own(on.ca, endpoints.base(), 1), authority(&external.ca)),
        oidc_urls: list(
            own(on.oidc && login.is_none(), endpoints.issuer(), 1),
            login,
        ),
        rekor_tlog_urls: list(own(on.log, endpoints.base(), 2), external_log),
        rekor_tlog_config: Selector::Any,
        tsa_urls: list(own(on.tsa, endpoints.tsa(), 1), authority(&external.tsa)),
        tsa_config: Selector::Any,
        unknown_fields: Vec::new(),
    }
}

/// Who runs a service of somebody else, as far as one can say: its host.
fn operator_of(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

/// A URL as clients put paths behind it.
fn base_of(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// The name that clients take from a log's URL.
fn url_name(url: &Url) -> String {
    let base = base_of(url);
    match base.split_once("://") {
        Some((_, name)) => name.to_owned(),
        None => base,
    }
}

fn since(start: Time) -> Validity {
    Validity { start, end: None }
}

fn validity(shard: &Shard) -> Validity {
    Validity {
        start: shard.start,
        end: shard.end,
    }
}

#[cfg(test)]
mod tests;
