//! Private keys at rest.
//!
//! A random data key seals every private key (AES-256-GCM, the key's name as associated data: a sealed key
//! that was moved to another name does not open). The data key lies in `seal.json`, itself sealed under what
//! scrypt (RFC 7914) derives from the secret that the operator holds.

use std::fmt;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use signhere_pki::digest::sha256;
use signhere_pki::key::PrivateKey;
use signhere_pki::pem;
use signhere_pki::random::{Random, SystemRandom};
use zeroize::Zeroizing;

use super::files::{self, PUBLIC, SECRET, write_durably};
use crate::error::ServeError;

/// What opens the private keys of an instance.
#[derive(Clone)]
#[non_exhaustive]
pub enum Unlock {
    /// What a person types, or a supervisor hands over.
    Passphrase(Zeroizing<String>),
    /// A file that the service manager fills for the time that the instance runs, such as
    /// `$CREDENTIALS_DIRECTORY/signhere` (systemd.exec(5)).
    Credential(PathBuf),
    /// A file beside the keys that only their owner can read. Whoever has the folder has the keys: for
    /// instances that are thrown away.
    File,
}

/// The kinds of [`Unlock`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnlockKind {
    /// [`Unlock::Passphrase`]
    Passphrase,
    /// [`Unlock::Credential`]
    Credential,
    /// [`Unlock::File`]
    File,
}

/// The data key, while the instance is open.
pub(crate) struct Seal(Zeroizing<[u8; KEY_LEN]>);

const FILE: &str = "seal.json";
const UNLOCK_FILE: &str = "unlock";
const VERSION: u64 = 1;
const LABEL: &str = "SIGNHERE SEALED KEY";
const CONTEXT: &str = "signhere data key";
const KEY_LEN: usize = 32;
const SALT_LEN: usize = 32;
/// Bytes of any file here.
const FILE_LIMIT: u64 = 64 * 1024;

/// scrypt's logarithm of N, and p; r is 8. What people choose gets 64 MiB and two passes; a file of 256
/// random bits needs no stretching.
const STRONG: (u8, u32) = (16, 2);
const QUICK: (u8, u32) = (10, 1);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SealFile {
    version: u64,
    unlock: UnlockKind,
    /// scrypt's salt, in base64.
    salt: String,
    /// The sealed data key, in base64.
    data_key: String,
    /// SHA-256 over the fields before, in hex: tells a damaged file from a wrong secret.
    checksum: String,
}

impl Seal {
    /// A new seal in the folder `dir`, which `unlock` opens.
    pub(crate) fn create(dir: &Path, unlock: &Unlock) -> Result<Self, ServeError> {
        if matches!(unlock, Unlock::File) {
            let secret = Zeroizing::new(hex::encode(*random::<KEY_LEN>()?));
            write_durably(&dir.join(UNLOCK_FILE), secret.as_bytes(), SECRET)?;
        }
        let (data_key, salt) = (random()?, random::<SALT_LEN>()?);
        let wrapping = wrapping_key(dir, unlock, &*salt)?;
        let mut file = SealFile {
            version: VERSION,
            unlock: unlock.kind(),
            salt: STANDARD.encode(*salt),
            data_key: STANDARD.encode(seal(&wrapping, CONTEXT, &*data_key)?),
            checksum: String::new(),
        };
        file.checksum = file.sum();
        let json =
            serde_json::to_vec_pretty(&file).map_err(|e| ServeError::make("the seal", &e))?;
        write_durably(&dir.join(FILE), &json, PUBLIC)?;
        Ok(Self(data_key))
    }

