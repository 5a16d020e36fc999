//! The certificate: its authority, its extensions, its names, and the log that saw it.

use signhere_pki::cert::San;
use signhere_pki::fulcio;
use signhere_pki::key::KeyKind;
use signhere_testkit::der::Tlv;
use signhere_testkit::forge::{
    self as made, Forge, Forged, IDENTITY, ISSUER, Kind, SIGNED_AT, Stage, Under,
};

use crate::How::{Asked, Bundle, Leaf, Made};
use crate::forge::V2;
use crate::{Twin, base64, material, of, unbase64};

const PLAIN: Kind = Kind::PLAIN;

// A row a line.
#[rustfmt::skip]
pub(crate) const TWINS: &[Twin] = &[
    // The authority.
    of("cert-impostor", PLAIN, "issued by somebody of the authority's name", Leaf(|l| l.under = Under::Impostor), "SH-CERT-CHAIN"),
    of("cert-stranger", PLAIN, "issued by somebody that nobody knows", Leaf(|l| l.under = Under::Stranger), "SH-CERT-UNTRUSTED"),
    of("cert-self-signed", PLAIN, "the subject is the issuer", Leaf(|l| l.edit = |tbs| *tbs.child(5) = tbs.child(3).clone()), "SH-BUNDLE-ROOT"),
    of("cert-issuer-empty", PLAIN, "no issuer", Leaf(|l| { l.edit = |tbs| { tbs.child(3).set_content([]); *tbs.child(5) = named("x") } }), "SH-CERT-UNTRUSTED"),
    of("cert-issuer-case", PLAIN, "the issuer's name in capitals", Leaf(|l| { l.edit = |tbs| { let c = tbs.child(3).content(); let at = c.windows(5).position(|w| w == b"forge").unwrap(); let mut c = c; c[at] = b'F'; tbs.child(3).set_content(c) } }), "SH-CERT-UNTRUSTED"),
    of("cert-signature", PLAIN, "a bit of the authority's signature", Leaf(|l| { l.finish = |c| { let mut s = c.child(2).content(); *s.last_mut().unwrap() ^= 1; c.child(2).set_content(s) } }), "SH-CERT-CHAIN"),
    of("cert-signature-empty", PLAIN, "an empty signature", Leaf(|l| l.finish = |c| c.child(2).set_content([0])), "SH-CERT-CHAIN"),
    of("cert-signature-unused-bits", PLAIN, "unused bits in the signature", Leaf(|l| { l.finish = |c| { let mut s = c.child(2).content(); s[0] = 1; c.child(2).set_content(s) } }), "SH-BUNDLE-CERTIFICATE"),
    of("cert-serial-later", PLAIN, "another serial number after it was signed", Leaf(|l| l.finish = |c| c.at(&[0, 1]).set_content([7])), "SH-CERT-CHAIN"),
    of("cert-name-later", PLAIN, "another name after it was signed", Leaf(|l| l.finish = |c| san(c.child(0)).set_content(*b"ava@example.test")), "SH-CERT-CHAIN"),
    of("cert-algorithm-differs", PLAIN, "another algorithm outside than inside", Leaf(|l| { l.finish = |c| { c.at(&[1, 0]).set_content([0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]) } }), "SH-BUNDLE-CERTIFICATE"),
    of("cert-algorithm-sha1", PLAIN, "said to be signed with SHA-1", Leaf(|l| { l.edit = |tbs| tbs.at(&[2, 0]).set_content(SHA1); l.finish = |c| c.at(&[1, 0]).set_content(SHA1) }), "SH-CERT-CHAIN"),
    of("cert-algorithm-parameters", PLAIN, "NULL beside the signature's algorithm", Leaf(|l| { l.edit = |tbs| tbs.child(2).children().push(Tlv::new(5, [])); l.finish = |c| c.child(1).children().push(Tlv::new(5, [])) }), ""),
    // Its encoding.
    of("cert-version-1", PLAIN, "no version", Leaf(|l| l.edit = |tbs| drop(tbs.children().remove(0))), "SH-BUNDLE-CERTIFICATE"),
    of("cert-version-2", PLAIN, "version 2", Leaf(|l| l.edit = |tbs| tbs.at(&[0, 0]).set_content([1])), "SH-BUNDLE-CERTIFICATE"),
    of("cert-version-4", PLAIN, "version 4", Leaf(|l| l.edit = |tbs| tbs.at(&[0, 0]).set_content([3])), "SH-BUNDLE-CERTIFICATE"),
    of("cert-serial-negative", PLAIN, "a serial number below zero", Leaf(|l| l.edit = |tbs| tbs.child(1).set_content([0x80])), ""),
    of("cert-serial-overlong", PLAIN, "a zero byte too many before the serial number", Leaf(|l| l.edit = |tbs| tbs.child(1).set_content([0, 7])), "SH-BUNDLE-CERTIFICATE"),
    of("cert-serial-empty", PLAIN, "an empty serial number", Leaf(|l| l.edit = |tbs| tbs.child(1).set_content([])), "SH-BUNDLE-CERTIFICATE"),
    of("cert-trailing", PLAIN, "a byte after the certificate", Bundle(|b| { let raw = &mut material(b)["certificate"]["rawBytes"]; *raw = base64(&[unbase64(raw).as_slice(), &[0]].concat()) }), "SH-BUNDLE-CERTIFICATE"),
    of("cert-trailing-inside", PLAIN, "something after the signature", Leaf(|l| l.finish = |c| c.children().push(Tlv::new(5, []))), "SH-BUNDLE-CERTIFICATE"),
    of("cert-ber-length", PLAIN, "the signed part's length in three bytes where two do", Leaf(|l| { l.finish = |c| { let n = c.child(0).content().len(); let [_, h, m, lo] = u32::try_from(n).unwrap().to_be_bytes(); c.child(0).set_length(&[0x83, h, m, lo]) } }), "SH-BUNDLE-CERTIFICATE"),
    of("cert-indefinite", PLAIN, "an indefinite length", Leaf(|l| { l.finish = |c| { c.set_length(&[0x80]); c.children().push(Tlv::new(0, [])) } }), "SH-BUNDLE-CERTIFICATE"),
    of("cert-pem", PLAIN, "PEM in place of DER", Bundle(|b| { let raw = &mut material(b)["certificate"]["rawBytes"]; *raw = base64(signhere_pki::pem::encode("CERTIFICATE", &unbase64(raw)).as_bytes()) }), "SH-BUNDLE-CERTIFICATE"),
    of("cert-64k", PLAIN, "an extension of 64 KiB", Leaf(|l| l.edit = |tbs| add(tbs, &[0x2b, 7], false, vec![7; 65_536])), "SH-BUNDLE-CERTIFICATE"),
    of("cert-unique-id", PLAIN, "an identifier of X.509 version 2", Leaf(|l| l.edit = |tbs| tbs.children().insert(7, Tlv::new(0x81, [0, 7]))), "SH-BUNDLE-CERTIFICATE"),
    // Its extensions.
    of("ext-ca", PLAIN, "the leaf is a CA", Leaf(|l| l.edit = |tbs| add(tbs, &BASIC, true, vec![0x30, 3, 1, 1, 0xff])), "SH-CERT-CHAIN"),
    of("ext-not-ca", PLAIN, "the leaf is no CA, and says so", Leaf(|l| l.edit = |tbs| add(tbs, &BASIC, true, vec![0x30, 0])), ""),
    of("ext-path-length", PLAIN, "a path length in the leaf", Leaf(|l| l.edit = |tbs| add(tbs, &BASIC, true, vec![0x30, 3, 2, 1, 0])), ""),
    of("ext-ca-ber", PLAIN, "the leaf is a CA, its truth written as 1", Leaf(|l| l.edit = |tbs| add(tbs, &BASIC, true, vec![0x30, 3, 1, 1, 1])), "SH-BUNDLE-CERTIFICATE"),
    of("ext-ca-default", PLAIN, "no CA, the default written out", Leaf(|l| l.edit = |tbs| add(tbs, &BASIC, true, vec![0x30, 3, 1, 1, 0])), ""),
    of("ext-name-constraints", PLAIN, "name constraints", Leaf(|l| l.edit = |tbs| add(tbs, &[0x55, 0x1d, 0x1e], true, vec![0x30, 0])), "SH-CERT-CHAIN"),
    of("ext-critical-unknown", PLAIN, "an unknown critical extension", Leaf(|l| l.edit = |tbs| add(tbs, &[0x2b, 7], true, vec![5, 0])), "SH-CERT-CHAIN"),
    of("ext-unknown", PLAIN, "an unknown extension", Leaf(|l| l.edit = |tbs| add(tbs, &[0x2b, 7], false, vec![5, 0])), ""),
    of("ext-twice", PLAIN, "an unknown extension twice", Leaf(|l| { l.edit = |tbs| { add(tbs, &[0x2b, 7], false, vec![5, 0]); add(tbs, &[0x2b, 7], false, vec![5, 0]) } }), "SH-BUNDLE-CERTIFICATE"),
    of("ext-65", PLAIN, "65 extensions more", Leaf(|l| { l.edit = |tbs| { for n in 0..65 { add(tbs, &[0x2b, 7, n], false, vec![5, 0]) } } }), "SH-BUNDLE-CERTIFICATE"),
    of("ext-none", PLAIN, "no extensions but the timestamp of the log", Leaf(|l| l.edit = |tbs| tbs.at(&[7, 0]).children().clear()), "SH-CERT-CHAIN"),
    of("ext-critical-false", PLAIN, "`critical` written out where it is false", Leaf(|l| { l.edit = |tbs| { let e = extension(tbs, &PURPOSE); e.children().insert(1, Tlv::new(1, [0])) } }), "SH-BUNDLE-CERTIFICATE"),
    of("ext-poison", PLAIN, "the poison of a precertificate", Leaf(|l| l.edit = |tbs| add(tbs, &POISON, true, vec![5, 0])), "SH-CERT-CHAIN"),
    of("ext-no-purpose", PLAIN, "no purpose", Leaf(|l| l.edit = |tbs| drop_extension(tbs, &PURPOSE)), "SH-CERT-CHAIN"),
    of("ext-purpose-server", PLAIN, "for TLS servers alone", Leaf(|l| l.edit = |tbs| purposes(tbs, &[1])), "SH-CERT-CHAIN"),
    of("ext-purpose-stamping", PLAIN, "for timestamps alone", Leaf(|l| l.edit = |tbs| purposes(tbs, &[8])), "SH-CERT-CHAIN"),
    of("ext-purpose-two", PLAIN, "for code and e-mail", Leaf(|l| l.edit = |tbs| purposes(tbs, &[3, 4])), ""),
    of("ext-purpose-any", PLAIN, "for any purpose", Leaf(|l| { l.edit = |tbs| { value(extension(tbs, &PURPOSE), vec![0x30, 6, 6, 4, 0x55, 0x1d, 0x25, 0]) } }), "SH-CERT-CHAIN"),
    of("ext-purpose-empty", PLAIN, "an empty list of purposes", Leaf(|l| l.edit = |tbs| value(extension(tbs, &PURPOSE), vec![0x30, 0])), "SH-CERT-CHAIN"),
    of("ext-usage-none", PLAIN, "no key usage", Leaf(|l| l.edit = |tbs| drop_extension(tbs, &USAGE)), ""),
    of("ext-usage-agreement", PLAIN, "for key agreement alone", Leaf(|l| l.edit = |tbs| value(extension(tbs, &USAGE), vec![3, 2, 3, 8])), "SH-CERT-CHAIN"),
    of("ext-usage-cert-sign", PLAIN, "for signing certificates alone", Leaf(|l| l.edit = |tbs| value(extension(tbs, &USAGE), vec![3, 2, 2, 4])), "SH-CERT-CHAIN"),
    // The name.
    of("san-other", PLAIN, "somebody else", Leaf(|l| l.san = San::Email("eve@example.test".to_owned())), "SH-IDENTITY"),
    of("san-suffix", PLAIN, "a name that goes on", Leaf(|l| l.san = San::Email(format!("{IDENTITY}.evil.test"))), "SH-IDENTITY"),
    of("san-prefix", PLAIN, "a name that begins earlier", Leaf(|l| l.san = San::Email(format!("x{IDENTITY}"))), "SH-IDENTITY"),
    of("san-capitals", PLAIN, "the name in capitals", Leaf(|l| l.san = San::Email(IDENTITY.to_uppercase())), "SH-IDENTITY"),
    of("san-space", PLAIN, "a space after the name", Leaf(|l| l.san = San::Email(format!("{IDENTITY} "))), "SH-IDENTITY"),
    of("san-nul", PLAIN, "a NUL and more after the name", Leaf(|l| l.edit = |tbs| san(tbs).set_content(format!("{IDENTITY}\0.evil.test"))), "SH-IDENTITY"),
    of("san-nul-end", PLAIN, "a NUL after the name", Leaf(|l| l.edit = |tbs| san(tbs).set_content(format!("{IDENTITY}\0"))), "SH-IDENTITY"),
    of("san-empty", PLAIN, "an empty name", Leaf(|l| l.edit = |tbs| san(tbs).set_content([])), "SH-IDENTITY"),
    of("san-none", PLAIN, "no name", Leaf(|l| l.edit = |tbs| drop_extension(tbs, &SAN)), "SH-IDENTITY-MISSING"),
    of("san-no-names", PLAIN, "an empty list of names", Leaf(|l| l.edit = |tbs| value(extension(tbs, &SAN), vec![0x30, 0])), "SH-IDENTITY-MISSING"),
    of("san-two", PLAIN, "the right name and then another", Leaf(|l| { l.edit = |tbs| { names(tbs, &[(0x81, IDENTITY.as_bytes()), (0x81, b"eve@example.test")]) } }), "SH-IDENTITY-MISSING"),
    of("san-two-last", PLAIN, "another name and then the right one", Leaf(|l| { l.edit = |tbs| { names(tbs, &[(0x81, b"eve@example.test"), (0x81, IDENTITY.as_bytes())]) } }), "SH-IDENTITY-MISSING"),
    of("san-two-same", PLAIN, "the right name twice", Leaf(|l| { l.edit = |tbs| { names(tbs, &[(0x81, IDENTITY.as_bytes()), (0x81, IDENTITY.as_bytes())]) } }), "SH-IDENTITY-MISSING"),
    of("san-two-kinds", PLAIN, "the right name as e-mail address and as URI", Leaf(|l| { l.edit = |tbs| { names(tbs, &[(0x81, IDENTITY.as_bytes()), (0x86, IDENTITY.as_bytes())]) } }), "SH-IDENTITY-MISSING"),
    of("san-and-address", PLAIN, "the right name and an IP address", Leaf(|l| { l.edit = |tbs| names(tbs, &[(0x81, IDENTITY.as_bytes()), (0x87, &[127, 0, 0, 1])]) }), "SH-IDENTITY-MISSING"),
    of("san-uri", PLAIN, "the same text as a URI", Leaf(|l| l.edit = |tbs| names(tbs, &[(0x86, IDENTITY.as_bytes())])), ""),
    of("san-dns", PLAIN, "the same text as a DNS name", Leaf(|l| l.edit = |tbs| names(tbs, &[(0x82, IDENTITY.as_bytes())])), "SH-IDENTITY-MISSING"),
    of("san-not-ascii", PLAIN, "a name that is not ASCII", Leaf(|l| l.edit = |tbs| san(tbs).set_content("ad\u{430}@example.test")), "SH-BUNDLE-CERTIFICATE"),
    of("san-other-name", PLAIN, "the name as Fulcio's user name", Leaf(|l| { l.san = San::OtherName { oid: fulcio::USERNAME, value: IDENTITY.to_owned(), } }), ""),
    of("san-other-name-unknown", PLAIN, "the name as a user name of another kind", Leaf(|l| { l.san = San::OtherName { oid: fulcio::ARC, value: IDENTITY.to_owned(), } }), "SH-IDENTITY-MISSING"),
    of("san-subject", PLAIN, "the name in the subject alone", Leaf(|l| { l.edit = |tbs| { drop_extension(tbs, &SAN); *tbs.child(5) = named(IDENTITY) } }), "SH-IDENTITY-MISSING"),
    of("san-not-critical", PLAIN, "the name in an extension that is not critical", Leaf(|l| l.edit = |tbs| drop(extension(tbs, &SAN).children().remove(1))), ""),
    of("asked-pattern", PLAIN, "a pattern is asked for", Asked(|c| c.identity = ".*".to_owned()), "SH-IDENTITY"),
    of("asked-prefix", PLAIN, "the beginning of the name is asked for", Asked(|c| c.identity = "ada@".to_owned()), "SH-IDENTITY"),
    of("asked-nothing", PLAIN, "an empty name is asked for", Asked(|c| c.identity.clear()), "SH-IDENTITY"),
    of("asked-issuer-slash", PLAIN, "the issuer is asked for with a slash", Asked(|c| c.issuer += "/"), "SH-IDENTITY-ISSUER"),
    of("asked-issuer-nothing", PLAIN, "an empty issuer is asked for", Asked(|c| c.issuer.clear()), "SH-IDENTITY-ISSUER"),
    // Who vouched.
    of("issuer-other", PLAIN, "another issuer", Leaf(|l| l.issuer = Some("https://evil.example.test".to_owned())), "SH-IDENTITY-ISSUER"),
    of("issuer-slash", PLAIN, "a slash after the issuer", Leaf(|l| l.issuer = Some(format!("{ISSUER}/"))), "SH-IDENTITY-ISSUER"),
    of("issuer-none", PLAIN, "no issuer", Leaf(|l| l.issuer = None), "SH-IDENTITY-ISSUER"),
    of("issuer-old-alone", PLAIN, "the issuer in the old extension alone", Leaf(|l| l.edit = |tbs| drop_extension(tbs, &ISSUER_V2)), ""),
    of("issuer-new-alone", PLAIN, "the issuer in the new extension alone", Leaf(|l| l.edit = |tbs| drop_extension(tbs, &ISSUER_V1)), ""),
    of("issuer-contradiction-old", PLAIN, "the right issuer in the new extension, another in the old", Leaf(|l| { l.edit = |tbs| { value(extension(tbs, &ISSUER_V1), b"https://evil.example.test".to_vec()) } }), ""),
    of("issuer-contradiction-new", PLAIN, "another issuer in the new extension, the right one in the old", Leaf(|l| { l.edit = |tbs| { value(extension(tbs, &ISSUER_V2), Tlv::new(0x0c, *b"https://evil.example.test").to_der()) } }), "SH-IDENTITY-ISSUER"),
    of("issuer-new-raw", PLAIN, "the new extension without its string type", Leaf(|l| l.edit = |tbs| value(extension(tbs, &ISSUER_V2), ISSUER.as_bytes().to_vec())), "SH-IDENTITY-ISSUER-MISSING"),
    of("issuer-new-ia5", PLAIN, "the new extension as an IA5String", Leaf(|l| l.edit = |tbs| value(extension(tbs, &ISSUER_V2), Tlv::new(0x16, ISSUER).to_der())), "SH-IDENTITY-ISSUER-MISSING"),
    of("issuer-new-trailing", PLAIN, "a byte after the string in the new extension", Leaf(|l| { l.edit = |tbs| { value(extension(tbs, &ISSUER_V2), [Tlv::new(0x0c, ISSUER).to_der().as_slice(), &[0]].concat()) } }), "SH-IDENTITY-ISSUER-MISSING"),
    of("issuer-old-encoded", PLAIN, "the old extension with a string type, and no new one", Leaf(|l| { l.edit = |tbs| { drop_extension(tbs, &ISSUER_V2); value(extension(tbs, &ISSUER_V1), Tlv::new(0x0c, ISSUER).to_der()) } }), "SH-IDENTITY-ISSUER"),
    of("issuer-new-empty", PLAIN, "an empty string in the new extension", Leaf(|l| l.edit = |tbs| value(extension(tbs, &ISSUER_V2), vec![0x0c, 0])), "SH-IDENTITY-ISSUER"),
    of("issuer-nul", PLAIN, "a NUL after the issuer", Leaf(|l| { l.edit = |tbs| { value(extension(tbs, &ISSUER_V2), Tlv::new(0x0c, format!("{ISSUER}\0")).to_der()) } }), "SH-IDENTITY-ISSUER"),
    // The certificate log.
    of("sct-none", PLAIN, "not logged", Leaf(|l| l.sct.embedded = false), "SH-SCT-MISSING"),
    of("sct-stranger", V2, "logged by a log that nobody knows", Leaf(|l| l.sct.signer = made::fresh(KeyKind::P256)), "SH-SCT-UNKNOWN"),
    of("sct-stranger-named", V2, "signed by a stranger under the log's id", Made(|forge, kind| { let id = forge_ct_id(forge); forge.spoiled(kind, |s| { if let Stage::Leaf(l) = s { l.sct.signer = made::fresh(KeyKind::P256); l.sct.log_id = Some(id) } }) }), "SH-SCT"),
    of("sct-of-another", V2, "the timestamp of another certificate", Leaf(|l| l.sct.of_another = true), "SH-SCT"),
    of("sct-swapped", V2, "the timestamp of the same signer's other certificate", Made(swapped_sct), "SH-SCT"),
    of("sct-before-window", V2, "logged a second before the log's time", Leaf(|l| l.sct.at = SIGNED_AT.plus_seconds(-3601)), "SH-SCT-WINDOW"),
    of("sct-future", V2, "logged a year later", Leaf(|l| l.sct.at = SIGNED_AT.plus_seconds(31_536_000)), ""),
    of("sct-time", V2, "a bit of its time", Leaf(|l| l.sct.edit = |list| list[4 + 33 + 7] ^= 1), "SH-SCT"),
    of("sct-extensions-none", V2, "no extensions", Leaf(|l| l.sct.extensions.clear()), ""),
    of("sct-extensions-later", V2, "a bit of its extensions", Leaf(|l| l.sct.edit = |list| list[4 + 33 + 8 + 2 + 7] ^= 1), "SH-SCT"),
    of("sct-version", V2, "version 2", Leaf(|l| l.sct.edit = |list| list[4] = 1), "SH-SCT"),
    of("sct-empty-list", V2, "an empty list", Leaf(|l| l.sct.edit = |list| *list = vec![0, 0]), "SH-SCT"),
    of("sct-twice", V2, "the timestamp twice", Leaf(|l| l.sct.edit = |list| *list = again(list, 2)), ""),
    of("sct-100", V2, "the timestamp 100 times", Leaf(|l| l.sct.edit = |list| *list = again(list, 100)), "SH-SCT"),
    of("sct-second-bad", V2, "a second timestamp, its signature broken", Leaf(|l| { l.sct.edit = |list| { let mut two = again(list, 2); *two.last_mut().unwrap() ^= 1; *list = two } }), ""),
    of("sct-first-bad", V2, "a first timestamp, its signature broken", Leaf(|l| { l.sct.edit = |list| { let mut two = again(list, 2); let end = list.len() - 1; two[end] ^= 1; *list = two } }), ""),
    of("sct-length", V2, "a list that is longer than it says", Leaf(|l| l.sct.edit = |list| list.push(0)), "SH-SCT"),
    of("sct-algorithm", V2, "signed with RSA, it says", Leaf(|l| { l.sct.edit = |list| { let at = 4 + 33 + 8 + 2 + 8; list[at + 1] = 1 } }), "SH-SCT"),
];

