use signhere_pki::key::{PrivateKey, Signer as _};

use super::*;

const KEYS: &str = include_str!("../../../../testdata/git-platform/key.asc");
const OTHER: &str = include_str!("../../../../testdata/git-platform/ed25519.asc");
const PAYLOAD: &[u8] = include_bytes!("../../../../testdata/git-platform/payload");
const ARMOR: &[u8] = include_bytes!("../../../../testdata/git-platform/payload.asc");
const TEXT: &[u8] = include_bytes!("../../../../testdata/git-platform/text.asc");

/// A forge: its keys, and how it signs.
pub(crate) fn forge() -> (String, impl Fn(&[u8]) -> String) {
    let pem = include_str!("../../../../testdata/keys/rsa2048-pkcs1.key");
    let key = PrivateKey::from_pem(pem).unwrap();
    let key = key.with_scheme(Scheme::RsaPkcs1Sha256).unwrap();
    let number = |bytes: &[u8]| {
        let spare = u16::try_from(bytes[0].leading_zeros()).unwrap();
        let bits = u16::try_from(bytes.len() * 8).unwrap() - spare;
        [&bits.to_be_bytes(), bytes].concat()
    };
    let packet = |tag: u8, body: &[u8]| {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[0xc0 | tag, 255], length.as_slice(), body].concat()
    };
    let armored = |kind: &str, bytes: &[u8]| {
        let body = STANDARD.encode(bytes);
        format!("-----BEGIN {kind}-----\n\n{body}\n-----END {kind}-----\n")
    };
    let (modulus, exponent) = key.public_key().rsa_components().unwrap();
    let body = [
        &[4, 0, 0, 0, 0, 1],
        number(modulus).as_slice(),
        &number(exponent),
    ]
    .concat();
    let keys = armored(KEY, &packet(TAG_PUBLIC_KEY, &body));
    let sign = move |payload: &[u8]| {
        let hashed = [4, BINARY, 1, 8, 0, 0];
        let message = [payload, &hashed, &[4, 0xff, 0, 0, 0, 6]].concat();
        let made = key.sign(&message).unwrap();
        let made = made.as_slice();
        let start = made.iter().position(|byte| *byte != 0).unwrap();
        let body = [hashed.as_slice(), &[0, 0, 0, 0], &number(&made[start..])].concat();
        armored(SIGNATURE, &packet(TAG_SIGNATURE, &body))
    };
    (keys, sign)
}

#[test]
fn what_we_sign_as_a_forge_is_verified() {
    let (keys, sign) = forge();
    let keys = PgpKeys::from_armor(&keys).unwrap();
    assert_eq!(keys.verify(b"a", sign(b"a").as_bytes()), Ok(()));
    assert_eq!(
        keys.verify(b"b", sign(b"a").as_bytes()),
        Err(PgpError::Signature)
    );
}

fn keys() -> PgpKeys {
    PgpKeys::from_armor(KEYS).unwrap()
}

#[test]
fn what_gnupg_signed_is_verified() {
    assert_eq!(keys().verify(PAYLOAD, ARMOR), Ok(()));
}

#[test]
fn another_payload_key_or_signature_is_refused() {
    let mut other = PAYLOAD.to_vec();
    other.push(b'\n');
    assert_eq!(keys().verify(&other, ARMOR), Err(PgpError::Signature));
    let kind = |expected| PgpError::Kind { expected };
    assert_eq!(PgpKeys::from_armor(OTHER), Err(kind("RSA key")));
    let text = keys().verify(PAYLOAD, TEXT);
    assert_eq!(text, Err(kind("binary RSA signature")));
    for (armor, expected) in [
        (KEYS.as_bytes(), SIGNATURE),
        (b"".as_slice(), SIGNATURE),
        (b"-----BEGIN PGP SIGNATURE-----\n\nAAAA\n", SIGNATURE),
        (
            b"-----BEGIN PGP SIGNATURE-----\n\n!\n-----END PGP SIGNATURE-----\n",
            SIGNATURE,
        ),
        (&[0xff; 100], SIGNATURE),
    ] {
        let refused = keys().verify(PAYLOAD, armor);
        assert_eq!(refused, Err(PgpError::Armor { expected }));
    }
    let behind = [ARMOR, b"more\n"].concat();
    let expected = SIGNATURE;
    assert_eq!(
        keys().verify(PAYLOAD, &behind),
        Err(PgpError::Armor { expected })
    );
}

#[test]
fn no_changed_byte_is_taken_and_none_does_harm() {
    let keys = keys();
    let bytes = unarmored(ARMOR, SIGNATURE).unwrap();
    let armored = |bytes: &[u8]| {
        let body = STANDARD.encode(bytes);
        format!("-----BEGIN {SIGNATURE}-----\n\n{body}\n-----END {SIGNATURE}-----\n").into_bytes()
    };
    assert_eq!(keys.verify(PAYLOAD, &armored(&bytes)), Ok(()));
    let mut taken = Vec::new();
    for at in 0..bytes.len() {
        let mut spoiled = bytes.clone();
        spoiled[at] ^= 1;
        if keys.verify(PAYLOAD, &armored(&spoiled)).is_ok() {
            taken.push(at);
        }
        let cut = keys.verify(PAYLOAD, &armored(&bytes[..at]));
        assert_eq!(cut, Err(PgpError::Packet));
    }
    // What is not signed: the unhashed subpackets, and the two bytes that begin the hash.
    let hashed = usize::from(number::<u16>(&bytes[3 + 4..3 + 6]));
    let unhashed = 3 + 6 + hashed;
    let length = usize::from(number::<u16>(&bytes[unhashed..unhashed + 2]));
    let expected: Vec<usize> = (unhashed + 2..unhashed + 2 + length + 2).collect();
    assert_eq!(taken, expected);
    for at in 0..KEYS.len() {
        let _ = PgpKeys::from_armor(KEYS.get(..at).unwrap_or_default());
    }
}