    /// The seal in the folder `dir`.
    ///
    /// # Errors
    /// [`ServeError::WrongSecret`], [`ServeError::SecretMissing`] and [`ServeError::OtherUnlock`] tell what is
    /// wrong with `unlock`, [`ServeError::Damaged`] what is wrong with the file.
    pub(crate) fn open(dir: &Path, unlock: &Unlock) -> Result<Self, ServeError> {
        let path = dir.join(FILE);
        let file = SealFile::load(&path)?;
        if file.unlock != unlock.kind() {
            return Err(ServeError::OtherUnlock {
                expected: file.unlock,
                found: unlock.kind(),
            });
        }
        let damaged = || ServeError::Damaged {
            path: path.clone(),
            expected: SEAL,
        };
        let salt = STANDARD.decode(&file.salt).map_err(|_| damaged())?;
        let data_key = STANDARD.decode(&file.data_key).map_err(|_| damaged())?;
        let wrapping = wrapping_key(dir, unlock, &salt)?;
        let opened = open(&wrapping, CONTEXT, data_key).ok_or_else(|| ServeError::WrongSecret {
            path: path.clone(),
            unlock: file.unlock,
        })?;
        let mut data_key = Zeroizing::new([0; KEY_LEN]);
        if opened.len() != KEY_LEN {
            return Err(damaged());
        }
        data_key.copy_from_slice(&opened);
        Ok(Self(data_key))
    }

    /// What opens the keys in the folder `dir`.
    pub(crate) fn kind(dir: &Path) -> Result<UnlockKind, ServeError> {
        Ok(SealFile::load(&dir.join(FILE))?.unlock)
    }

    /// Writes `key` to `path`, sealed under that file's name.
    pub(crate) fn write_key(&self, path: &Path, key: &PrivateKey) -> Result<(), ServeError> {
        let pkcs8 = key
            .to_pkcs8_der()
            .map_err(|e| ServeError::make("a key", &e))?;
        let sealed = seal(&self.0, &context(path), &pkcs8)?;
        write_durably(path, pem::encode(LABEL, &sealed).as_bytes(), SECRET)
    }

    /// The key that [`Seal::write_key`] has written to `path`.
    pub(crate) fn read_key(&self, path: &Path) -> Result<PrivateKey, ServeError> {
        let damaged = || ServeError::Damaged {
            path: path.to_path_buf(),
            expected: "a private key that was sealed here under this name",
        };
        let text = files::read_bounded(path, FILE_LIMIT)?.ok_or_else(|| ServeError::KeyAbsent {
            path: path.to_path_buf(),
        })?;
        files::refuse_exposed(path)?;
        let text = std::str::from_utf8(&text).map_err(|_| damaged())?;
        let sealed = pem::decode_one(text, LABEL).map_err(|_| damaged())?;
        let pkcs8 = open(&self.0, &context(path), sealed.to_vec()).ok_or_else(damaged)?;
        PrivateKey::from_pkcs8_der(&pkcs8).map_err(|_| damaged())
    }
}

impl SealFile {
    fn load(path: &Path) -> Result<Self, ServeError> {
        let json = files::read_bounded(path, FILE_LIMIT)?;
        let file: Option<Self> = json.and_then(|json| serde_json::from_slice(&json).ok());
        file.filter(|file| file.version == VERSION && file.checksum == file.sum())
            .ok_or_else(|| ServeError::Damaged {
                path: path.to_path_buf(),
                expected: SEAL,
            })
    }

    fn sum(&self) -> String {
        let Self {
            version,
            unlock,
            salt,
            data_key,
            checksum: _,
        } = self;
        hex::encode(sha256(
            format!("{version}\n{unlock}\n{salt}\n{data_key}\n").as_bytes(),
        ))
    }
}

const SEAL: &str = "the seal of an instance's keys, whole and unchanged";

impl Unlock {
    /// Of which kind it is.
    pub fn kind(&self) -> UnlockKind {
        match self {
            Self::Passphrase(_) => UnlockKind::Passphrase,
            Self::Credential(_) => UnlockKind::Credential,
            Self::File => UnlockKind::File,
        }
    }