const BASIC: [u8; 3] = [0x55, 0x1d, 0x13];
const USAGE: [u8; 3] = [0x55, 0x1d, 0x0f];
const PURPOSE: [u8; 3] = [0x55, 0x1d, 0x25];
const SAN: [u8; 3] = [0x55, 0x1d, 0x11];
const POISON: [u8; 10] = [0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 3];
const ISSUER_V1: [u8; 10] = [0x2b, 6, 1, 4, 1, 0x83, 0xbf, 0x30, 1, 1];
const ISSUER_V2: [u8; 10] = [0x2b, 6, 1, 4, 1, 0x83, 0xbf, 0x30, 1, 8];
/// ecdsa-with-SHA1
const SHA1: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1];

fn extensions(tbs: &mut Tlv) -> &mut Vec<Tlv> {
    let last = tbs.children().len() - 1;
    tbs.at(&[last, 0]).children()
}

fn extension<'a>(tbs: &'a mut Tlv, oid: &[u8]) -> &'a mut Tlv {
    let all = extensions(tbs);
    let position = all.iter_mut().position(|e| e.child(0).content() == oid);
    &mut all[position.unwrap()]
}

fn drop_extension(tbs: &mut Tlv, oid: &[u8]) {
    extensions(tbs).retain_mut(|extension| extension.child(0).content() != oid);
}

