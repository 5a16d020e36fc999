//! Finds the corpus and takes the binary parts out of its JSON.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use signhere_pki::{cert::Certificate, chain::Chain, key::PublicKey, time::Time};

/// Where the corpus is, `None` (and a line that says so) when it is not there.
#[expect(
    clippy::disallowed_methods,
    reason = "a test may be told where the corpus is"
)]
pub(crate) fn corpus() -> Option<PathBuf> {
    let root = std::env::var_os("SIGNHERE_CORPUS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"),
        PathBuf::from,
    );
    if root.is_dir() {
        return Some(root);
    }
    println!("skipped: no corpus at {}", root.display());
    None
}

/// A bundle of the corpus: the folder's name and the JSON. Folders with broken JSON are left out.
pub(crate) fn bundles(corpus: &Path) -> Vec<(String, Value)> {
    let mut bundles: Vec<_> = fs::read_dir(corpus.join("bundles"))
        .unwrap()
        .filter_map(|entry| {
            let folder = entry.unwrap().path();
            let bundle = json(&folder.join("bundle.sigstore.json"))?;
            Some((folder.file_name()?.to_string_lossy().into_owned(), bundle))
        })
        .collect();
    bundles.sort_by(|a, b| a.0.cmp(&b.0));
    bundles
}

pub(crate) fn json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

pub(crate) fn decode(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

/// The leaf in a bundle's verification material.
pub(crate) fn leaf(bundle: &Value) -> Option<Certificate> {
    let material = &bundle["verificationMaterial"];
    let raw = [
        &material["certificate"]["rawBytes"],
        &material["x509CertificateChain"]["certificates"][0]["rawBytes"],
    ];
    let raw = raw.into_iter().find(|raw| raw.is_string())?;
    Some(Certificate::from_der(&decode(raw)).unwrap())
}

/// The trusted root that a case of the corpus is decided with.
pub(crate) fn trusted_root(corpus: &Path, case: &str) -> Value {
    json(&corpus.join("bundles").join(case).join("trusted_root.json"))
        .unwrap_or_else(|| json(&corpus.join("trust/public-good.trusted_root.json")).unwrap())
}

/// The chains under `key` (`certificateAuthorities`, `timestampAuthorities`) of a trusted root.
pub(crate) fn chains(root: &Value, key: &str) -> Vec<Chain> {
    certificate_lists(root, key)
        .iter()
        .map(|certificates| Chain::new(certificates).unwrap())
        .collect()
}

pub(crate) fn certificate_lists(root: &Value, key: &str) -> Vec<Vec<Certificate>> {
    let authorities = root[key].as_array().cloned().unwrap_or_default();
    authorities
        .iter()
        .map(|authority| {
            let list = authority["certChain"]["certificates"].as_array().unwrap();
            list.iter()
                .map(|certificate| {
                    Certificate::from_der(&decode(&certificate["rawBytes"])).unwrap()
                })
                .collect()
        })
        .collect()
}

pub(crate) fn ct_logs(root: &Value) -> Vec<PublicKey> {
    let logs = root["ctlogs"].as_array().unwrap();
    logs.iter()
        .map(|log| {
            let key = decode(&log["publicKey"]["rawBytes"]);
            // One of staging's logs lists its key as PKCS1_RSA_PKCS1V5.
            match log["publicKey"]["keyDetails"].as_str() {
                Some(details) if details.starts_with("PKCS1_") => {
                    PublicKey::from_pkcs1_der(&key).unwrap()
                }
                _ => PublicKey::from_spki_der(&key).unwrap(),
            }
        })
        .collect()
}

/// A second in the middle of a certificate's validity.
pub(crate) fn middle(certificate: &Certificate) -> Time {
    let half = (certificate.not_after().unix() - certificate.not_before().unix()) / 2;
    certificate.not_before().plus_seconds(half)
}
