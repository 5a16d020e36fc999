//! SHA-256, SHA-384 and SHA-512: names, values, streaming.

use std::{fmt, str::FromStr};

use aws_lc_rs::digest as aws;
use der::asn1::ObjectIdentifier;

/// A hash function (FIPS 180-4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum HashAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl HashAlgorithm {
    /// Every hash function, the shortest first.
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// The name as in-toto and Rekor write it: `sha256`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// The function called `name` (`sha256`), or none.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }

    /// The object identifier (RFC 5754).
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Sha256 => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1"),
            Self::Sha384 => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2"),
            Self::Sha512 => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3"),
        }
    }

    /// The function with this object identifier, or none.
    pub fn from_oid(oid: &ObjectIdentifier) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.oid() == *oid)
    }

    /// The length of a digest in bytes.
    #[expect(clippy::len_without_is_empty, reason = "a digest is never empty")]
    pub const fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The digest of `message`.
    pub fn digest(self, message: &[u8]) -> Digest {
        Digest::from_aws(self, &aws::digest(self.aws(), message))
    }

    /// A hasher that has read nothing yet.
    pub fn hasher(self) -> Hasher {
        Hasher {
            algorithm: self,
            context: aws::Context::new(self.aws()),
        }
    }

    fn aws(self) -> &'static aws::Algorithm {
        match self {
            Self::Sha256 => &aws::SHA256,
            Self::Sha384 => &aws::SHA384,
            Self::Sha512 => &aws::SHA512,
        }
    }
}

impl fmt::Display for HashAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A hash value and the function it came from.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest {
    algorithm: HashAlgorithm,
    bytes: [u8; MAX_LEN], // zero after the algorithm's length
}

impl Digest {
    /// The digest with this value.
    ///
    /// # Errors
    /// [`DigestError::Length`] when `bytes` is not as long as the algorithm's values.
    pub fn new(algorithm: HashAlgorithm, bytes: &[u8]) -> Result<Self, DigestError> {
        let mut digest = Self {
            algorithm,
            bytes: [0; MAX_LEN],
        };
        match digest.bytes.get_mut(..bytes.len()) {
            Some(start) if bytes.len() == algorithm.len() => start.copy_from_slice(bytes),
            _ => {
                return Err(DigestError::Length {
                    expected: algorithm.len(),
                    found: bytes.len(),
                });
            }
        }
        Ok(digest)
    }

    /// The digest that `hex` (lower or upper case, without prefix) writes.
    ///
    /// # Errors
    /// [`DigestError`] when it is not hexadecimal or of another length.
    pub fn from_hex(algorithm: HashAlgorithm, hex: &str) -> Result<Self, DigestError> {
        let mut bytes = [0; MAX_LEN];
        let length = hex.len() / 2;
        let Some(start) = bytes
            .get_mut(..length)
            .filter(|_| length == algorithm.len())
        else {
            return Err(DigestError::Length {
                expected: algorithm.len(),
                found: length,
            });
        };
        hex::decode_to_slice(hex, start).map_err(|_| DigestError::NotHex)?;
        Ok(Self { algorithm, bytes })
    }

    /// The function.
    pub fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    /// The value.
    pub fn as_bytes(&self) -> &[u8] {
        let (value, _) = self.bytes.split_at(self.algorithm.len());
        value
    }

    /// The value in lower-case hexadecimal.
    pub fn hex(&self) -> String {
        hex::encode(self.as_bytes())
    }

    /// The digest as the library's signatures want it.
    pub(crate) fn to_aws(self) -> Option<aws::Digest> {
        aws::Digest::import_less_safe(self.as_bytes(), self.algorithm.aws()).ok()
    }

    fn from_aws(algorithm: HashAlgorithm, digest: &aws::Digest) -> Self {
        let mut bytes = [0; MAX_LEN];
        for (to, from) in bytes.iter_mut().zip(digest.as_ref()) {
            *to = *from;
        }
        Self { algorithm, bytes }
    }
}

impl fmt::Display for Digest {
    /// `sha256:` and the value in lower-case hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm, self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (name, hex) = text.split_once(':').ok_or(DigestError::NoAlgorithm)?;
        let algorithm =
            HashAlgorithm::from_name(name).ok_or_else(|| DigestError::UnknownAlgorithm {
                found: name.chars().take(32).collect(),
            })?;
        Self::from_hex(algorithm, hex)
    }
}

