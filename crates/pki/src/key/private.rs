//! Private keys: made, read, written, signing.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    encoding::{AsBigEndian, AsDer, Curve25519SeedBin, Pkcs8V1Der},
    rsa::KeySize,
    signature::{
        self as aws, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RsaEncoding,
        RsaKeyPair,
    },
};
use der::{Decode, Reader, SliceReader};
use x509_cert::spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::{KeyError, KeyKind, PublicKey, Scheme, Signer, ed25519ph, public};
use crate::{digest::Digest, pem};

/// A private key and the scheme it signs with. Cloning shares the key, which the library wipes when
/// the last clone is dropped.
#[derive(Clone)]
pub struct PrivateKey {
    pair: Arc<Pair>,
    public: PublicKey,
    scheme: Scheme,
}

impl PrivateKey {
    /// A new key, which signs with its kind's default scheme.
    ///
    /// # Errors
    /// [`KeyError::GenerationFailed`] when the library cannot make one.
    pub fn generate(kind: KeyKind) -> Result<Self, KeyError> {
        let failed = |_| KeyError::GenerationFailed;
        let ecdsa = |algorithm| {
            EcdsaKeyPair::generate(algorithm)
                .map(Pair::Ecdsa)
                .map_err(failed)
        };
        let rsa = |size| RsaKeyPair::generate(size).map(Pair::Rsa).map_err(failed);
        let pair = match kind {
            KeyKind::P256 => ecdsa(&aws::ECDSA_P256_SHA256_ASN1_SIGNING)?,
            KeyKind::P384 => ecdsa(&aws::ECDSA_P384_SHA384_ASN1_SIGNING)?,
            KeyKind::P521 => ecdsa(&aws::ECDSA_P521_SHA512_ASN1_SIGNING)?,
            KeyKind::Ed25519 => Pair::Ed25519(Ed25519KeyPair::generate().map_err(failed)?),
            KeyKind::Rsa2048 => rsa(KeySize::Rsa2048)?,
            KeyKind::Rsa3072 => rsa(KeySize::Rsa3072)?,
            KeyKind::Rsa4096 => rsa(KeySize::Rsa4096)?,
        };
        Self::from_pair(pair)
    }

    /// The key in a DER PrivateKeyInfo (RFC 5958).
    ///
    /// # Errors
    /// [`KeyError`] unless it is one of the [`KeyKind`]s and its parts belong together.
    pub fn from_pkcs8_der(pkcs8: &[u8]) -> Result<Self, KeyError> {
        check_len(pkcs8)?;
        let pair = match public::family(&pkcs8_algorithm(pkcs8)?)? {
            public::Family::Ec(kind) => ecdsa_pair(kind, |a| EcdsaKeyPair::from_pkcs8(a, pkcs8)),
            public::Family::Ed25519 => Ed25519KeyPair::from_pkcs8(pkcs8)
                .map(Pair::Ed25519)
                .map_err(|_| KeyError::Rejected),
            public::Family::Rsa => RsaKeyPair::from_pkcs8(pkcs8)
                .map(Pair::Rsa)
                .map_err(|_| KeyError::Rejected),
        }?;
        Self::from_pair(pair)
    }

