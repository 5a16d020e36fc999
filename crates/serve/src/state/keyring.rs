//! The keys of an instance: made once, added to by rotation, unsealed when they are asked for.
//!
//! | in `keys/` | what it is |
//! |---|---|
//! | `keys.json` | which keys there are, and since when: [`Manifest`] |
//! | `seal.json` | the data key, sealed: [`Seal`] |
//! | `NAME.key` | a sealed private key; those of the two roots and of TUF's root may be taken away |
//! | `NAME.pem` | its certificate, or where none is needed its public key |

use std::fmt;
use std::path::{Path, PathBuf};

use signhere_pki::build::{BuildError, CertificateAuthority, Subject};
use signhere_pki::cert::Certificate;
use signhere_pki::chain::Chain;
use signhere_pki::key::{KeyKind, PrivateKey, PublicKey};
use signhere_pki::random::Random;
use signhere_pki::time::{Time, Validity};

use super::files::{self, PUBLIC, write_durably};
use super::manifest::{Manifest, Role, Shard};
use super::seal::{Seal, Unlock};
use crate::error::ServeError;

/// Signs the CA's intermediates.
pub(crate) const CA_ROOT: &str = "ca-root";
/// Signs the timestamp authority's certificates.
pub(crate) const TSA_ROOT: &str = "tsa-root";
/// Signs the development issuer's tokens.
pub(crate) const OIDC: &str = "oidc";
/// Signs TUF's root role.
pub(crate) const TUF_ROOT: &str = "tuf-root";
/// Signs TUF's targets role.
pub(crate) const TUF_TARGETS: &str = "tuf-targets";
/// Signs TUF's snapshot and timestamp roles.
pub(crate) const TUF_TIMESTAMP: &str = "tuf-timestamp";
/// Signs cosignatures for other logs.
pub(crate) const WITNESS: &str = "witness";

/// The keys without certificates that every instance has from the start.
const PLAIN: [(&str, KeyKind); 5] = [
    // The one algorithm that OpenID Connect asks of everyone, and the one that cosign knows a token by.
    (OIDC, KeyKind::Rsa2048),
    (TUF_ROOT, KeyKind::P256),
    (TUF_TARGETS, KeyKind::P256),
    (TUF_TIMESTAMP, KeyKind::P256),
    (WITNESS, KeyKind::Ed25519),
];

/// Bytes of a certificate or public key file.
const FILE_LIMIT: u64 = 64 * 1024;

const YEAR: i64 = 365 * 24 * 3600;
const ROOT_LIFE: i64 = 10 * YEAR;
const INTERMEDIATE_LIFE: i64 = 3 * YEAR;
const TSA_LIFE: i64 = 5 * YEAR;

/// The keys of an instance, and what others verify their signatures with.
pub(crate) struct Keyring {
    dir: PathBuf,
    manifest: Manifest,
    seal: Seal,
}

/// What is decided when the keys are made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Founding<'a> {
    /// organizationName in certificates.
    pub(crate) organization: &'a str,
    /// The public host name under which logs are named, if there is one.
    pub(crate) host: Option<&'a str>,
}

impl Keyring {
    /// Fills the empty folder `dir` with the keys and certificates of a new instance, valid from `now`.
    pub(crate) fn create(
        dir: &Path,
        founding: Founding<'_>,
        unlock: &Unlock,
        now: Time,
        random: &dyn Random,
    ) -> Result<Self, ServeError> {
        let manifest = Manifest::new(founding.organization, founding.host, now, random)?;
        let keyring = Self {
            dir: dir.to_path_buf(),
            manifest,
            seal: Seal::create(dir, unlock)?,
        };
        for name in [CA_ROOT, TSA_ROOT] {
            keyring.make_root(name, now, random)?;
        }
        for (name, kind) in PLAIN {
            keyring.make_plain(name, kind)?;
        }
        for role in Role::ALL {
            for shard in keyring.manifest.shards(role) {
                keyring.make_shard(role, shard, now, random)?;
            }
        }
        keyring.manifest.save(dir)?;
        Ok(keyring)
    }

    /// The keys in the folder `dir`.
    ///
    /// # Errors
    /// [`ServeError`]: the folder is not whole, or `unlock` does not open it.
    pub(crate) fn open(dir: &Path, unlock: &Unlock) -> Result<Self, ServeError> {
        files::refuse_exposed(dir)?;
        Ok(Self {
            dir: dir.to_path_buf(),
            manifest: Manifest::load(dir)?,
            seal: Seal::open(dir, unlock)?,
        })
    }

