//! The keys and certificates of an instance: made once, then read at every start.

use std::path::Path;

use serde::{Deserialize, Serialize};
use signhere_pki::build::{BuildError, CertificateAuthority, Subject};
use signhere_pki::cert::Certificate;
use signhere_pki::chain::Chain;
use signhere_pki::key::{KeyError, KeyKind, PrivateKey};
use signhere_pki::random::Random;
use signhere_pki::time::{Time, Validity};
use zeroize::Zeroizing;

use super::files::{self, PUBLIC, SECRET, write_durably};
use crate::error::ServeError;

const DESCRIPTION: &str = "instance.json";
const VERSION: u64 = 1;
const ORGANIZATION: &str = "signhere";
/// Bytes of any file here.
const FILE_LIMIT: u64 = 64 * 1024;

const YEAR: i64 = 365 * 24 * 3600;
const ROOT_LIFE: i64 = 10 * YEAR;
const INTERMEDIATE_LIFE: i64 = 3 * YEAR;
const TSA_LIFE: i64 = 5 * YEAR;

/// What an instance signs with, and what others verify that with.
///
/// The keys of the two roots are not here: they are needed when the folder is made and never after.
pub(crate) struct Keyring {
    /// The instance's name in the origins of its logs.
    pub(crate) id: String,
    /// When the instance was made.
    pub(crate) created: Time,
    /// Signs certificates.
    pub(crate) ca: Certified,
    /// The root above `ca`.
    pub(crate) ca_root: Certificate,
    /// Signs the CT log's checkpoints and timestamps.
    pub(crate) ct: PrivateKey,
    /// Signs the signature log's checkpoints.
    pub(crate) log: PrivateKey,
    /// Signs timestamps.
    pub(crate) tsa: Certified,
    /// The root above `tsa`.
    pub(crate) tsa_root: Certificate,
    /// Signs identity tokens.
    pub(crate) oidc: PrivateKey,
}

/// A key and its certificate.
pub(crate) struct Certified {
    pub(crate) key: PrivateKey,
    pub(crate) certificate: Certificate,
}

#[derive(Serialize, Deserialize)]
struct Description {
    version: u64,
    id: String,
    created: Time,
}

/// Fills the empty folder `dir` with new keys and certificates, valid from `now`.
pub(crate) fn make(dir: &Path, now: Time, random: &dyn Random) -> Result<(), ServeError> {
    let ca_root = make_root(dir, "ca-root", KeyKind::P384, now, random)?;
    let ca_key = make_key(dir, "ca-intermediate", KeyKind::P384)?;
    let made = ca_root.create_intermediate(
        subject("ca-intermediate"),
        Box::new(ca_key),
        valid(now, INTERMEDIATE_LIFE),
        random,
    );
    write_certificate(
        dir,
        "ca-intermediate",
        made.map_err(|e| cannot_certify(&e))?.certificate(),
    )?;

    let tsa_root = make_root(dir, "tsa-root", KeyKind::P384, now, random)?;
    let tsa_key = make_key(dir, "tsa", KeyKind::P256)?;
    let made = tsa_root.issue_tsa(
        subject("tsa"),
        tsa_key.public_key(),
        valid(now, TSA_LIFE),
        random,
    );
    write_certificate(dir, "tsa", &made.map_err(|e| cannot_certify(&e))?)?;

    make_key(dir, "ct", KeyKind::P256)?;
    make_key(dir, "log", KeyKind::Ed25519)?;
    make_key(dir, "oidc", KeyKind::P256)?;

    let mut id = [0; 8];
    random
        .fill(&mut id)
        .map_err(|e| ServeError::make("a name for the instance", &e))?;
    let description = Description {
        version: VERSION,
        id: hex::encode(id),
        created: now,
    };
    let json = serde_json::to_vec_pretty(&description)
        .map_err(|e| ServeError::make("the description", &e))?;
    write_durably(&dir.join(DESCRIPTION), &json, PUBLIC)
}

impl Keyring {
    /// Reads the folder that [`make`] has filled, and checks that what belongs together does.
    pub(crate) fn load(dir: &Path) -> Result<Self, ServeError> {
        let Description { id, created, .. } = Description::load(dir)?;
        let ca_root = read_certificate(dir, "ca-root")?;
        let ca = Certified::load(dir, "ca-intermediate", &ca_root)?;
        let tsa_root = read_certificate(dir, "tsa-root")?;
        let tsa = Certified::load(dir, "tsa", &tsa_root)?;
        let ct = read_key(dir, "ct")?;
        let log = read_key(dir, "log")?;
        let oidc = read_key(dir, "oidc")?;
        Ok(Self {
            id,
            created,
            ca,
            ca_root,
            ct,
            log,
            tsa,
            tsa_root,
            oidc,
        })
    }