    fn secret(&self, dir: &Path) -> Result<Zeroizing<Vec<u8>>, ServeError> {
        let path = match self {
            Self::Passphrase(passphrase) => {
                return Ok(Zeroizing::new(passphrase.as_bytes().to_vec()));
            }
            Self::Credential(path) => path.clone(),
            Self::File => {
                let path = dir.join(UNLOCK_FILE);
                if path.exists() {
                    files::refuse_exposed(&path)?;
                }
                path
            }
        };
        let mut secret =
            files::read_bounded(&path, FILE_LIMIT)?.ok_or_else(|| ServeError::SecretMissing {
                unlock: self.kind(),
                path: path.clone(),
            })?;
        // An editor or `echo` ends the file with a line feed that nobody means.
        while secret.last().is_some_and(|last| b"\r\n".contains(last)) {
            secret.pop();
        }
        if secret.is_empty() {
            return Err(ServeError::SecretMissing {
                unlock: self.kind(),
                path,
            });
        }
        Ok(secret)
    }
}

impl UnlockKind {
    /// `passphrase`, `credential` or `file`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passphrase => "passphrase",
            Self::Credential => "credential",
            Self::File => "file",
        }
    }
}

impl fmt::Debug for Unlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.kind(), f)
    }
}

impl fmt::Display for UnlockKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passphrase => "passphrase",
            Self::Credential => "credential",
            Self::File => "unlock file",
        })
    }
}

/// The name that a sealed key belongs to.
fn context(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    format!("signhere key {}", name.to_string_lossy())
}

fn wrapping_key(
    dir: &Path,
    unlock: &Unlock,
    salt: &[u8],
) -> Result<Zeroizing<[u8; KEY_LEN]>, ServeError> {
    let fail = |e: &dyn fmt::Display| ServeError::make("the seal", &e);
    let (log_n, p) = match unlock {
        Unlock::Passphrase(_) | Unlock::Credential(_) => STRONG,
        Unlock::File => QUICK,
    };
    let secret = unlock.secret(dir)?;
    let params = scrypt::Params::new(log_n, 8, p, KEY_LEN).map_err(|e| fail(&e))?;
    let mut key = Zeroizing::new([0; KEY_LEN]);
    scrypt::scrypt(&secret, salt, &params, key.as_mut_slice()).map_err(|e| fail(&e))?;
    Ok(key)
}

/// A random nonce, what it sealed, and the tag.
fn seal(
    key: &Zeroizing<[u8; KEY_LEN]>,
    context: &str,
    plain: &[u8],
) -> Result<Vec<u8>, ServeError> {
    let fail = |e| ServeError::make("a sealed key", &e);
    // Never grown: what was copied on the way would not be wiped.
    let mut sealed = Zeroizing::new(Vec::with_capacity(plain.len() + AES_256_GCM.tag_len()));
    sealed.extend_from_slice(plain);
    let cipher = RandomizedNonceKey::new(&AES_256_GCM, key.as_slice()).map_err(fail)?;
    let nonce = cipher
        .seal_in_place_append_tag(Aad::from(context), &mut *sealed)
        .map_err(fail)?;
    Ok([nonce.as_ref().as_slice(), &sealed].concat())
}

/// What [`seal`] sealed; `None` when the key or the context is another, or a bit was changed.
fn open(
    key: &Zeroizing<[u8; KEY_LEN]>,
    context: &str,
    mut sealed: Vec<u8>,
) -> Option<Zeroizing<Vec<u8>>> {
    let cipher = RandomizedNonceKey::new(&AES_256_GCM, key.as_slice()).ok()?;
    let (nonce, rest) = sealed.split_at_mut_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let length = cipher
        .open_in_place(nonce, Aad::from(context), rest)
        .ok()?
        .len();
    let mut plain = Zeroizing::new(sealed);
    plain.drain(..NONCE_LEN);
    plain.truncate(length);
    Some(plain)
}

/// Random bytes for keys, which like all keys come from the cryptographic library alone.
fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, ServeError> {
    let mut bytes = Zeroizing::new([0; N]);
    SystemRandom
        .fill(bytes.as_mut_slice())
        .map_err(|e| ServeError::make("the seal", &e))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
