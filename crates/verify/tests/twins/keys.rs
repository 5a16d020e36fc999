//! The signature and the key that made it.

use serde_json::json;
use signhere_pki::key::KeyKind;
use signhere_pki::pem;
use signhere_testkit::der::Tlv;
use signhere_testkit::forge::{self as made, Forge, Forged, Kind, Stage};

use crate::How::{Asked, Bundle, Entry, Leaf, Made, Sign};
use crate::forge::{STATEMENT, V2, V2_KEY, V2_STATEMENT};
use crate::{Twin, at, base64, material, of};

const PLAIN: Kind = Kind::PLAIN;

macro_rules! spki {
    ($name:literal) => {
        |leaf| {
            leaf.edit = |tbs| {
                replace_key(
                    tbs,
                    include_str!(concat!("../../../../testdata/keys/", $name)),
                )
            }
        }
    };
}

// A row a line.
#[rustfmt::skip]
pub(crate) const TWINS: &[Twin] = &[
    // The signature's numbers; the entry logs them as they are.
    of("ecdsa-r-zero", PLAIN, "r is zero", Sign(|s| s.finish = |sig| numbers(&sig, |r, _| r.set_content([0]))), "SH-SIGNATURE"),
    of("ecdsa-s-zero", PLAIN, "s is zero", Sign(|s| s.finish = |sig| numbers(&sig, |_, s| s.set_content([0]))), "SH-SIGNATURE"),
    of("ecdsa-both-zero", PLAIN, "r and s are zero", Sign(|s| s.finish = |_| vec![0x30, 6, 2, 1, 0, 2, 1, 0]), "SH-SIGNATURE"),
    of("ecdsa-both-one", PLAIN, "r and s are one", Sign(|s| s.finish = |_| vec![0x30, 6, 2, 1, 1, 2, 1, 1]), "SH-SIGNATURE"),
    of("ecdsa-r-order", PLAIN, "r is the order of the curve", Sign(|s| s.finish = |sig| numbers(&sig, |r, _| r.set_content(order()))), "SH-SIGNATURE"),
    of("ecdsa-s-order", PLAIN, "s is the order of the curve", Sign(|s| s.finish = |sig| numbers(&sig, |_, s| s.set_content(order()))), "SH-SIGNATURE"),
    of("ecdsa-r-plus-order", PLAIN, "the order is added to r", Sign(|s| s.finish = |sig| numbers(&sig, |r, _| plus_order(r))), "SH-SIGNATURE"),
    of("ecdsa-s-plus-order", PLAIN, "the order is added to s", Sign(|s| s.finish = |sig| numbers(&sig, |_, s| plus_order(s))), "SH-SIGNATURE"),
    of("ecdsa-r-negative", PLAIN, "r is below zero", Sign(|s| s.finish = |sig| numbers(&sig, |r, _| negate(r))), "SH-SIGNATURE"),
    of("ecdsa-s-negative", PLAIN, "s is below zero", Sign(|s| s.finish = |sig| numbers(&sig, |_, s| negate(s))), "SH-SIGNATURE"),
    of("ecdsa-swapped", PLAIN, "r and s change places", Sign(|s| s.finish = |sig| numbers(&sig, std::mem::swap)), "SH-SIGNATURE"),
    of("ecdsa-high-s", PLAIN, "the order minus s in place of s, logged so", Sign(|s| s.finish = |sig| numbers(&sig, |_, s| from_order(s))), ""),
    of("ecdsa-high-s-later", V2_KEY, "the order minus s in place of s, after it was logged", Bundle(|b| { let sig = crate::unbase64(&b["messageSignature"]["signature"]); b["messageSignature"]["signature"] = base64(&numbers(&sig, |_, s| from_order(s))) }), "SH-LOG-SIGNATURE"),
    of("ecdsa-leading-zero", PLAIN, "a zero byte too many before r", Sign(|s| { s.finish = |sig| { numbers(&sig, |r, _| { r.set_content([&[0], r.content().as_slice()].concat()) }) } }), "SH-SIGNATURE"),
    of("ecdsa-three-numbers", PLAIN, "a third number", Sign(|s| { s.finish = |sig| { let mut t = Tlv::parse(&sig).unwrap(); t.children().push(Tlv::new(2, [1])); t.to_der() } }), "SH-SIGNATURE"),
    of("ecdsa-one-number", PLAIN, "r alone", Sign(|s| { s.finish = |sig| { let mut t = Tlv::parse(&sig).unwrap(); t.children().truncate(1); t.to_der() } }), "SH-SIGNATURE"),
    of("ecdsa-ber-length", PLAIN, "the length in two bytes where one does", Sign(|s| s.finish = |sig| [&[0x30, 0x81], &sig[1..]].concat()), "SH-SIGNATURE"),
    of("ecdsa-indefinite", PLAIN, "an indefinite length", Sign(|s| s.finish = |sig| [&[0x30, 0x80], &sig[2..], &[0, 0]].concat()), "SH-SIGNATURE"),
    of("ecdsa-trailing", PLAIN, "a byte after the signature", Sign(|s| s.finish = |sig| [sig.as_slice(), &[0]].concat()), "SH-SIGNATURE"),
    of("ecdsa-fixed-length", PLAIN, "r and s side by side without DER", Sign(|s| s.finish = |sig| numbers_raw(&sig)), "SH-SIGNATURE"),
    of("ecdsa-bit", PLAIN, "the last bit of the signature, logged so", Sign(|s| { s.finish = |mut sig| { *sig.last_mut().unwrap() ^= 1; sig } }), "SH-SIGNATURE"),
    of("ecdsa-bit-later", V2_STATEMENT, "the last bit of the envelope's signature", Bundle(|b| { let s = &mut b["dsseEnvelope"]["signatures"][0]["sig"]; let mut sig = crate::unbase64(s); *sig.last_mut().unwrap() ^= 1; *s = base64(&sig) }), "SH-SIGNATURE"),
    // The key.
    of("key-signed-by-another", PLAIN, "signed by another key than the certificate's", Sign(|s| s.signer = made::fresh(KeyKind::P256)), "SH-SIGNATURE"),
    of("key-certificate-for-another", PLAIN, "a certificate for another key", Leaf(|l| l.key = made::fresh(KeyKind::P256).public_key().clone()), "SH-SIGNATURE"),
    of("key-certificate-p384", PLAIN, "a certificate for a key on P-384", Leaf(|l| l.key = made::fresh(KeyKind::P384).public_key().clone()), "SH-SIGNATURE"),
    of("key-certificate-ed25519", PLAIN, "a certificate for an Ed25519 key", Leaf(|l| l.key = made::ed25519("x").public_key().clone()), "SH-SIGNATURE-SCHEME"),
    of("key-certificate-rsa", PLAIN, "a certificate for an RSA key", Leaf(|l| l.key = made::rsa(KeyKind::Rsa2048).public_key().clone()), "SH-SIGNATURE"),
    of("key-rsa-1024", PLAIN, "a certificate for an RSA key of 1,024 bits", Leaf(spki!("rsa1024.pub")), "SH-SIGNATURE-KEY"),
    of("key-rsa-exponent-3", PLAIN, "a certificate for an RSA key with the exponent 3", Leaf(spki!("rsa2048-exponent3.pub")), "SH-SIGNATURE-KEY"),
    of("key-rsa-2560", PLAIN, "a certificate for an RSA key of 2,560 bits", Leaf(spki!("rsa2560.pub")), "SH-SIGNATURE-KEY"),
    of("key-rsa-pss-restricted", PLAIN, "a certificate for an RSA key that is for PSS alone", Leaf(spki!("rsa-pss-restricted.pub")), "SH-SIGNATURE-KEY"),
    of("key-secp256k1", PLAIN, "a certificate for a key on secp256k1", Leaf(spki!("secp256k1.pub")), "SH-SIGNATURE-KEY"),
    of("key-ed448", PLAIN, "a certificate for an Ed448 key", Leaf(spki!("ed448.pub")), "SH-SIGNATURE-KEY"),
    of("key-explicit-curve", PLAIN, "a certificate for a key with the curve's numbers in place of its name", Leaf(spki!("p256-explicit.pub")), "SH-SIGNATURE-KEY"),
    of("key-compressed", PLAIN, "a certificate for another key, its point compressed", Leaf(spki!("p256-compressed.pub")), "SH-SIGNATURE-KEY"),
    of("key-no-parameters", PLAIN, "the certificate's key without its curve", Leaf(|l| l.edit = |tbs| drop(tbs.at(&[6, 0]).children().pop())), "SH-SIGNATURE-KEY"),
    of("key-null-parameters", PLAIN, "the certificate's key with NULL for a curve", Leaf(|l| l.edit = |tbs| *tbs.at(&[6, 0, 1]) = Tlv::new(5, [])), "SH-SIGNATURE-KEY"),
    of("key-off-curve", PLAIN, "the certificate's point off its curve", Leaf(|l| { l.edit = |tbs| { let mut p = tbs.at(&[6, 1]).content(); *p.last_mut().unwrap() ^= 1; tbs.at(&[6, 1]).set_content(p) } }), "SH-SIGNATURE-KEY"),
    of("key-infinity", PLAIN, "the point at infinity", Leaf(|l| l.edit = |tbs| tbs.at(&[6, 1]).set_content([0, 0])), "SH-SIGNATURE-KEY"),
    of("key-unused-bits", PLAIN, "a bit of the key that is not used", Leaf(|l| { l.edit = |tbs| { let mut p = tbs.at(&[6, 1]).content(); p[0] = 1; tbs.at(&[6, 1]).set_content(p) } }), "SH-SIGNATURE-KEY"),
    of("key-trailing", PLAIN, "something after the key in its place", Leaf(|l| l.edit = |tbs| tbs.child(6).children().push(Tlv::new(5, []))), "SH-SIGNATURE-KEY"),
    of("key-asked-for-identity", V2_KEY, "a key given as an identity's certificate", Bundle(|b| { crate::remove(material(b), "publicKey"); material(b)["certificate"] = json!({ "rawBytes": "MAA=" }) }), "SH-BUNDLE-CERTIFICATE"),
    of("key-hint", V2_KEY, "another hint for the key", Bundle(|b| material(b)["publicKey"]["hint"] = json!("another")), ""),
    of("key-no-hint", V2_KEY, "no hint for the key", Bundle(|b| material(b)["publicKey"] = json!({})), ""),
    of("key-asked-another", V2_KEY, "another key is asked for", Asked(|c| c.forged.key = made::fresh(KeyKind::P256).public_key().clone()), "SH-SIGNATURE"),
    // What the log says of it.
    of("logged-signature", PLAIN, "another signature in the entry", Entry(|e| e.body["spec"]["signature"]["content"] = base64(b"another")), "SH-LOG-SIGNATURE"),
    of("logged-signature-v2", V2, "another signature in the entry", Entry(|e| e.body["spec"]["hashedRekordV002"]["signature"]["content"] = base64(b"another")), "SH-LOG-SIGNATURE"),
    of("logged-signature-envelope", STATEMENT, "another signature in the entry", Entry(|e| e.body["spec"]["signatures"][0]["signature"] = base64(b"another")), "SH-LOG-SIGNATURE"),
    of("logged-no-signature", STATEMENT, "no signature in the entry", Entry(|e| e.body["spec"]["signatures"] = json!([])), "SH-LOG-SIGNATURES"),
    of("logged-two-signatures", STATEMENT, "two signatures in the entry", Entry(|e| crate::repeat(&mut e.body["spec"]["signatures"], 2)), "SH-LOG-SIGNATURES"),
    of("logged-key", PLAIN, "another key in the entry", Entry(|e| { e.body["spec"]["signature"]["publicKey"]["content"] = base64(made::fresh(KeyKind::P256).public_key().to_pem().as_bytes()) }), "SH-LOG-KEY"),
    of("logged-key-of-certificate", PLAIN, "the certificate's key alone in the entry", Made(logged_key_alone), "SH-LOG-KEY"),
    of("logged-certificate-of-same-key", PLAIN, "another certificate of the same key in the entry", Made(certificate_of_same_key), "SH-LOG-KEY"),
    of("logged-key-v2", V2_KEY, "another key in the entry", Entry(|e| { e.body["spec"]["hashedRekordV002"]["signature"]["verifier"]["publicKey"]["rawBytes"] = base64(made::fresh(KeyKind::P256).public_key().spki_der()) }), "SH-LOG-KEY"),
    of("logged-two-keys", V2_KEY, "a key and a certificate in the entry", Entry(|e| { e.body["spec"]["hashedRekordV002"]["signature"]["verifier"]["x509Certificate"] = json!({ "rawBytes": "MAA=" }) }), "SH-LOG-BODY"),
    of("logged-pem-twice", PLAIN, "the certificate twice in the entry's PEM", Entry(|e| { let c = &mut e.body["spec"]["signature"]["publicKey"]["content"]; *c = base64(&crate::unbase64(c).repeat(2)) }), "SH-LOG-BODY"),
    of("logged-pem-label", PLAIN, "another label on the entry's PEM", Entry(|e| { let c = &mut e.body["spec"]["signature"]["publicKey"]["content"]; let t = String::from_utf8(crate::unbase64(c)).unwrap(); *c = base64(t.replace("CERTIFICATE", "X509 CRL").as_bytes()) }), "SH-LOG-BODY"),
    of("logged-details-p384", V2, "key details of P-384", Entry(|e| { e.body["spec"]["hashedRekordV002"]["signature"]["verifier"]["keyDetails"] = json!("PKIX_ECDSA_P384_SHA_384") }), "SH-SIGNATURE-SCHEME"),
    of("logged-details-ed25519", V2_KEY, "key details of Ed25519", Entry(|e| { e.body["spec"]["hashedRekordV002"]["signature"]["verifier"]["keyDetails"] = json!("PKIX_ED25519") }), "SH-LOG-BODY"),
    of("logged-details-number", V2_KEY, "key details by number", Entry(|e| { e.body["spec"]["hashedRekordV002"]["signature"]["verifier"]["keyDetails"] = json!(5) }), ""),
    of("logged-details-unknown", V2_KEY, "unknown key details", Entry(|e| { e.body["spec"]["hashedRekordV002"]["signature"]["verifier"]["keyDetails"] = json!("PKIX_ECDSA_P256_SHA_1") }), "SH-LOG-BODY"),
    of("logged-kind", PLAIN, "declared as dsse", Entry(|e| e.kind = "dsse".to_owned()), "SH-LOG-KIND-MISMATCH"),
    of("logged-kind-unknown", PLAIN, "declared and logged as rekord", Entry(|e| { e.kind = "rekord".to_owned(); e.body["kind"] = json!("rekord") }), "SH-LOG-KIND"),
    of("logged-version", PLAIN, "declared as 0.0.2", Entry(|e| e.version = "0.0.2".to_owned()), "SH-LOG-KIND-MISMATCH"),
    of("logged-version-unknown", PLAIN, "declared and logged as 0.0.9", Entry(|e| { e.version = "0.0.9".to_owned(); e.body["apiVersion"] = json!("0.0.9") }), "SH-LOG-KIND"),
    of("logged-kind-later", V2, "declared as dsse after it was logged", Bundle(|b| at(b)["kindVersion"]["kind"] = json!("dsse")), "SH-LOG-KIND-MISMATCH"),
    of("logged-twice-in-body", PLAIN, "the entry's `spec` twice", Made(|forge, kind| { let mut f = forge.bundle(kind); let body = crate::unbase64(&at(&mut f.json)["canonicalizedBody"]); let t = String::from_utf8(body).unwrap().replacen(r#""spec":"#, r#""spec":{},"spec":"#, 1); at(&mut f.json)["canonicalizedBody"] = base64(t.as_bytes()); f }), "SH-LOG-BODY"),
    of("logged-entry-of-another", PLAIN, "the whole entry of another signature by the same key", Made(entry_of_another), "SH-LOG-SIGNATURE"),
];

fn numbers(signature: &[u8], change: impl Fn(&mut Tlv, &mut Tlv)) -> Vec<u8> {
    let mut tree = Tlv::parse(signature).unwrap();
    let [r, s] = tree.children().as_mut_slice() else {
        panic!("not two numbers");
    };
    change(r, s);
    tree.to_der()
}

fn numbers_raw(signature: &[u8]) -> Vec<u8> {
    let mut tree = Tlv::parse(signature).unwrap();
    let fixed = |number: &Tlv| {
        let digits = number.content();
        let digits = digits.strip_prefix(&[0]).unwrap_or(&digits).to_vec();
        [vec![0; 32 - digits.len()], digits].concat()
    };
    tree.children().iter().flat_map(fixed).collect()
}

/// The order of P-256 (SP 800-186 section 3.2.1.3), as an INTEGER has it.
fn order() -> Vec<u8> {
    let digits = "00ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    hex(digits)
}

fn hex(digits: &str) -> Vec<u8> {
    let pairs = (0..digits.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

fn plus_order(number: &mut Tlv) {
    add(number, &order(), |a, b| a + b);
}

fn from_order(number: &mut Tlv) {
    add(number, &order(), |number, order| order - number);
}

/// Digit by digit, with what is carried; the result as an INTEGER has it.
fn add(number: &mut Tlv, other: &[u8], combine: fn(i32, i32) -> i32) {
    let digits = number.content();
    let mut sum = vec![0; 34];
    let mut carried = 0;
    for place in 1..=34 {
        let digit = |of: &[u8]| {
            of.len()
                .checked_sub(place)
                .map_or(0, |at| i32::from(of[at]))
        };
        let value = combine(digit(&digits), digit(other)) + carried;
        carried = value.div_euclid(256);
        sum[34 - place] = u8::try_from(value.rem_euclid(256)).unwrap();
    }
    while sum[0] == 0 && sum[1] < 0x80 {
        sum.remove(0);
    }
    number.set_content(sum);
}

fn negate(number: &mut Tlv) {
    let mut digits = number.content();
    if digits[0] == 0 {
        digits.remove(0);
    }
    digits[0] |= 0x80;
    number.set_content(digits);
}

fn replace_key(tbs: &mut Tlv, pem: &str) {
    let key = pem::decode_one(pem, "PUBLIC KEY").unwrap();
    *tbs.child(6) = Tlv::parse(&key).unwrap();
}

fn certificate_of_same_key(forge: &Forge, kind: Kind) -> Forged {
    let key = made::fresh(KeyKind::P256);
    let mut content = None;
    let mut forged = || {
        forge.spoiled(kind, |stage| match stage {
            Stage::Leaf(plan) => plan.key = key.public_key().clone(),
            Stage::Sign(plan) => plan.signer = key.clone(),
            Stage::Entry(entry) => {
                let own = &mut entry.body["spec"]["signature"]["publicKey"]["content"];
                match &content {
                    Some(other) => *own = std::clone::Clone::clone(other),
                    None => content = Some(own.clone()),
                }
            }
            _ => {}
        })
    };
    forged();
    forged()
}

fn logged_key_alone(forge: &Forge, kind: Kind) -> Forged {
    let mut pem = String::new();
    forge.spoiled(kind, |stage| match stage {
        Stage::Leaf(plan) => pem = plan.key.to_pem(),
        Stage::Entry(entry) => {
            entry.body["spec"]["signature"]["publicKey"]["content"] = base64(pem.as_bytes());
        }
        _ => {}
    })
}

fn entry_of_another(forge: &Forge, kind: Kind) -> Forged {
    let key = made::fresh(KeyKind::P256);
    let forged = || {
        forge.spoiled(kind, |stage| match stage {
            Stage::Leaf(plan) => plan.key = key.public_key().clone(),
            Stage::Sign(plan) => plan.signer = key.clone(),
            _ => {}
        })
    };
    let (mut other, mut own) = (forged(), forged());
    *at(&mut own.json) = at(&mut other.json).clone();
    own
}
