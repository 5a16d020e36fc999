//! What is written is what the protocol buffers' own JSON reader reads, and what their writer
//! writes is read: against the published definitions.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod forge;

use serde::Serialize;
use serde::de::DeserializeOwned;
use signhere_pki::digest::HashAlgorithm;
use signhere_pki::key::{KeyDetails, KeyKind, Signer as _};
use signhere_testkit::forge::{self as made, ARTIFACT, Forge, Kind};
use signhere_verify::bundle::{Bundle, TlogEntry};
use signhere_verify::entry::LoggedKey;
use signhere_verify::entry::hashedrekord_v002::HashedRekord;
use signhere_verify::trust::{
    ClientTrustConfig, PUBLIC_GOOD, PUBLIC_GOOD_SIGNING_CONFIG, STAGING, STAGING_SIGNING_CONFIG,
    SigningConfig, TrustedRoot,
};
use sigstore_protobuf_specs::dev::sigstore::{bundle, rekor, trustroot};

use forge::{STATEMENT, V2, V2_KEY, V2_STATEMENT};

#[test]
fn bundles() {
    let forge = Forge::new();
    for kind in [V2, V2_KEY, V2_STATEMENT, Kind::PLAIN, STATEMENT] {
        let bundle = Bundle::parse(&forge.bundle(kind).to_bytes()).unwrap();
        let json = bundle.to_json();
        let theirs = rewritten::<bundle::v1::Bundle>(&json);
        assert_eq!(Bundle::parse(&theirs).unwrap().to_json(), json);
        for entry in &bundle.material.tlog_entries {
            let theirs = rewritten::<rekor::v1::TransparencyLogEntry>(&entry.to_json());
            assert_eq!(&TlogEntry::from_json(&theirs).unwrap(), entry);
        }
    }
}

#[test]
fn trust_material() {
    for json in [PUBLIC_GOOD, STAGING] {
        let ours = TrustedRoot::parse(json.as_bytes()).unwrap().to_json();
        let theirs = rewritten::<trustroot::v1::TrustedRoot>(&ours);
        assert_eq!(TrustedRoot::parse(&theirs).unwrap().to_json(), ours);
    }
    for json in [PUBLIC_GOOD_SIGNING_CONFIG, STAGING_SIGNING_CONFIG] {
        let ours = SigningConfig::parse(json.as_bytes()).unwrap();
        let theirs = rewritten::<trustroot::v1::SigningConfig>(&ours.to_json());
        assert_eq!(SigningConfig::parse(&theirs).unwrap(), ours);
    }
    let config = ClientTrustConfig {
        trusted_root: TrustedRoot::parse(PUBLIC_GOOD.as_bytes()).unwrap(),
        signing_config: SigningConfig::parse(PUBLIC_GOOD_SIGNING_CONFIG.as_bytes()).unwrap(),
        unknown_fields: Vec::new(),
    };
    let theirs = rewritten::<trustroot::v1::ClientTrustConfig>(&config.to_json());
    let read = ClientTrustConfig::parse(&theirs).unwrap();
    assert_eq!(read.to_json(), config.to_json());
}

#[test]
fn log_requests_and_entries() {
    let forge = Forge::new();
    let keyless = Bundle::parse(&forge.bundle(V2).to_bytes()).unwrap();
    let certificate = keyless.certificate().unwrap().der().to_vec();
    for kind in [KeyKind::P256, KeyKind::Rsa2048] {
        let key = made::fresh(kind);
        let logged = match kind {
            KeyKind::P256 => LoggedKey::Certificate(certificate.clone()),
            _ => LoggedKey::PublicKey(key.public_key().clone()),
        };
        let rekord = HashedRekord {
            digest: HashAlgorithm::Sha256.digest(ARTIFACT),
            signature: key.sign(ARTIFACT).unwrap(),
            key: logged,
            details: KeyDetails::of(key.scheme(), kind).unwrap(),
        };
        let theirs = rewritten::<rekor::v2::CreateEntryRequest>(&rekord.to_request());
        assert_eq!(HashedRekord::parse_request(&theirs), Ok(rekord.clone()));
        // The log's own body is the canonical form of the definition's message.
        let theirs = rewritten::<rekor::v2::Entry>(&rekord.canonical_body());
        let value: serde_json::Value = serde_json::from_slice(&theirs).unwrap();
        let canonical = serde_json_canonicalizer::to_vec(&value).unwrap();
        assert_eq!(canonical, rekord.canonical_body());
    }
}

fn rewritten<T: DeserializeOwned + Serialize>(json: &[u8]) -> Vec<u8> {
    let message: T = serde_json::from_slice(json).unwrap();
    serde_json::to_vec(&message).unwrap()
}
