//! Whose signatures a session makes: a fresh key under a certificate, or a key with a name of its
//! own.

use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use signhere_pki::{
    cert::Certificate,
    digest::HashAlgorithm,
    fulcio as extensions,
    key::{KeyDetails, KeyKind, PrivateKey, Signer},
    time::Time,
};
use signhere_verify::{bundle::BundleBuilder, entry::LoggedKey, verifier::Policy};
use tokio::sync::Mutex;
use url::Url;

use super::{SignError, Tools};
use crate::{fulcio, identity::IdentityToken};

/// How much of a certificate's life must be left for a signature to begin, in seconds: what the
/// services may take, with their retries.
pub(crate) const MARGIN: i64 = 60;

/// Whoever signs in a session.
pub(super) enum Signatory {
    Keyless(Box<Keyless>),
    Managed(Box<Credential>),
}

/// An identity, and the certificate it last got.
pub(super) struct Keyless {
    authority: Url,
    token: IdentityToken,
    current: Mutex<Option<Credential>>,
}

/// Whom a certificate names, and until when it is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Enrolled {
    /// Who signs: the certificate's SAN.
    pub identity: String,
    /// Who vouches for them: the certificate's issuer extension.
    pub issuer: String,
    /// The last second in which the certificate is valid.
    pub expires_at: Time,
}

impl Enrolled {
    pub(super) fn of(certificate: &Certificate) -> Result<Self, SignError> {
        let identity = certificate.san();
        let issuer = extensions::issuer(certificate);
        Ok(Self {
            identity: identity
                .ok_or(SignError::Nameless("identity"))?
                .as_str()
                .to_owned(),
            issuer: issuer.ok_or(SignError::Nameless("issuer"))?,
            expires_at: certificate.not_after(),
        })
    }

    /// The policy that accepts whom the certificate names and nobody else.
    pub(super) fn policy(self) -> Policy {
        let Self {
            identity, issuer, ..
        } = self;
        Policy::Identity { identity, issuer }
    }

    /// Whether a signature that begins at `now` has the time it may take.
    pub fn is_good(&self, now: Time) -> bool {
        now.plus_seconds(MARGIN) <= self.expires_at
    }
}

/// A key that signs, and how verifiers know it.
#[derive(Clone)]
pub(super) struct Credential {
    signer: Arc<dyn Signer>,
    details: KeyDetails,
    certificate: Option<Certificate>,
}

impl Signatory {
    pub(super) fn keyless(authority: Url, token: IdentityToken) -> Self {
        Self::Keyless(Box::new(Keyless {
            authority,
            token,
            current: Mutex::new(None),
        }))
    }

    pub(super) fn managed(signer: Arc<dyn Signer>) -> Result<Self, SignError> {
        let credential = Credential::new(signer, None)?;
        Ok(Self::Managed(Box::new(credential)))
    }

    pub(super) fn hash_algorithm(&self) -> HashAlgorithm {
        let scheme = match self {
            Self::Keyless(_) => KeyKind::P256.default_scheme(),
            Self::Managed(credential) => credential.details.scheme(),
        };
        // No credential is made whose scheme has none.
        scheme.hash().unwrap_or(HashAlgorithm::Sha256)
    }

    /// The credential to sign with now. Those who ask while a certificate is on its way wait for
    /// the same one.
    pub(super) async fn credential(&self, tools: &Tools) -> Result<Credential, SignError> {
        let keyless = match self {
            Self::Managed(credential) => return Ok(Credential::clone(credential)),
            Self::Keyless(keyless) => keyless,
        };
        let mut current = keyless.current.lock().await;
        let needed_until = tools.clock.now().plus_seconds(MARGIN);
        if let Some(credential) = &*current
            && credential.is_valid_until(needed_until)
        {
            return Ok(credential.clone());
        }
        let credential = keyless.enroll(tools).await?;
        *current = Some(credential.clone());
        Ok(credential)
    }
}

impl Keyless {
    /// A new key, and a certificate for it.
    async fn enroll(&self, tools: &Tools) -> Result<Credential, SignError> {
        if !self.token.is_fresh(tools.clock.now()) {
            return Err(SignError::LoginNeeded {
                expired_at: self.token.expires_at(),
            });
        }
        let key = PrivateKey::generate(KeyKind::P256)?;
        let proof = key.sign(self.token.challenge().as_str().as_bytes())?;
        let public_key = key.public_key();
        let issued = fulcio::request_certificate(
            &tools.http,
            &self.authority,
            &self.token,
            public_key,
            &proof,
        )
        .await?;
        Credential::new(Arc::new(key), Some(issued.leaf))
    }
}

impl Credential {
    fn new(signer: Arc<dyn Signer>, certificate: Option<Certificate>) -> Result<Self, SignError> {
        let scheme = signer.scheme();
        let details = KeyDetails::of(scheme, signer.public_key().kind());
        match details {
            Some(details) if scheme.hash().is_some() => Ok(Self {
                signer,
                details,
                certificate,
            }),
            _ => Err(SignError::Scheme { scheme }),
        }
    }

    pub(super) fn signer(&self) -> &dyn Signer {
        &*self.signer
    }

    pub(super) fn details(&self) -> KeyDetails {
        self.details
    }

    fn is_valid_until(&self, time: Time) -> bool {
        let certificate = self.certificate.as_ref();
        certificate.is_none_or(|certificate| time <= certificate.not_after())
    }

    /// A bundle that names the key: by its certificate, or by the hint that cosign gives, the
    /// SHA-256 of the SPKI in base64.
    pub(super) fn start_bundle(&self) -> BundleBuilder {
        match &self.certificate {
            Some(certificate) => BundleBuilder::certificate(certificate.clone()),
            None => {
                let key_id = self.signer.public_key().key_id();
                BundleBuilder::public_key(BASE64_STANDARD.encode(key_id))
            }
        }
    }

    pub(super) fn verifier_pem(&self) -> String {
        match &self.certificate {
            Some(certificate) => certificate.to_pem(),
            None => self.signer.public_key().to_pem(),
        }
    }

    pub(super) fn logged_key(&self) -> LoggedKey {
        match &self.certificate {
            Some(certificate) => LoggedKey::Certificate(certificate.der().to_vec()),
            None => LoggedKey::PublicKey(self.signer.public_key().clone()),
        }
    }

    pub(super) fn enrolled(&self) -> Result<Enrolled, SignError> {
        let certificate = self.certificate.as_ref();
        Enrolled::of(certificate.ok_or(SignError::Nameless("identity"))?)
    }

    /// The policy that accepts this credential and no other.
    pub(super) fn policy(&self) -> Result<Policy, SignError> {
        match &self.certificate {
            Some(certificate) => Ok(Enrolled::of(certificate)?.policy()),
            None => Ok(Policy::Key(self.signer.public_key().clone())),
        }
    }
}

impl std::fmt::Debug for Signatory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Keyless(keyless) => f.debug_tuple("Keyless").field(&keyless.token).finish(),
            Self::Managed(credential) => {
                let key_id = hex::encode(credential.signer.public_key().key_id());
                f.debug_tuple("Managed").field(&key_id).finish()
            }
        }
    }
}