fn value(extension: &mut Tlv, value: Vec<u8>) {
    let last = extension.children().len() - 1;
    extension.child(last).set_content(value);
}

fn add(tbs: &mut Tlv, oid: &[u8], is_critical: bool, value: Vec<u8>) {
    let mut members = vec![Tlv::oid(oid)];
    if is_critical {
        members.push(Tlv::new(1, [0xff]));
    }
    members.push(Tlv::octets(value));
    extensions(tbs).push(Tlv::sequence(members));
}

/// id-kp with these last numbers.
fn purposes(tbs: &mut Tlv, last: &[u8]) {
    let purpose = |last: &u8| Tlv::oid(&[0x2b, 6, 1, 5, 5, 7, 3, *last]);
    let list = Tlv::sequence(last.iter().map(purpose).collect());
    value(extension(tbs, &PURPOSE), list.to_der());
}

/// The only name.
fn san(tbs: &mut Tlv) -> &mut Tlv {
    let extension = extension(tbs, &SAN);
    let last = extension.children().len() - 1;
    extension.at(&[last, 0, 0])
}

fn names(tbs: &mut Tlv, names: &[(u8, &[u8])]) {
    let names = names.iter().map(|(tag, name)| Tlv::new(*tag, *name));
    let list = Tlv::sequence(names.collect());
    value(extension(tbs, &SAN), list.to_der());
}