    /// The CA's chain as trusted roots and answers have it: who signs first, the root last.
    pub(crate) fn ca_chain(&self) -> Vec<Certificate> {
        vec![self.ca.certificate.clone(), self.ca_root.clone()]
    }

    /// The timestamp authority's chain, its own certificate first.
    pub(crate) fn tsa_chain(&self) -> Vec<Certificate> {
        vec![self.tsa.certificate.clone(), self.tsa_root.clone()]
    }
}

impl Certified {
    fn load(dir: &Path, name: &str, root: &Certificate) -> Result<Self, ServeError> {
        let key = read_key(dir, name)?;
        let certificate = read_certificate(dir, name)?;
        let path = dir.join(certificate_file(name));
        if certificate.public_key().ok().as_ref() != Some(key.public_key()) {
            return Err(ServeError::KeyMismatch {
                key: dir.join(key_file(name)),
                certificate: path,
            });
        }
        let chain = Chain::new(&[certificate.clone(), root.clone()]);
        chain.map_err(|_| ServeError::Damaged {
            path,
            expected: "a certificate of the root beside it",
        })?;
        Ok(Self { key, certificate })
    }
}

impl Description {
    fn load(dir: &Path) -> Result<Self, ServeError> {
        let path = dir.join(DESCRIPTION);
        let json = files::read_bounded(&path, FILE_LIMIT)?;
        let damaged = || ServeError::Damaged {
            path: path.clone(),
            expected: "an instance's description",
        };
        let description: Self = json
            .and_then(|json| serde_json::from_slice(&json).ok())
            .ok_or_else(damaged)?;
        if description.version != VERSION {
            return Err(ServeError::StateVersion {
                path,
                found: description.version,
                expected: VERSION,
            });
        }
        let is_name =
            description.id.len() == 16 && description.id.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_name {
            return Err(damaged());
        }
        Ok(description)
    }
}

fn make_root(
    dir: &Path,
    name: &str,
    kind: KeyKind,
    now: Time,
    random: &dyn Random,
) -> Result<CertificateAuthority, ServeError> {
    let key = make_key(dir, name, kind)?;
    let made = CertificateAuthority::create_root(
        subject(name),
        Box::new(key),
        valid(now, ROOT_LIFE),
        random,
    );
    let root = made.map_err(|e| cannot_certify(&e))?;
    write_certificate(dir, name, root.certificate())?;
    Ok(root)
}

fn make_key(dir: &Path, name: &str, kind: KeyKind) -> Result<PrivateKey, ServeError> {
    let fail = |e: KeyError| ServeError::make("a key", &e);
    let key = PrivateKey::generate(kind).map_err(fail)?;
    let pem: Zeroizing<String> = key.to_pkcs8_pem().map_err(fail)?;
    write_durably(&dir.join(key_file(name)), pem.as_bytes(), SECRET)?;
    Ok(key)
}

fn read_key(dir: &Path, name: &str) -> Result<PrivateKey, ServeError> {
    let path = dir.join(key_file(name));
    let damaged = || ServeError::Damaged {
        path: path.clone(),
        expected: "a private key in PEM",
    };
    let pem = files::read_bounded(&path, FILE_LIMIT)?.ok_or_else(damaged)?;
    files::refuse_exposed(&path)?;
    let pem = std::str::from_utf8(&pem).map_err(|_| damaged())?;
    PrivateKey::from_pem(pem).map_err(|_| damaged())
}

fn write_certificate(dir: &Path, name: &str, certificate: &Certificate) -> Result<(), ServeError> {
    write_durably(
        &dir.join(certificate_file(name)),
        certificate.to_pem().as_bytes(),
        PUBLIC,
    )
}

fn read_certificate(dir: &Path, name: &str) -> Result<Certificate, ServeError> {
    let path = dir.join(certificate_file(name));
    let pem = files::read_bounded(&path, FILE_LIMIT)?;
    let certificate =
        pem.and_then(|pem| Certificate::from_pem(std::str::from_utf8(&pem).ok()?).ok());
    certificate.ok_or(ServeError::Damaged {
        path,
        expected: "a certificate in PEM",
    })
}

fn key_file(name: &str) -> String {
    format!("{name}.key.pem")
}

fn certificate_file(name: &str) -> String {
    format!("{name}.pem")
}

fn subject(name: &str) -> Subject<'_> {
    Subject {
        organization: ORGANIZATION,
        common_name: name,
    }
}

fn valid(from: Time, seconds: i64) -> Validity {
    Validity {
        start: from,
        end: Some(from.plus_seconds(seconds)),
    }
}

fn cannot_certify(error: &BuildError) -> ServeError {
    ServeError::make("a certificate", error)
}

#[cfg(test)]
mod tests;