/// A digest being computed.
#[derive(Clone)]
pub struct Hasher {
    algorithm: HashAlgorithm,
    context: aws::Context,
}

impl Hasher {
    /// Reads `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    /// The digest of all that was read.
    pub fn finish(self) -> Digest {
        Digest::from_aws(self.algorithm, &self.context.finish())
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// The SHA-256 of `message`.
pub fn sha256(message: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (to, from) in bytes
        .iter_mut()
        .zip(aws::digest(&aws::SHA256, message).as_ref())
    {
        *to = *from;
    }
    bytes
}

/// The SHA-256 of what the parts are together.
pub fn sha256_of_parts(parts: &[&[u8]]) -> [u8; 32] {
    digest_parts(&aws::SHA256, parts)
}

/// The SHA-1 of what the parts are together: for the names that git gives, on which no signature may rest.
pub fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    digest_parts(&aws::SHA1_FOR_LEGACY_USE_ONLY, parts)
}

/// Why something is not a digest.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// The value has another length than the algorithm's values.
    #[error("the digest has {found} bytes where {expected} were expected")]
    Length {
        /// The algorithm's length in bytes.
        expected: usize,
        /// The length found, in bytes.
        found: usize,
    },
    /// The value is not hexadecimal.
    #[error("the digest is not hexadecimal")]
    NotHex,
    /// The text has no `algorithm:` in front.
    #[error("the digest does not name its algorithm, as in sha256:<hex>")]
    NoAlgorithm,
    /// The algorithm is none that is supported.
    #[error("unknown digest algorithm {found:?}")]
    UnknownAlgorithm {
        /// The name, cut to 32 characters.
        found: String,
    },
}

const MAX_LEN: usize = 64;

fn digest_parts<const N: usize>(algorithm: &'static aws::Algorithm, parts: &[&[u8]]) -> [u8; N] {
    let mut context = aws::Context::new(algorithm);
    for part in parts {
        context.update(part);
    }
    let mut bytes = [0; N];
    for (to, from) in bytes.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    // FIPS 180-4 examples for the message "abc".
    const ABC: [&str; 3] = [
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "sha384:cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ];

    #[test]
    fn known_answers_whole_and_streamed() {
        for (algorithm, expected) in HashAlgorithm::ALL.into_iter().zip(ABC) {
            let mut hasher = algorithm.hasher();
            hasher.update(b"a");
            hasher.update(b"bc");
            let streamed = hasher.finish();
            assert_eq!(streamed.to_string(), expected);
            assert_eq!(algorithm.digest(b"abc"), streamed);
            assert_eq!(expected.parse(), Ok(streamed));
            assert_eq!(streamed.as_bytes().len(), algorithm.len());
            assert_eq!(HashAlgorithm::from_oid(&algorithm.oid()), Some(algorithm));
        }
        assert_eq!(
            sha256(b"abc"),
            HashAlgorithm::Sha256.digest(b"abc").as_bytes()
        );
    }

    #[test]
    fn known_answers_of_parts() {
        let parts: [&[u8]; 3] = [b"a", b"", b"bc"];
        assert_eq!(sha256_of_parts(&parts), sha256(b"abc"));
        let expected = "a9993e364706816aba3e25717850c26c9cd0d89d";
        assert_eq!(hex::encode(sha1(&parts)), expected);
    }

    #[test]
    fn refuses_what_is_no_digest() {
        let length = |found| DigestError::Length {
            expected: 32,
            found,
        };
        assert_eq!(
            Digest::new(HashAlgorithm::Sha256, &[0; 31]),
            Err(length(31))
        );
        assert_eq!(
            Digest::new(HashAlgorithm::Sha256, &[0; 65]),
            Err(length(65))
        );
        assert_eq!("sha256:00".parse::<Digest>(), Err(length(1)));
        assert_eq!(
            format!("sha256:{}", "0".repeat(65)).parse::<Digest>(),
            Err(DigestError::NotHex)
        );
        assert_eq!(
            format!("sha256:{}", "zz".repeat(32)).parse::<Digest>(),
            Err(DigestError::NotHex)
        );
        assert_eq!("00".parse::<Digest>(), Err(DigestError::NoAlgorithm));
        assert_eq!(
            "md5:00".parse::<Digest>(),
            Err(DigestError::UnknownAlgorithm {
                found: "md5".to_owned()
            })
        );
    }
}
