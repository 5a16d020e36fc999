//! OpenPGP signatures of forges, as far as `[git.platforms]` of a trust file needs them: RSA keys and binary signatures
//! of version 4 (RFC 9580).
//!
//! A key is believed because the file has it; what it says of itself (names, expiry, subkeys) is not looked at.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signhere_pki::key::{PublicKey, Scheme};

/// No armor is longer, in bytes.
const MAX_ARMOR: usize = 64 * 1024;
/// No block has more keys.
const MAX_KEYS: usize = 8;
/// No RSA number has more bits.
const MAX_BITS: usize = 4096;

const KEY: &str = "PGP PUBLIC KEY BLOCK";
const SIGNATURE: &str = "PGP SIGNATURE";
/// Packet types (RFC 9580 section 5).
const TAG_SIGNATURE: u8 = 2;
const TAG_PUBLIC_KEY: u8 = 6;
/// Public-key algorithms (section 9.1): RSA, and RSA for signing alone.
const RSA: [u8; 2] = [1, 3];
/// Signature type (section 5.2.1): over bytes as they are.
const BINARY: u8 = 0;

/// A forge's keys.
#[derive(Clone, Debug, PartialEq)]
pub struct PgpKeys {
    keys: Vec<PublicKey>,
}

/// Why an OpenPGP key or signature is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PgpError {
    /// It is not in ASCII armor of its kind.
    #[error("it is no OpenPGP armor of a {expected}")]
    Armor {
        /// The kind.
        expected: &'static str,
    },
    /// A packet ends too early, or is of a form that is not read.
    #[error("a packet is malformed")]
    Packet,
    /// Nothing of what is needed is in it: an RSA key, or a binary RSA signature of version 4.
    #[error("it holds no {expected} that is understood")]
    Kind {
        /// What is needed.
        expected: &'static str,
    },
    /// No key made the signature.
    #[error("none of the keys made the signature")]
    Signature,
}

impl PgpKeys {
    /// Reads the public keys of an armored block.
    ///
    /// # Errors
    /// [`PgpError`] when it is none, or has no RSA key of 2048, 3072 or 4096 bits.
    pub fn from_armor(text: &str) -> Result<Self, PgpError> {
        let bytes = unarmored(text.as_bytes(), KEY)?;
        let mut keys = Vec::new();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (tag, body) = packet(&mut rest)?;
            if tag == TAG_PUBLIC_KEY
                && let Some(key) = public_key(body)?
                && keys.len() < MAX_KEYS
            {
                keys.push(key);
            }
        }
        match keys.is_empty() {
            true => Err(PgpError::Kind {
                expected: "RSA key",
            }),
            false => Ok(Self { keys }),
        }
    }

    /// Checks that one of the keys made the armored signature over `payload`.
    ///
    /// # Errors
    /// [`PgpError`] when none did.
    pub fn verify(&self, payload: &[u8], armor: &[u8]) -> Result<(), PgpError> {
        let bytes = unarmored(armor, SIGNATURE)?;
        let mut rest = bytes.as_slice();
        let (tag, body) = packet(&mut rest)?;
        // One signature, and nothing behind it.
        if tag != TAG_SIGNATURE || !rest.is_empty() {
            return Err(PgpError::Packet);
        }
        let signature = Signature::read(body)?;
        let message = [payload, signature.hashed, &signature.trailer()].concat();
        let made = |key: &PublicKey| {
            let length = key.rsa_components().map_or(0, |(modulus, _)| modulus.len());
            let missing = length.saturating_sub(signature.number.len());
            let padded = [&vec![0; missing], signature.number].concat();
            key.verify(signature.scheme, &message, &padded).is_ok()
        };
        match self.keys.iter().any(made) {
            true => Ok(()),
            false => Err(PgpError::Signature),
        }
    }
}

/// A signature of version 4 (section 5.2.3).
struct Signature<'a> {
    scheme: Scheme,
    /// From the version to the end of the hashed subpackets.
    hashed: &'a [u8],
    number: &'a [u8],
}

impl<'a> Signature<'a> {
    fn read(body: &'a [u8]) -> Result<Self, PgpError> {
        let expected = "binary RSA signature";
        let kind = || PgpError::Kind { expected };
        let mut rest = body;
        let &[version, of, algorithm, hash] = take(&mut rest, 4)? else {
            return Err(PgpError::Packet);
        };
        if version != 4 || of != BINARY || !RSA.contains(&algorithm) {
            return Err(kind());
        }
        let scheme = match hash {
            8 => Scheme::RsaPkcs1Sha256,
            9 => Scheme::RsaPkcs1Sha384,
            10 => Scheme::RsaPkcs1Sha512,
            _ => return Err(kind()),
        };
        let length = usize::from(number::<u16>(take(&mut rest, 2)?));
        take(&mut rest, length)?;
        let hashed = body
            .get(..length.saturating_add(6))
            .ok_or(PgpError::Packet)?;
        let length = usize::from(number::<u16>(take(&mut rest, 2)?));
        take(&mut rest, length)?;
        // The beginning of the hash, for a quick look.
        take(&mut rest, 2)?;
        let number = integer(&mut rest)?;
        match rest.is_empty() {
            true => Ok(Self {
                scheme,
                hashed,
                number,
            }),
            false => Err(PgpError::Packet),
        }
    }