    /// Which keys there are, and since when.
    pub(crate) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The private key `name`, unsealed; it belongs to what is written in public beside it.
    ///
    /// # Errors
    /// [`ServeError::KeyAbsent`] when it was taken away, [`ServeError::Damaged`] and
    /// [`ServeError::KeyMismatch`] when it is not the one that was made.
    pub(crate) fn key(&self, name: &str) -> Result<PrivateKey, ServeError> {
        let path = self.key_path(name);
        let key = self.seal.read_key(&path)?;
        if *key.public_key() != self.public_key(name)? {
            return Err(ServeError::KeyMismatch {
                key: path,
                certificate: self.public_path(name),
            });
        }
        Ok(key)
    }

    /// The public half of the key `name`; needs no private key.
    pub(crate) fn public_key(&self, name: &str) -> Result<PublicKey, ServeError> {
        if has_certificate(name) {
            let certificate = self.certificate(name)?;
            return certificate.public_key().map_err(|_| ServeError::Damaged {
                path: self.public_path(name),
                expected: CERTIFICATE,
            });
        }
        let read = |pem: &str| PublicKey::from_pem(pem).ok();
        self.read_public(name, "a public key in PEM", read)
    }

    /// Whether the private key `name` is in the folder `dir`, which need not be unlocked for that.
    pub(crate) fn holds(dir: &Path, name: &str) -> bool {
        dir.join(format!("{name}.key")).exists()
    }

    /// The public half of the key `name`, which has no certificate, in the folder of keys `dir`; without opening anything.
    ///
    /// # Errors
    /// [`ServeError::Damaged`] when there is none.
    pub(crate) fn public_half(dir: &Path, name: &str) -> Result<PublicKey, ServeError> {
        let path = dir.join(format!("{name}.pem"));
        let pem = files::read_bounded(&path, FILE_LIMIT)?;
        let read = pem.and_then(|pem| PublicKey::from_pem(std::str::from_utf8(&pem).ok()?).ok());
        read.ok_or(ServeError::Damaged {
            path,
            expected: "a public key in PEM",
        })
    }

