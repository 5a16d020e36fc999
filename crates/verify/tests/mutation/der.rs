//! As much DER as it takes to find the parts of a timestamp, and to turn an ECDSA signature into its twin.

use std::ops::Range;

/// Whether two replies are equally long and differ only where no signature reaches: in the status, which precedes the
/// token, in the versions, in the list of digest algorithms ahead of the content, and in the embedded certificates.
pub(crate) fn differ_in_unsigned_parts(old: &[u8], new: &[u8]) -> bool {
    let unsigned = unsigned_parts(old);
    old.len() == new.len()
        && old
            .iter()
            .zip(new)
            .enumerate()
            .filter(|(_, (old, new))| old != new)
            .all(|(at, _)| unsigned.iter().any(|part| part.contains(&at)))
}

/// The places in a TimeStampResp (RFC 3161 section 2.4.2) that its signature does not cover.
fn unsigned_parts(reply: &[u8]) -> Vec<Range<usize>> {
    let Ok([status, token]) = <[_; 2]>::try_from(children(reply, 0..reply.len())) else {
        return Vec::new();
    };
    let mut parts = vec![status];
    // ContentInfo: the kind, then [0] around SignedData (RFC 5652 section 3).
    let explicit = children(reply, token).pop();
    let signed_data = explicit.and_then(|explicit| children(reply, explicit).pop());
    let fields = signed_data.map_or_else(Vec::new, |data| children(reply, data));
    // Section 5.1: version, digestAlgorithms, the content, certificates [0], the signers, each with a version first.
    let signers = fields.last().cloned();
    for (index, field) in fields.into_iter().enumerate() {
        if index < 2 || reply[field.start] == 0xa0 {
            parts.push(field);
        }
    }
    let signer = signers.and_then(|signers| children(reply, signers).pop());
    let version = signer.map_or_else(Vec::new, |signer| children(reply, signer));
    parts.extend(version.into_iter().take(1));
    parts
}

/// The ECDSA signature with n - s in place of s, which verifies as the first does (P-256 and P-384).
pub(crate) fn twin(signature: &[u8]) -> Vec<u8> {
    let Ok([r, s]) = <[_; 2]>::try_from(children(signature, 0..signature.len())) else {
        return Vec::new();
    };
    let digits = &signature[content(signature, &s)];
    let digits = digits.strip_prefix(&[0]).unwrap_or(digits);
    let order = if digits.len() > 32 {
        &P384[..]
    } else {
        &P256[..]
    };
    let missing = order.len() - digits.len();
    let mut negated = order.to_vec();
    let mut borrow = 0;
    for at in (0..order.len()).rev() {
        let digit = at.checked_sub(missing).map_or(0, |at| digits[at]);
        let difference = i16::from(order[at]) - i16::from(digit) - borrow;
        borrow = i16::from(difference < 0);
        negated[at] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    let zeros = negated.iter().take_while(|byte| **byte == 0).count();
    negated.drain(..zeros);
    if negated[0] >= 0x80 {
        negated.insert(0, 0);
    }
    tlv(0x30, &[&signature[r], &tlv(0x02, &[&negated])])
}

/// `der` with the signature at its very end changed, be it in an octet string or a bit string, and all lengths around
/// it made to fit.
pub(crate) fn change_last(der: &[u8], change: fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let inside = &der[content(der, &(0..der.len()))];
    match der[0] {
        0x03 => return tlv(0x03, &[&[0], &change(&inside[1..])]),
        0x04 => return tlv(0x04, &[&change(inside)]),
        _ => {}
    }
    let mut parts = children(der, 0..der.len());
    let last = parts.pop().unwrap();
    let last = change_last(&der[last], change);
    let mut contents: Vec<&[u8]> = parts.iter().map(|part| &der[part.clone()]).collect();
    contents.push(&last);
    tlv(der[0], &contents)
}

/// The orders of the curves (SP 800-186 section 3.2.1).
const P256: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
const P384: [u8; 48] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf,
    0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
];

/// The values inside the constructed value at `at`.
fn children(der: &[u8], at: Range<usize>) -> Vec<Range<usize>> {
    let inside = content(der, &at);
    let mut start = inside.start;
    let mut children = Vec::new();
    while start < inside.end {
        let end = content(der, &(start..inside.end)).end;
        children.push(start..end);
        start = end;
    }
    children
}

/// The content of the value that starts at `at`.
fn content(der: &[u8], at: &Range<usize>) -> Range<usize> {
    let (start, length) = match der[at.start + 1] {
        0x81 => (at.start + 3, usize::from(der[at.start + 2])),
        0x82 => {
            let length = [der[at.start + 2], der[at.start + 3]];
            (at.start + 4, usize::from(u16::from_be_bytes(length)))
        }
        short => (at.start + 2, usize::from(short)),
    };
    start..start + length
}

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
    let header = match (high, low) {
        (0, 0..128) => vec![tag, low],
        (0, _) => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [header, content].concat()
}
