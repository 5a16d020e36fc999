//! Private keys under a passphrase, in the files that cosign writes and reads.
//!
//! A PEM block whose contents are JSON: a key is derived from the passphrase by scrypt (RFC 7914), and
//! NaCl's secretbox under that key holds the DER PrivateKeyInfo.

use base64::{Engine, engine::general_purpose::STANDARD};
use crypto_secretbox::{KeyInit, XSalsa20Poly1305, aead::Aead};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use zeroize::Zeroizing;

use crate::{
    key::{KeyError, PrivateKey},
    pem::{self, PemError},
    random::{Random, RandomError},
};

/// The label that is written.
pub const LABEL: &str = "ENCRYPTED SIGSTORE PRIVATE KEY";
/// The label that cosign 1 wrote, which is read as well.
pub const LEGACY_LABEL: &str = "ENCRYPTED COSIGN PRIVATE KEY";

/// Whether `text` holds a PEM block of such a key.
pub fn is_encrypted_key(text: &str) -> bool {
    pem::only_block(text).is_ok_and(|block| [LABEL, LEGACY_LABEL].contains(&block.label))
}

/// The PEM text of `key` under `passphrase`, which may be empty.
///
/// Takes 64 MiB of memory for as long as scrypt runs.
///
/// # Errors
/// [`CosignKeyError`] when `random` fails or the key cannot be written.
pub fn encrypt(
    key: &PrivateKey,
    passphrase: &[u8],
    random: &dyn Random,
) -> Result<String, CosignKeyError> {
    let mut salt = [0; SALT_LEN];
    random.fill(&mut salt)?;
    let mut nonce = [0; NONCE_LEN];
    random.fill(&mut nonce)?;

    let ciphertext = secretbox(passphrase, &salt, WRITTEN_COST)?
        .encrypt(&nonce.into(), key.to_pkcs8_der()?.as_slice())
        .map_err(|_| CosignKeyError::Encryption)?;
    let file = KeyFile {
        kdf: Kdf {
            name: SCRYPT.to_owned(),
            params: WRITTEN_COST,
            salt: Base64(salt.to_vec()),
        },
        cipher: Cipher {
            name: SECRETBOX.to_owned(),
            nonce: Base64(nonce.to_vec()),
        },
        ciphertext: Base64(ciphertext),
    };
    let json = serde_json::to_vec(&file).map_err(|_| CosignKeyError::Encryption)?;
    Ok(pem::encode(LABEL, &json))
}

/// The key in a PEM text, which must hold that one block.
///
/// Takes up to 128 MiB of memory for as long as scrypt runs.
///
/// # Errors
/// [`CosignKeyError::WrongPassphrase`] when the passphrase does not open it, others when it is no such file.
pub fn decrypt(text: &str, passphrase: &[u8]) -> Result<PrivateKey, CosignKeyError> {
    let block = pem::only_block(text)?;
    if ![LABEL, LEGACY_LABEL].contains(&block.label) {
        return Err(CosignKeyError::Pem(PemError::Label {
            expected: LABEL.to_owned(),
            found: block.label.to_owned(),
        }));
    }
    if block.contents.len() > MAX_FILE_LEN {
        return Err(CosignKeyError::TooLong {
            found: block.contents.len(),
        });
    }
    let file: KeyFile =
        serde_json::from_slice(&block.contents).map_err(|_| CosignKeyError::Malformed)?;
    file.check()?;

    let nonce: [u8; NONCE_LEN] = file
        .cipher
        .nonce
        .0
        .try_into()
        .map_err(|_| CosignKeyError::Malformed)?;
    let pkcs8 = secretbox(passphrase, &file.kdf.salt.0, file.kdf.params)?
        .decrypt(&nonce.into(), file.ciphertext.0.as_slice())
        .map(Zeroizing::new)
        .map_err(|_| CosignKeyError::WrongPassphrase)?;
    Ok(PrivateKey::from_pkcs8_der(&pkcs8)?)
}