    /// What is hashed last (section 5.2.4).
    fn trailer(&self) -> [u8; 6] {
        let [a, b, c, d] = u32::try_from(self.hashed.len())
            .unwrap_or(u32::MAX)
            .to_be_bytes();
        [4, 0xff, a, b, c, d]
    }
}

/// An RSA key of version 4 (section 5.5.2); `None` for one of another kind.
fn public_key(body: &[u8]) -> Result<Option<PublicKey>, PgpError> {
    let mut rest = body;
    let head = take(&mut rest, 6)?;
    let (Some(4), Some(algorithm)) = (head.first(), head.last()) else {
        return Ok(None);
    };
    if !RSA.contains(algorithm) {
        return Ok(None);
    }
    let (modulus, exponent) = (integer(&mut rest)?, integer(&mut rest)?);
    Ok(PublicKey::from_rsa_components(modulus, exponent).ok())
}

/// The bytes between the lines of an armor (section 6.2). Its checksum proves nothing, and is not looked at.
fn unarmored(armor: &[u8], kind: &'static str) -> Result<Vec<u8>, PgpError> {
    let wrong = || PgpError::Armor { expected: kind };
    let text = std::str::from_utf8(armor)
        .ok()
        .filter(|text| text.len() <= MAX_ARMOR)
        .ok_or_else(wrong)?;
    let mut lines = text.trim().lines().map(str::trim_end);
    if lines.next() != Some(format!("-----BEGIN {kind}-----").as_str()) {
        return Err(wrong());
    }
    // Headers such as `Version:`, up to an empty line.
    if !lines.by_ref().any(str::is_empty) {
        return Err(wrong());
    }
    let end = format!("-----END {kind}-----");
    let mut body = String::new();
    let mut is_ended = false;
    for line in lines.by_ref() {
        if line == end {
            is_ended = true;
            break;
        }
        if !line.starts_with('=') {
            body.push_str(line);
        }
    }
    if !is_ended || lines.next().is_some() {
        return Err(wrong());
    }
    STANDARD.decode(body).map_err(|_| wrong())
}

/// The first packet of `rest` (section 4.2): its type and its body. Lengths in parts are not read.
fn packet<'a>(rest: &mut &'a [u8]) -> Result<(u8, &'a [u8]), PgpError> {
    let head = *take(rest, 1)?.first().ok_or(PgpError::Packet)?;
    if head & 0x80 == 0 {
        return Err(PgpError::Packet);
    }
    let (tag, length) = match head & 0x40 == 0 {
        true => {
            let octets = match head & 3 {
                0 => 1,
                1 => 2,
                2 => 4,
                _ => return Err(PgpError::Packet),
            };
            (head >> 2 & 0x0f, number::<u32>(take(rest, octets)?))
        }
        false => {
            let length = match number::<u32>(take(rest, 1)?) {
                short @ 0..=191 => short,
                high @ 192..=223 => {
                    let low = number::<u32>(take(rest, 1)?);
                    (high.saturating_sub(192) << 8)
                        .saturating_add(low)
                        .saturating_add(192)
                }
                255 => number::<u32>(take(rest, 4)?),
                _ => return Err(PgpError::Packet),
            };
            (head & 0x3f, length)
        }
    };
    let length = usize::try_from(length).map_err(|_| PgpError::Packet)?;
    Ok((tag, take(rest, length)?))
}

/// A multiprecision integer (section 3.2), without leading zeros.
fn integer<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], PgpError> {
    let bits = usize::try_from(number::<u32>(take(rest, 2)?)).map_err(|_| PgpError::Packet)?;
    if !(1..=MAX_BITS).contains(&bits) {
        return Err(PgpError::Packet);
    }
    let bytes = take(rest, bits.div_ceil(8))?;
    // Written in one way: the first bit that is counted is a one.
    let spare = u32::try_from(bytes.len().saturating_mul(8).saturating_sub(bits)).ok();
    match bytes.first().map(|first| first.leading_zeros()) == spare {
        true => Ok(bytes),
        false => Err(PgpError::Packet),
    }
}

/// A number of one, two or four bytes, the highest first.
fn number<N: TryFrom<u64> + Default>(bytes: &[u8]) -> N {
    let value = bytes
        .iter()
        .fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    N::try_from(value).unwrap_or_default()
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], PgpError> {
    let (taken, left) = rest.split_at_checked(length).ok_or(PgpError::Packet)?;
    *rest = left;
    Ok(taken)
}

#[cfg(test)]
pub(crate) mod tests;
