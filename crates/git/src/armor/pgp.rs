//! Which key an OpenPGP signature names (RFC 9580 section 5.2). Nothing is verified here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{MAX_ARMOR_LEN, SignatureKind};

/// The keys by which platforms sign what people do in their web pages.
const PLATFORMS: [(&str, &str); 2] = [
    ("4AEE18F83AFDEB23", "github"), // until January 2024
    ("B5690EEEBB952194", "github"),
];

const ISSUER_KEY_ID: u8 = 16;
const ISSUER_FINGERPRINT: u8 = 33;

pub(super) fn classify(armor: &[u8]) -> SignatureKind {
    let key_id = packet(armor).as_deref().and_then(key_id);
    let key_id = key_id.map(hex::encode_upper);
    let known = PLATFORMS
        .iter()
        .find(|(id, _)| key_id.as_deref() == Some(id));
    SignatureKind::Pgp {
        platform: known.map(|(_, platform)| *platform),
        key_id,
    }
}

/// The bytes in the armor, its headers and checksum left out.
fn packet(armor: &[u8]) -> Option<Vec<u8>> {
    if armor.len() > MAX_ARMOR_LEN {
        return None;
    }
    let text = std::str::from_utf8(armor).ok()?;
    let lines = text.lines().map(str::trim_end).skip(1);
    let body = lines.skip_while(|line| !line.is_empty());
    let body = body.take_while(|line| !line.starts_with(['=', '-']));
    STANDARD.decode(body.collect::<String>()).ok()
}

/// The id that the first packet, a signature, names.
fn key_id(bytes: &[u8]) -> Option<[u8; 8]> {
    let mut bytes = bytes;
    let header = take(&mut bytes, 1)?.first().copied()?;
    let length = match (header & 0xc0, header & 0x3f, header & 0x03) {
        (0xc0, 2, _) => new_length(&mut bytes)?,
        (0x80, kind, length) if kind >> 2 == 2 => match length {
            0 => number(take(&mut bytes, 1)?)?,
            1 => number(take(&mut bytes, 2)?)?,
            2 => number(take(&mut bytes, 4)?)?,
            _ => bytes.len(),
        },
        _ => return None,
    };
    let mut packet = take(&mut bytes, length)?;
    match take(&mut packet, 1)? {
        [3] => {
            take(&mut packet, 6)?; // a length, type and time
            take(&mut packet, 8)?.try_into().ok()
        }
        [4] => {
            take(&mut packet, 3)?; // type and algorithms
            let mut ids = Vec::new();
            for _hashed in [true, false] {
                let length = number(take(&mut packet, 2)?)?;
                let mut fields = take(&mut packet, length)?;
                while !fields.is_empty() {
                    let length = new_length(&mut fields)?;
                    ids.extend(subpacket(take(&mut fields, length)?));
                }
            }
            let first = *ids.first()?;
            ids.iter().all(|id| *id == first).then_some(first)
        }
        _ => None,
    }
}

/// The key id in a subpacket that has one.
fn subpacket(bytes: &[u8]) -> Option<[u8; 8]> {
    let (kind, value) = bytes.split_first()?;
    match (kind & 0x7f, value) {
        (ISSUER_KEY_ID, id) => id.try_into().ok(),
        (ISSUER_FINGERPRINT, [4, fingerprint @ ..]) if fingerprint.len() == 20 => {
            fingerprint.last_chunk().copied()
        }
        _ => None,
    }
}

fn new_length(bytes: &mut &[u8]) -> Option<usize> {
    let first = usize::from(*take(bytes, 1)?.first()?);
    match first {
        0..192 => Some(first),
        192..224 => {
            let second = usize::from(*take(bytes, 1)?.first()?);
            Some((first - 192) * 256 + second + 192)
        }
        255 => number(take(bytes, 4)?),
        _ => None,
    }
}

fn number(bytes: &[u8]) -> Option<usize> {
    let value = bytes
        .iter()
        .fold(0u32, |value, byte| (value << 8) | u32::from(*byte));
    usize::try_from(value).ok()
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}
