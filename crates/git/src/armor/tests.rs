use proptest::prelude::*;

use super::*;

const SSH: &[u8] = b"-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----\n";

/// A signature packet of version 4 whose subpackets are these.
fn pgp(hashed: &[u8], unhashed: &[u8]) -> Vec<u8> {
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap().to_be_bytes();
    let packet = [
        &[4, 0, 1, 8][..],
        &length(hashed),
        hashed,
        &length(unhashed),
        unhashed,
        &[0; 4],
    ]
    .concat();
    let packet = [&[0xc2, u8::try_from(packet.len()).unwrap()], &packet[..]].concat();
    armored(&packet)
}

fn armored(packet: &[u8]) -> Vec<u8> {
    let base64 = STANDARD.encode(packet);
    format!(
        "-----BEGIN PGP SIGNATURE-----\nVersion: a b\n\n{base64}\n=abcd\n-----END PGP SIGNATURE-----\n"
    )
    .into_bytes()
}

fn key(key_id: &str, platform: Option<&'static str>) -> SignatureKind {
    SignatureKind::Pgp {
        key_id: Some(key_id.to_owned()),
        platform,
    }
}

const NO_KEY: SignatureKind = SignatureKind::Pgp {
    key_id: None,
    platform: None,
};

#[test]
fn kinds_are_told_from_the_first_line() {
    let x509 = Armor::encode(b"abc");
    assert_eq!(Armor::classify(x509.as_bytes()), SignatureKind::X509);
    assert_eq!(Armor::classify(SSH), SignatureKind::Ssh);
    assert_eq!(Armor::classify(b""), SignatureKind::Unknown);
    assert_eq!(
        Armor::classify(b" -----BEGIN SSH SIGNATURE-----"),
        SignatureKind::Unknown
    );
    assert_eq!(Armor::classify(b"-----BEGIN PGP SIGNATURE-----\n"), NO_KEY);
}

#[test]
fn the_key_that_a_pgp_signature_names_is_found() {
    let web_flow = hex::decode("B5690EEEBB952194").unwrap();
    let issuer = [&[9, 16][..], &web_flow].concat();
    let fingerprint = [&[22, 33, 4][..], &[1; 12], &web_flow].concat();
    let time = [5, 0x82, 0, 0, 0, 0];
    let expected = key("B5690EEEBB952194", Some("github"));
    assert_eq!(Armor::classify(&pgp(&time, &issuer)), expected);
    assert_eq!(Armor::classify(&pgp(&fingerprint, &issuer)), expected);
    assert_eq!(
        Armor::classify(&pgp(&[&time[..], &fingerprint].concat(), &[])),
        expected
    );

    let other = [9, 16, 1, 2, 3, 4, 5, 6, 7, 8];
    assert_eq!(
        Armor::classify(&pgp(&[], &other)),
        key("0102030405060708", None)
    );
    // Two keys, no key, cut short.
    assert_eq!(Armor::classify(&pgp(&other, &issuer)), NO_KEY);
    assert_eq!(Armor::classify(&pgp(&time, &[])), NO_KEY);
    assert_eq!(Armor::classify(&pgp(&[9, 16, 1], &[])), NO_KEY);

    let old = [
        &[0x88, 19, 3, 5, 0, 0, 0, 0, 0][..],
        &web_flow,
        &[1, 8, 0, 0],
    ]
    .concat();
    assert_eq!(Armor::classify(&armored(&old)), expected);
    assert_eq!(Armor::classify(&armored(&[0x99, 1])), NO_KEY);
}

#[test]
fn what_is_written_is_read() {
    for length in [1, 2, 3, 47, 48, 49, 96, 1000] {
        let der: Vec<u8> = (0..length).map(|n: usize| n.to_le_bytes()[0]).collect();
        let armor = Armor::encode(&der);
        assert_eq!(Armor::decode(armor.as_bytes()), Ok(der.clone()));
        assert_eq!(Armor::decode(armor.trim_end().as_bytes()), Ok(der.clone()));
        assert_eq!(Armor::decode(format!("{armor}\n").as_bytes()), Ok(der));
    }
}

#[test]
fn another_form_is_refused() {
    let good = Armor::encode(&[7; 100]);
    let refused = |text: &str| Armor::decode(text.as_bytes()).unwrap_err();
    assert_eq!(refused(&format!(" {good}")), ArmorError::Begin);
    assert_eq!(refused(&good.replace('\n', "\r\n")), ArmorError::Begin);
    assert_eq!(refused(&good.replace("END", "DNE")), ArmorError::End);
    assert_eq!(refused(&format!("{good}{good}")), ArmorError::Trailing);
    assert_eq!(refused(&format!("{good}text")), ArmorError::Trailing);
    assert_eq!(
        refused(&good.replacen("-----\n", "-----\n\n", 1)),
        ArmorError::Line
    );
    assert_eq!(
        refused(&good.replacen("-----\n", "-----\nA: b\n", 1)),
        ArmorError::Line
    );
    assert_eq!(
        refused(&good.replacen("BwcH\n", "Bwc\nH", 1)),
        ArmorError::Line
    );
    assert_eq!(
        refused(&good.replacen("BwcH", "Bw!H", 1)),
        ArmorError::Base64
    );
    assert_eq!(
        refused(&good.replacen("Bw==", "Bx==", 1)),
        ArmorError::Base64
    );
    let empty = "-----BEGIN SIGNED MESSAGE-----\n-----END SIGNED MESSAGE-----\n";
    assert_eq!(refused(empty), ArmorError::Line);
    assert_eq!(
        Armor::decode(&vec![b'a'; MAX_ARMOR_LEN + 1]),
        Err(ArmorError::TooLong {
            found: MAX_ARMOR_LEN + 1,
            max: MAX_ARMOR_LEN,
        })
    );
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Armor::classify(&bytes);
        let _ = Armor::decode(&bytes);
        let _ = Armor::classify(&armored(&bytes));
        let _ = Armor::classify(&pgp(&bytes, &[]));
    }
}
