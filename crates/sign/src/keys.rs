//! Keys that people manage themselves: made, written under a passphrase, read from files.

use signhere_pki::{
    cosign_key::{self, CosignKeyError},
    key::{KeyError, KeyKind, PrivateKey, Scheme},
    random::Random,
};
use zeroize::Zeroizing;

/// A key pair as files hold it.
#[derive(Clone, Debug)]
pub struct KeyFiles {
    /// The private key under the passphrase, in cosign's form.
    pub private_pem: String,
    /// The public key (RFC 7468, `PUBLIC KEY`).
    pub public_pem: String,
}

/// A key file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The file is encrypted and there is no passphrase.
    #[error("the key is encrypted: it needs a passphrase")]
    NeedsPassphrase,
    /// The encrypted file cannot be opened.
    #[error(transparent)]
    Encrypted(#[from] CosignKeyError),
    /// The key itself cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Makes a key of `kind` and returns its files, the private one under `passphrase` (which may be
/// empty, as cosign's may).
pub fn generate(
    kind: KeyKind,
    passphrase: &[u8],
    random: &dyn Random,
) -> Result<KeyFiles, KeyFileError> {
    let key = PrivateKey::generate(kind)?;
    Ok(KeyFiles {
        private_pem: cosign_key::encrypt(&key, passphrase, random)?,
        public_pem: key.public_key().to_pem(),
    })
}

/// The private key in the text of a PEM file: cosign's encrypted form, PKCS #8 or SEC 1.
/// `passphrase` is asked for only if the file is encrypted, and answers None if there is none.
///
/// An Ed25519 key is made to sign with Ed25519ph (RFC 8032, section 5.1): logs hold digests, and
/// pure Ed25519 cannot be verified from a digest.
pub fn load(
    text: &str,
    passphrase: impl FnOnce() -> Option<Zeroizing<Vec<u8>>>,
) -> Result<PrivateKey, KeyFileError> {
    let key = if cosign_key::is_encrypted_key(text) {
        let passphrase = passphrase().ok_or(KeyFileError::NeedsPassphrase)?;
        cosign_key::decrypt(text, &passphrase)?
    } else {
        PrivateKey::from_pem(text)?
    };
    match key.kind() {
        KeyKind::Ed25519 => Ok(key.with_scheme(Scheme::Ed25519ph)?),
        _ => Ok(key),
    }
}

#[cfg(test)]
mod tests {
    use signhere_pki::{key::Signer as _, random::SystemRandom};

    use super::*;

    fn passphrase(text: &str) -> Option<Zeroizing<Vec<u8>>> {
        Some(Zeroizing::new(text.as_bytes().to_vec()))
    }

    #[test]
    fn generated_keys_are_read_back() {
        let files = generate(KeyKind::P256, b"secret", &SystemRandom).unwrap();
        let key = load(&files.private_pem, || passphrase("secret")).unwrap();
        assert_eq!(key.public_key().to_pem(), files.public_pem);
        let wrong = load(&files.private_pem, || passphrase("guess")).unwrap_err();
        assert_eq!(wrong, CosignKeyError::WrongPassphrase.into());
        let none = load(&files.private_pem, || None).unwrap_err();
        assert_eq!(none, KeyFileError::NeedsPassphrase);
    }

    #[test]
    fn plain_keys_need_no_passphrase() {
        let key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
        let pem = key.to_pkcs8_pem().unwrap();
        let read = load(&pem, || panic!("asked for a passphrase")).unwrap();
        assert_eq!(read.public_key(), key.public_key());
        assert_eq!(read.scheme(), Scheme::Ed25519ph);
    }
}