/// Why a key file cannot be read or written.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CosignKeyError {
    /// The PEM text is wrong.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// The file is longer than any key needs.
    #[error("the encrypted key has {found} bytes, more than {MAX_FILE_LEN}")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// The JSON inside is not that of an encrypted key.
    #[error("the encrypted key is malformed")]
    Malformed,
    /// The key derivation is not scrypt, or the cipher is not secretbox.
    #[error("the key is encrypted with {found:?} where {expected:?} was expected")]
    Algorithm {
        /// The name that is supported.
        expected: &'static str,
        /// The name found, cut to 32 characters.
        found: String,
    },
    /// The cost of scrypt is none that cosign writes.
    #[error("unsupported scrypt parameters N={n}, r={r}, p={p}")]
    Cost {
        /// The cost parameter.
        n: u64,
        /// The block size.
        r: u64,
        /// The parallelism.
        p: u64,
    },
    /// The passphrase is wrong. A changed ciphertext looks the same.
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// What was encrypted is not a supported key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The random source failed.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The key could not be encrypted.
    #[error("the key could not be encrypted")]
    Encryption,
}

const SCRYPT: &str = "scrypt";
const SECRETBOX: &str = "nacl/secretbox";
const SALT_LEN: usize = 32;
const NONCE_LEN: usize = 24;
const MAX_FILE_LEN: usize = 16 << 10;

const WRITTEN_COST: Cost = Cost {
    n: 65_536,
    r: 8,
    p: 1,
};

/// All that cosign has ever written, by the logarithm of N. Nothing else is computed: a file must not
/// decide how much memory its reader takes.
const READ_COSTS: [(u8, Cost); 3] = [
    (
        15,
        Cost {
            n: 32_768,
            r: 8,
            p: 1,
        },
    ),
    (16, WRITTEN_COST),
    (
        17,
        Cost {
            n: 131_072,
            r: 8,
            p: 1,
        },
    ),
];

#[derive(Serialize, Deserialize)]
struct KeyFile {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: Base64,
}

impl KeyFile {
    fn check(&self) -> Result<(), CosignKeyError> {
        for (expected, found) in [(SCRYPT, &self.kdf.name), (SECRETBOX, &self.cipher.name)] {
            if found != expected {
                return Err(CosignKeyError::Algorithm {
                    expected,
                    found: found.chars().take(32).collect(),
                });
            }
        }
        Ok(())
    }
}

#[derive(Serialize, Deserialize)]
struct Kdf {
    name: String,
    params: Cost,
    salt: Base64,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Cost {
    #[serde(rename = "N")]
    n: u64,
    r: u64,
    p: u64,
}

#[derive(Serialize, Deserialize)]
struct Cipher {
    name: String,
    nonce: Base64,
}

struct Base64(Vec<u8>);

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Self).map_err(D::Error::custom)
    }
}

/// The secretbox under the key derived from `passphrase`.
fn secretbox(
    passphrase: &[u8],
    salt: &[u8],
    cost: Cost,
) -> Result<XSalsa20Poly1305, CosignKeyError> {
    let unsupported = || CosignKeyError::Cost {
        n: cost.n,
        r: cost.r,
        p: cost.p,
    };
    let (log_n, _) = READ_COSTS
        .into_iter()
        .find(|(_, known)| *known == cost)
        .ok_or_else(unsupported)?;
    let params = scrypt::Params::new(log_n, 8, 1, KEY_LEN).map_err(|_| unsupported())?;
    let mut key = Zeroizing::new([0; KEY_LEN]);
    scrypt::scrypt(passphrase, salt, &params, key.as_mut_slice()).map_err(|_| unsupported())?;
    Ok(XSalsa20Poly1305::new(key.as_ref().into()))
}

const KEY_LEN: usize = 32;

#[cfg(test)]
mod tests;