    /// The key in a PEM text: `PRIVATE KEY`, `EC PRIVATE KEY` (with or without `EC PARAMETERS` before it)
    /// or `RSA PRIVATE KEY`.
    ///
    /// # Errors
    /// [`KeyError`] on another block, or as [`Self::from_pkcs8_der`].
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let mut blocks = pem::decode_all(text)?;
        blocks.retain(|block| block.label != "EC PARAMETERS");
        let block = match blocks.as_slice() {
            [] => return Err(pem::PemError::NoBlock.into()),
            [block] => block,
            several => {
                return Err(pem::PemError::SeveralBlocks {
                    found: several.len(),
                }
                .into());
            }
        };
        match block.label {
            "PRIVATE KEY" => Self::from_pkcs8_der(&block.contents),
            "EC PRIVATE KEY" => Self::from_sec1_der(&block.contents),
            "RSA PRIVATE KEY" => Self::from_pkcs1_der(&block.contents),
            label => Err(pem::PemError::Label {
                expected: "PRIVATE KEY".to_owned(),
                found: label.to_owned(),
            }
            .into()),
        }
    }

    /// The key as DER PrivateKeyInfo, version 1.
    ///
    /// # Errors
    /// [`KeyError::Rejected`] when the library cannot write it.
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let document = match self.pair.as_ref() {
            Pair::Ecdsa(pair) => pair
                .to_pkcs8v1()
                .map(|d| Zeroizing::new(d.as_ref().to_vec())),
            Pair::Ed25519(pair) => pair
                .to_pkcs8v1()
                .map(|d| Zeroizing::new(d.as_ref().to_vec())),
            Pair::Rsa(pair) => AsDer::<Pkcs8V1Der<'static>>::as_der(pair)
                .map(|d| Zeroizing::new(d.as_ref().to_vec())),
        };
        document.map_err(|_| KeyError::Rejected)
    }

    /// The key as a `PRIVATE KEY` PEM text.
    ///
    /// # Errors
    /// As [`Self::to_pkcs8_der`].
    pub fn to_pkcs8_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        Ok(Zeroizing::new(pem::encode(
            "PRIVATE KEY",
            &self.to_pkcs8_der()?,
        )))
    }

    /// The same key, signing with `scheme`.
    ///
    /// # Errors
    /// [`KeyError::SchemeMismatch`] when keys of this kind do not sign so, [`KeyError::VerifiedOnly`] for
    /// the schemes that are only verified.
    pub fn with_scheme(&self, scheme: Scheme) -> Result<Self, KeyError> {
        if !scheme.fits(self.kind()) {
            return Err(KeyError::SchemeMismatch {
                scheme,
                kind: self.kind(),
            });
        }
        let signs = self.kind().is_rsa()
            || scheme == self.kind().default_scheme()
            || scheme == Scheme::Ed25519ph;
        if !signs {
            return Err(KeyError::VerifiedOnly { scheme });
        }
        Ok(Self {
            scheme,
            ..self.clone()
        })
    }

    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// What kind of key it is.
    pub fn kind(&self) -> KeyKind {
        self.public.kind()
    }

    /// The key in a DER ECPrivateKey (RFC 5915).
    fn from_sec1_der(sec1: &[u8]) -> Result<Self, KeyError> {
        check_len(sec1)?;
        [KeyKind::P256, KeyKind::P384, KeyKind::P521]
            .into_iter()
            .find_map(|kind| ecdsa_pair(kind, |a| EcdsaKeyPair::from_private_key_der(a, sec1)).ok())
            .ok_or(KeyError::Rejected)
            .and_then(Self::from_pair)
    }

    /// The key in a DER RSAPrivateKey (RFC 8017 section A.1.2).
    fn from_pkcs1_der(pkcs1: &[u8]) -> Result<Self, KeyError> {
        check_len(pkcs1)?;
        let pair = RsaKeyPair::from_der(pkcs1).map_err(|_| KeyError::Rejected)?;
        Self::from_pair(Pair::Rsa(pair))
    }

    fn from_pair(pair: Pair) -> Result<Self, KeyError> {
        let public = pair.public_key()?;
        Ok(Self {
            scheme: public.default_scheme(),
            pair: Arc::new(pair),
            public,
        })
    }
}

