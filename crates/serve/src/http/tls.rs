//! The listener's certificate, read again when its files change.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use signhere_pki::digest::sha256;
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};
use zeroize::Zeroizing;

use crate::config::TlsFiles;
use crate::error::ServeError;
use crate::state::files;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(10);
/// Bytes of either file.
const FILE_LIMIT: u64 = 1024 * 1024;
/// Certificates that are sent to clients.
const CHAIN_LIMIT: usize = 16;

/// The certificate and key that the listener shows.
pub(crate) struct Tls {
    files: TlsFiles,
    current: RwLock<Loaded>,
}

struct Loaded {
    acceptor: TlsAcceptor,
    /// Of both files, to see that they have changed.
    digest: [u8; 32],
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// [`ServeError::Tls`]: a file is not there or not what it should be, or the two do not belong together.
    pub(crate) fn load(files: &TlsFiles) -> Result<Self, ServeError> {
        let (certificate, key) = read(files)?;
        Ok(Self {
            files: files.clone(),
            current: RwLock::new(Loaded::new(files, &certificate, &key)?),
        })
    }

    /// What answers the next handshake.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.acceptor.clone()
    }

    /// Takes up files that have changed, and tells whether they had. What cannot be used changes nothing.
    pub(crate) fn reload(&self) -> Result<bool, ServeError> {
        let (certificate, key) = read(&self.files)?;
        let digest = digest(&certificate, &key);
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        if digest == current.digest {
            return Ok(false);
        }
        drop(current);
        let loaded = Loaded::new(&self.files, &certificate, &key)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        Ok(true)
    }

    /// Looks at the files every few seconds, for ever.
    pub(crate) async fn keep(self: Arc<Self>) {
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut complaint = None;
        loop {
            ticks.tick().await;
            let this = Arc::clone(&self);
            let Ok(reloaded) = tokio::task::spawn_blocking(move || this.reload()).await else {
                continue;
            };
            match reloaded {
                Ok(true) => tracing::info!("the TLS certificate was replaced"),
                Ok(false) => {}
                // Once is enough: it stays wrong until somebody mends it.
                Err(error) if complaint.as_ref() == Some(&error) => continue,
                Err(error) => {
                    tracing::error!(%error, "the TLS certificate cannot be replaced, the old one stays");
                    complaint = Some(error);
                    continue;
                }
            }
            complaint = None;
        }
    }
}

impl Loaded {
    fn new(files: &TlsFiles, certificate: &[u8], key: &[u8]) -> Result<Self, ServeError> {
        let fail = |path: &Path, reason: String| ServeError::Tls {
            path: path.to_path_buf(),
            reason,
        };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate)
            .take(CHAIN_LIMIT)
            .collect();
        let chain = chain.map_err(|e| fail(&files.certificate, e.to_string()))?;
        if chain.is_empty() {
            return Err(fail(&files.certificate, "no certificate in PEM".to_owned()));
        }
        let private = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| fail(&files.key, "no unencrypted private key in PEM".to_owned()))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder
                    .with_no_client_auth()
                    .with_single_cert(chain, private)
            });
        let mut config = config.map_err(|e| match e {
            rustls::Error::InconsistentKeys(_) => {
                let reason = "it is not the key of the certificate".to_owned();
                fail(&files.key, reason)
            }
            e => fail(&files.certificate, e.to_string()),
        })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            digest: digest(certificate, key),
        })
    }
}

type Text = Zeroizing<Vec<u8>>;

fn read(files: &TlsFiles) -> Result<(Text, Text), ServeError> {
    let read = |path: &Path| {
        let text = files::read_bounded(path, FILE_LIMIT)?;
        text.ok_or_else(|| ServeError::Tls {
            path: path.to_path_buf(),
            reason: "there is no such file".to_owned(),
        })
    };
    Ok((read(&files.certificate)?, read(&files.key)?))
}

fn digest(certificate: &[u8], key: &[u8]) -> [u8; 32] {
    let both = Zeroizing::new([sha256(certificate), sha256(key)].concat());
    sha256(&both)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use signhere_pki::key::{KeyKind, PrivateKey};

    use super::*;

    fn given(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../testdata/tls")
            .join(name)
    }

    #[test]
    fn changed_files_are_taken_up_and_broken_ones_change_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let files = TlsFiles {
            certificate: dir.path().join("tls.crt"),
            key: dir.path().join("tls.key"),
        };
        let missing = ServeError::Tls {
            path: files.certificate.clone(),
            reason: "there is no such file".to_owned(),
        };
        assert_eq!(Tls::load(&files).err(), Some(missing));

        fs::copy(given("localhost.crt"), &files.certificate).unwrap();
        fs::copy(given("localhost.key"), &files.key).unwrap();
        let tls = Tls::load(&files).unwrap();
        assert_eq!(tls.reload(), Ok(false));

        let digest = || tls.current.read().unwrap().digest;
        let before = digest();
        let whole = fs::read(&files.key).unwrap();
        let other = PrivateKey::generate(KeyKind::P256).unwrap();
        let other = other.to_pkcs8_pem().unwrap();
        for (key, reason) in [
            (&whole[..40], "no unencrypted private key in PEM"),
            (other.as_bytes(), "it is not the key of the certificate"),
        ] {
            fs::write(&files.key, key).unwrap();
            let error = ServeError::Tls {
                path: files.key.clone(),
                reason: reason.to_owned(),
            };
            assert_eq!(tls.reload(), Err(error));
            assert_eq!(digest(), before);
        }

        let mut same = whole;
        same.extend_from_slice(b"\n# the same key\n");
        fs::write(&files.key, same).unwrap();
        assert_eq!(tls.reload(), Ok(true));
        assert_ne!(digest(), before);
    }
}