    /// Whether the private key `name` is in the folder.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.key_path(name).exists()
    }

    /// Seals a key without a certificate under `name`, in place of one that is there.
    ///
    /// After a crash in between the new key is there with the old public half, which [`Keyring::key`] refuses;
    /// putting it again mends that.
    pub(crate) fn put(&self, name: &str, key: &PrivateKey) -> Result<(), ServeError> {
        self.seal.write_key(&self.key_path(name), key)?;
        self.write_public(name, &key.public_key().to_pem())
    }

    /// Removes the private key `name`, durably; its public half stays. It may be absent.
    pub(crate) fn remove(&self, name: &str) -> Result<(), ServeError> {
        files::remove_if_there(&self.key_path(name))?;
        files::sync_dir(&self.dir)
    }

    /// The certificate of the key `name`: a root, a CA's intermediate or a timestamp authority.
    pub(crate) fn certificate(&self, name: &str) -> Result<Certificate, ServeError> {
        let read = |pem: &str| Certificate::from_pem(pem).ok();
        self.read_public(name, CERTIFICATE, read)
    }

    /// The certificate of the shard `name` of the CA or the timestamp authority, and the root above it.
    pub(crate) fn chain(&self, name: &str) -> Result<Vec<Certificate>, ServeError> {
        let root = match name.starts_with("tsa-") {
            true => TSA_ROOT,
            false => CA_ROOT,
        };
        let chain = vec![self.certificate(name)?, self.certificate(root)?];
        Chain::new(&chain).map_err(|_| ServeError::Damaged {
            path: self.public_path(name),
            expected: "a certificate of the root beside it",
        })?;
        Ok(chain)
    }

    /// A new key for `role`, which begins to sign at `start`; the one before it ends
    /// [`super::manifest::OVERLAP`] later. After a crash it is there whole or not at all.
    ///
    /// # Errors
    /// [`ServeError::KeyAbsent`] when the root that certifies it was taken away,
    /// [`ServeError::ShardTooEarly`] when `start` is not after the start of the latest.
    pub(crate) fn add(
        &mut self,
        role: Role,
        start: Time,
        now: Time,
        random: &dyn Random,
    ) -> Result<Shard, ServeError> {
        let mut manifest = self.manifest.clone();
        let shard = manifest.append(role, start)?;
        self.make_shard(role, &shard, now, random)?;
        manifest.save(&self.dir)?;
        self.manifest = manifest;
        Ok(shard)
    }

    /// Remembers durably that `roles` have been switched on.
    pub(crate) fn note_served(&mut self, roles: &[Role]) -> Result<(), ServeError> {
        let mut manifest = self.manifest.clone();
        manifest.note_served(roles);
        if manifest != self.manifest {
            manifest.save(&self.dir)?;
            self.manifest = manifest;
        }
        Ok(())
    }

    fn make_shard(
        &self,
        role: Role,
        shard: &Shard,
        now: Time,
        random: &dyn Random,
    ) -> Result<(), ServeError> {
        let name = &*shard.name;
        if !has_certificate(name) {
            return self.make_plain(name, role.key_kind());
        }
        let (root, life) = match role {
            Role::Tsa => (TSA_ROOT, TSA_LIFE),
            _ => (CA_ROOT, INTERMEDIATE_LIFE),
        };
        let certificate = self.certificate(root)?;
        // Nothing outlives its root.
        let end = shard.start.plus_seconds(life).min(certificate.not_after());
        let validity = Validity {
            start: now,
            end: Some(end),
        };
        let root = CertificateAuthority::new(certificate, Box::new(self.key(root)?))
            .map_err(|e| cannot_certify(&e))?;

        let key = self.make_key(name, role.key_kind())?;
        let subject = self.subject(name);
        let made = match role {
            Role::Tsa => root.issue_tsa(subject, key.public_key(), validity, random),
            _ => root
                .create_intermediate(subject, Box::new(key), validity, random)
                .map(|ca| ca.certificate().clone()),
        };
        let certificate = made.map_err(|e| cannot_certify(&e))?;
        self.write_public(name, &certificate.to_pem())
    }

    fn make_root(&self, name: &str, now: Time, random: &dyn Random) -> Result<(), ServeError> {
        let key = self.make_key(name, KeyKind::P384)?;
        let validity = Validity {
            start: now,
            end: Some(now.plus_seconds(ROOT_LIFE)),
        };
        let root =
            CertificateAuthority::create_root(self.subject(name), Box::new(key), validity, random);
        let root = root.map_err(|e| cannot_certify(&e))?;
        self.write_public(name, &root.certificate().to_pem())
    }

    fn make_plain(&self, name: &str, kind: KeyKind) -> Result<(), ServeError> {
        let key = PrivateKey::generate(kind).map_err(|e| ServeError::make("a key", &e))?;
        self.put(name, &key)
    }

    fn make_key(&self, name: &str, kind: KeyKind) -> Result<PrivateKey, ServeError> {
        let key = PrivateKey::generate(kind).map_err(|e| ServeError::make("a key", &e))?;
        self.seal.write_key(&self.key_path(name), &key)?;
        Ok(key)
    }

    fn read_public<T>(
        &self,
        name: &str,
        expected: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, ServeError> {
        let path = self.public_path(name);
        let pem = files::read_bounded(&path, FILE_LIMIT)?;
        let read = pem.and_then(|pem| read(std::str::from_utf8(&pem).ok()?));
        read.ok_or(ServeError::Damaged { path, expected })
    }

    fn write_public(&self, name: &str, pem: &str) -> Result<(), ServeError> {
        write_durably(&self.public_path(name), pem.as_bytes(), PUBLIC)
    }

    fn key_path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.key"))
    }

    fn public_path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.pem"))
    }

    fn subject<'a>(&'a self, name: &'a str) -> Subject<'a> {
        Subject {
            organization: &self.manifest.organization,
            common_name: name,
        }
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("dir", &self.dir)
            .field("manifest", &self.manifest)
            .finish_non_exhaustive()
    }
}

const CERTIFICATE: &str = "a certificate in PEM";

/// The CA's and the timestamp authority's keys have certificates.
fn has_certificate(name: &str) -> bool {
    name.starts_with("ca-") || name.starts_with("tsa-")
}

fn cannot_certify(error: &BuildError) -> ServeError {
    ServeError::make("a certificate", error)
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