impl Signer for PrivateKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn scheme(&self) -> Scheme {
        self.scheme
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match (self.pair.as_ref(), self.scheme.hash()) {
            (Pair::Ed25519(pair), None) => pair
                .try_sign(message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| KeyError::SigningFailed),
            (_, Some(hash)) => self.sign_digest(&hash.digest(message)),
            (_, None) => Err(KeyError::SigningFailed),
        }
    }

    fn sign_digest(&self, digest: &Digest) -> Result<Vec<u8>, KeyError> {
        public::check_hash(self.scheme, digest)?;
        match self.pair.as_ref() {
            Pair::Ecdsa(pair) => pair
                .sign_digest(&digest.to_aws().ok_or(KeyError::Rejected)?)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| KeyError::SigningFailed),
            Pair::Ed25519(pair) => {
                let seed = pair.seed().map_err(|_| KeyError::SigningFailed)?;
                let seed: Curve25519SeedBin<'static> =
                    seed.as_be_bytes().map_err(|_| KeyError::SigningFailed)?;
                ed25519ph::sign(seed.as_ref(), digest)
            }
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign_digest(
                    rsa_encoding(self.scheme)?,
                    &digest.to_aws().ok_or(KeyError::Rejected)?,
                    &mut signature,
                )
                .map_err(|_| KeyError::SigningFailed)?;
                Ok(signature)
            }
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey")
            .field("kind", &self.kind())
            .finish_non_exhaustive()
    }
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl Pair {
    fn public_key(&self) -> Result<PublicKey, KeyError> {
        match self {
            Self::Ecdsa(pair) => {
                let point = pair.public_key().as_ref();
                let kind = match point.len() {
                    65 => KeyKind::P256,
                    97 => KeyKind::P384,
                    _ => KeyKind::P521,
                };
                PublicKey::from_ec_point(kind, point)
            }
            Self::Ed25519(pair) => PublicKey::from_ed25519_bytes(pair.public_key().as_ref()),
            Self::Rsa(pair) => PublicKey::from_pkcs1_der(pair.public_key().as_ref()),
        }
    }
}

/// An RSA key of 4096 bits needs 2,376.
const MAX_PRIVATE_KEY_LEN: usize = 4096;

fn check_len(der: &[u8]) -> Result<(), KeyError> {
    if der.len() > MAX_PRIVATE_KEY_LEN {
        return Err(KeyError::TooLong {
            limit: MAX_PRIVATE_KEY_LEN,
            found: der.len(),
        });
    }
    Ok(())
}

/// The AlgorithmIdentifier of a PrivateKeyInfo; the library reads the rest.
fn pkcs8_algorithm(pkcs8: &[u8]) -> Result<AlgorithmIdentifierRef<'_>, KeyError> {
    let malformed = |_: der::Error| public::malformed("PrivateKeyInfo");
    let mut reader = SliceReader::new(pkcs8).map_err(malformed)?;
    let header = der::Header::decode(&mut reader).map_err(malformed)?;
    let body = reader.read_slice(header.length()).map_err(malformed)?;
    reader.finish().map_err(malformed)?;

    let mut body = SliceReader::new(body).map_err(malformed)?;
    u8::decode(&mut body).map_err(malformed)?;
    AlgorithmIdentifierRef::decode(&mut body).map_err(malformed)
}

fn ecdsa_pair<E>(
    kind: KeyKind,
    read: impl FnOnce(&'static EcdsaSigningAlgorithm) -> Result<EcdsaKeyPair, E>,
) -> Result<Pair, KeyError> {
    let algorithm = match kind {
        KeyKind::P256 => &aws::ECDSA_P256_SHA256_ASN1_SIGNING,
        KeyKind::P384 => &aws::ECDSA_P384_SHA384_ASN1_SIGNING,
        KeyKind::P521 => &aws::ECDSA_P521_SHA512_ASN1_SIGNING,
        _ => return Err(KeyError::Rejected),
    };
    read(algorithm)
        .map(Pair::Ecdsa)
        .map_err(|_| KeyError::Rejected)
}

fn rsa_encoding(scheme: Scheme) -> Result<&'static dyn RsaEncoding, KeyError> {
    Ok(match scheme {
        Scheme::RsaPkcs1Sha256 => &aws::RSA_PKCS1_SHA256,
        Scheme::RsaPkcs1Sha384 => &aws::RSA_PKCS1_SHA384,
        Scheme::RsaPkcs1Sha512 => &aws::RSA_PKCS1_SHA512,
        Scheme::RsaPssSha256 => &aws::RSA_PSS_SHA256,
        Scheme::RsaPssSha384 => &aws::RSA_PSS_SHA384,
        Scheme::RsaPssSha512 => &aws::RSA_PSS_SHA512,
        scheme => return Err(KeyError::VerifiedOnly { scheme }),
    })
}