/// A Name with a commonName.
fn named(name: &str) -> Tlv {
    let attribute = Tlv::sequence(vec![Tlv::oid(&[0x55, 4, 3]), Tlv::new(0x0c, name)]);
    Tlv::sequence(vec![Tlv::of(0x31, vec![attribute])])
}

/// The list with its first timestamp so often.
fn again(list: &[u8], times: usize) -> Vec<u8> {
    let all = list[2..].repeat(times);
    let length = u16::try_from(all.len()).unwrap();
    [&length.to_be_bytes(), all.as_slice()].concat()
}

fn forge_ct_id(forge: &Forge) -> [u8; 32] {
    signhere_pki::digest::sha256(forge.ct.public_key().spki_der())
}

/// Two certificates of one key: the second gets the first one's timestamp, and the authority's signature over it.
fn swapped_sct(forge: &Forge, kind: Kind) -> Forged {
    thread_local! {
        static LIST: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
    }
    let key = made::fresh(KeyKind::P256);
    let with = |edit: fn(&mut Vec<u8>)| {
        forge.spoiled(kind, |stage| match stage {
            Stage::Leaf(plan) => {
                plan.key = key.public_key().clone();
                plan.sct.edit = edit;
            }
            Stage::Sign(plan) => plan.signer = key.clone(),
            _ => {}
        })
    };
    with(|list| LIST.set(list.clone()));
    with(|list| *list = LIST.take())
}
