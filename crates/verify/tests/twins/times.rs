//! When it was signed: promises and timestamps against the validity of everything.

use signhere_pki::time::Validity;
use signhere_testkit::der::Tlv;
use signhere_testkit::forge::{Evidence, Kind, SIGNED_AT};

use crate::How::{Leaf, Log, Stamp, Stamped};
use crate::forge::V2;
use crate::{Twin, of};

const PLAIN: Kind = Kind::PLAIN;
/// A promise and a timestamp.
const BOTH: Kind = Kind {
    evidence: Evidence {
        timestamps: 1,
        ..PLAIN.evidence
    },
    ..PLAIN
};
const TWO: Kind = Kind {
    evidence: Evidence {
        timestamps: 2,
        ..V2.evidence
    },
    ..V2
};

// A row a line.
#[rustfmt::skip]
pub(crate) const TWINS: &[Twin] = &[
    of("time-none", V2, "no timestamp", Stamped(Vec::clear), "SH-TIME-MISSING"),
    of("time-twice", V2, "the same timestamp twice", Stamped(|s| s.push(s[0].clone())), "SH-TIME-DUPLICATE"),
    of("time-twice-wrapped", V2, "the same timestamp twice, once as granted with changes", Stamped(|s| { let mut again = Tlv::parse(&s[0]).unwrap(); again.at(&[0, 0]).set_content([1]); s.push(again.to_der()) }), "SH-TIME-DUPLICATE"),
    of("time-promise-late", PLAIN, "promised a second after the certificate ends", Log(|l| l.integrated_time += 541), "SH-CERT-EXPIRED"),
    of("time-promise-last", PLAIN, "promised in the certificate's last second", Log(|l| l.integrated_time += 540), ""),
    of("time-promise-first", PLAIN, "promised in the certificate's first second", Log(|l| l.integrated_time -= 60), ""),
    of("time-promise-early", PLAIN, "promised a second before the certificate begins", Log(|l| l.integrated_time -= 61), "SH-CERT-NOT-YET-VALID"),
    of("time-stamp-late", V2, "stamped a second after the certificate ends", Stamp(|s| s.at = SIGNED_AT.plus_seconds(541)), "SH-CERT-EXPIRED"),
    of("time-stamp-last", V2, "stamped in the certificate's last second", Stamp(|s| s.at = SIGNED_AT.plus_seconds(540)), ""),
    of("time-stamp-early", V2, "stamped a second before the certificate begins", Stamp(|s| s.at = SIGNED_AT.plus_seconds(-61)), "SH-CERT-NOT-YET-VALID"),
    of("time-second-late", BOTH, "a good promise, and a timestamp after the certificate's end", Stamp(|s| s.at = SIGNED_AT.plus_seconds(541)), "SH-CERT-EXPIRED"),
    of("time-validity-reversed", PLAIN, "a certificate that ends before it begins", Leaf(|l| l.edit = |tbs| tbs.child(4).children().reverse()), "SH-CERT-NOT-YET-VALID"),
    of("time-validity-elsewhere", PLAIN, "a certificate of a year ago", Leaf(|l| { l.validity = Validity { start: SIGNED_AT.plus_seconds(-8_000_000), end: Some(SIGNED_AT.plus_seconds(-7_999_000)), } }), "SH-CERT-EXPIRED"),
    of("time-validity-generalized", PLAIN, "the certificate's times as GeneralizedTime before 2050", Leaf(|l| l.edit = generalized), ""),
    of("time-validity-no-zone", PLAIN, "the certificate's end without its zone", Leaf(|l| { l.edit = |tbs| { let t = tbs.at(&[4, 1]); let c = t.content(); t.set_content(&c[..c.len() - 1]) } }), "SH-BUNDLE-CERTIFICATE"),
    of("time-validity-offset", PLAIN, "the certificate's end with an offset", Leaf(|l| { l.edit = |tbs| { let t = tbs.at(&[4, 1]); let c = t.content(); t.set_content([&c[..c.len() - 1], b"+0000"].concat()) } }), "SH-BUNDLE-CERTIFICATE"),
    // The timestamp.
    of("stamp-other-message", V2, "over another signature", Stamp(|s| s.message = b"another".to_vec()), "SH-TIME-IMPRINT"),
    of("stamp-artifact", V2, "over the artifact in place of the signature", Stamp(|s| s.message = signhere_testkit::forge::ARTIFACT.to_vec()), "SH-TIME-IMPRINT"),
    of("stamp-base64", V2, "over the base64 of the signature", Stamp(|s| { s.message = crate::base64(&s.message).as_str().unwrap().as_bytes().to_vec() }), "SH-TIME-IMPRINT"),
    of("stamp-other-message-beside", BOTH, "over another signature, beside a good promise", Stamp(|s| s.message = b"another".to_vec()), "SH-TIME-IMPRINT"),
    of("stamp-second-bad", TWO, "a second one that is nothing", Stamped(|s| s[1] = b"nothing".to_vec()), "SH-TIME-TIMESTAMP"),
    of("stamp-stranger", V2, "by somebody that nobody knows", Stamp(|s| s.by_stranger = true), "SH-TIME-UNTRUSTED"),
    of("stamp-impostor", V2, "by somebody of the authority's name, certificate embedded", Stamp(|s| s.by_impostor = true), "SH-TIME-UNTRUSTED"),
    of("stamp-stranger-beside", BOTH, "by somebody that nobody knows, beside a good promise", Stamp(|s| s.by_stranger = true), "SH-TIME-UNTRUSTED"),
    of("stamp-not-embedded", V2, "without the authority's certificate", Stamp(|s| s.embeds_certificate = false), ""),
    of("stamp-token-alone", V2, "the token without the reply around it", Stamped(|s| s[0] = Tlv::parse(&s[0]).unwrap().child(1).to_der()), "SH-TIME-TIMESTAMP"),
    of("stamp-refused", V2, "a reply that refuses, with a token", Stamp(|s| s.reply = |r| r.at(&[0, 0]).set_content([2])), "SH-TIME-TIMESTAMP"),
    of("stamp-no-token", V2, "a reply without a token", Stamp(|s| s.reply = |r| drop(r.children().pop())), "SH-TIME-TIMESTAMP"),
    of("stamp-trailing", V2, "something after the token", Stamp(|s| s.reply = |r| r.children().push(Tlv::new(5, []))), "SH-TIME-TIMESTAMP"),
    of("stamp-ber", V2, "a length in two bytes where one does", Stamp(|s| s.reply = |r| r.child(0).set_length(&[0x81, 3])), "SH-TIME-TIMESTAMP"),
    of("stamp-indefinite", V2, "an indefinite length", Stamp(|s| { s.reply = |r| { r.set_length(&[0x80]); r.children().push(Tlv::new(0, [])) } }), "SH-TIME-TIMESTAMP"),
    of("stamp-no-signer", V2, "without a signer", Stamp(|s| s.reply = |r| signers(r).children().clear()), "SH-TIME-TIMESTAMP"),
    of("stamp-two-signers", V2, "with its signer twice", Stamp(|s| { s.reply = |r| { let first = signers(r).child(0).clone(); signers(r).children().push(first) } }), "SH-TIME-TIMESTAMP"),
    of("stamp-signature", V2, "a bit of its signature", Stamp(|s| { s.reply = |r| { let sig = signers(r).at(&[0, 5]); let mut c = sig.content(); *c.last_mut().unwrap() ^= 1; sig.set_content(c) } }), "SH-TIME-TIMESTAMP"),
    of("stamp-time-later", V2, "another time after it was signed", Stamp(|s| { s.reply = |r| { let c = content(r); let t = String::from_utf8_lossy(&c).contains("20260601120000Z"); assert!(t); let at = c.windows(6).position(|w| w == b"202606").unwrap(); let mut c = c; c[at + 5] = b'7'; r.at(&[1, 1, 0, 2, 1, 0]).set_content(c) } }), "SH-TIME-TIMESTAMP"),
    of("stamp-no-digest", V2, "its message digest not signed", Stamp(|s| s.attributes = |a| drop_attribute(a, &MESSAGE_DIGEST)), "SH-TIME-TIMESTAMP"),
    of("stamp-digest-twice", V2, "its message digest signed twice", Stamp(|s| s.attributes = |a| twice(a, &MESSAGE_DIGEST)), "SH-TIME-TIMESTAMP"),
    of("stamp-digest-two-values", V2, "its message digest with two values", Stamp(|s| { s.attributes = |a| { let values = attribute(a, &MESSAGE_DIGEST).child(1); let first = values.child(0).clone(); values.children().push(first) } }), "SH-TIME-TIMESTAMP"),
    of("stamp-digest-wrong", V2, "another message digest signed", Stamp(|s| { s.attributes = |a| { attribute(a, &MESSAGE_DIGEST).at(&[1, 0]).set_content([7; 32]) } }), "SH-TIME-TIMESTAMP"),
    of("stamp-no-content-type", V2, "its content type not signed", Stamp(|s| s.attributes = |a| drop_attribute(a, &CONTENT_TYPE)), "SH-TIME-TIMESTAMP"),
    of("stamp-content-type-data", V2, "signed as plain data", Stamp(|s| { s.attributes = |a| { attribute(a, &CONTENT_TYPE).at(&[1, 0]).set_content([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1]) } }), "SH-TIME-TIMESTAMP"),
    of("stamp-no-signing-certificate", V2, "its certificate not signed", Stamp(|s| s.attributes = |a| drop_attribute(a, &SIGNING_CERTIFICATE_V2)), "SH-TIME-TIMESTAMP"),
    of("stamp-signing-certificate-other", V2, "signed for another certificate", Stamp(|s| { s.attributes = |a| { attribute(a, &SIGNING_CERTIFICATE_V2).at(&[1, 0, 0, 0, 0]).set_content([7; 32]) } }), "SH-TIME-TIMESTAMP"),
    of("stamp-attributes-unsigned", V2, "its attributes changed after they were signed", Stamp(|s| { s.reply = |r| { let all = signers(r).at(&[0, 3]); all.children().reverse() } }), "SH-TIME-TIMESTAMP"),
    of("stamp-unsigned-attribute", V2, "an attribute that is not signed", Stamp(|s| { s.reply = |r| { signers(r).child(0).children().push(Tlv::of(0xa1, vec![Tlv::sequence(vec![Tlv::oid(&CONTENT_TYPE), Tlv::of(0x31, vec![Tlv::oid(&CONTENT_TYPE)])])])) } }), ""),
    of("stamp-version", V2, "version 2, signed", Stamp(|s| s.info = |i| i.child(0).set_content([2])), "SH-TIME-TIMESTAMP"),
    of("stamp-fraction", V2, "a time with a fraction of a second, signed", Stamp(|s| s.info = |i| i.child(4).set_content(*b"20260601120000.25Z")), ""),
    of("stamp-fraction-zero", V2, "a fraction that ends in zero, signed", Stamp(|s| s.info = |i| i.child(4).set_content(*b"20260601120000.50Z")), "SH-TIME-TIMESTAMP"),
    of("stamp-fraction-comma", V2, "a comma in the time, signed", Stamp(|s| s.info = |i| i.child(4).set_content(*b"20260601120000,5Z")), "SH-TIME-TIMESTAMP"),
    of("stamp-no-zone", V2, "a time without its zone, signed", Stamp(|s| s.info = |i| i.child(4).set_content(*b"20260601120000")), "SH-TIME-TIMESTAMP"),
    of("stamp-offset", V2, "a time with an offset, signed", Stamp(|s| s.info = |i| i.child(4).set_content(*b"20260601120000+0000")), "SH-TIME-TIMESTAMP"),
    of("stamp-leap-second", V2, "a 60th second, signed", Stamp(|s| s.info = |i| i.child(4).set_content(*b"20260601115960Z")), "SH-TIME-TIMESTAMP"),
    of("stamp-utc-time", V2, "the time as UTCTime, signed", Stamp(|s| s.info = |i| *i.child(4) = Tlv::new(0x17, *b"260601120000Z")), "SH-TIME-TIMESTAMP"),
    of("stamp-critical-extension", V2, "an unknown critical extension, signed", Stamp(|s| s.info = |i| i.children().push(extension(true))), "SH-TIME-TIMESTAMP"),
    of("stamp-extension", V2, "an unknown extension, signed", Stamp(|s| s.info = |i| i.children().push(extension(false))), ""),
    of("stamp-imprint-sha1", V2, "an imprint said to be SHA-1, signed", Stamp(|s| { s.info = |i| { i.at(&[2, 0, 0]).set_content([0x2b, 14, 3, 2, 26]); i.at(&[2, 1]).set_content([7; 20]) } }), "SH-TIME-TIMESTAMP"),
    of("stamp-imprint-short", V2, "an imprint of 20 bytes, signed", Stamp(|s| s.info = |i| i.at(&[2, 1]).set_content([7; 20])), "SH-TIME-TIMESTAMP"),
    of("stamp-info-trailing", V2, "something after the time's record, signed", Stamp(|s| s.info = |i| i.children().push(Tlv::new(0x0c, *b"x"))), "SH-TIME-TIMESTAMP"),
    of("stamp-certificate-other", V2, "by another certificate of the same authority", Stamp(|s| s.certificate = |tbs| tbs.child(1).set_content([7])), "SH-TIME-UNTRUSTED"),
    of("stamp-17-certificates", V2, "17 certificates embedded", Stamp(|s| { s.reply = |r| { let all = r.at(&[1, 1, 0, 3]); let one = all.child(0).clone(); *all.children() = vec![one; 17] } }), "SH-TIME-TIMESTAMP"),
    of("stamp-embedded-nothing", V2, "something else embedded beside the certificate", Stamp(|s| s.reply = |r| r.at(&[1, 1, 0, 3]).children().push(Tlv::octets([7]))), "SH-TIME-TIMESTAMP"),
];

const CONTENT_TYPE: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3];
const MESSAGE_DIGEST: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];
const SIGNING_CERTIFICATE_V2: [u8; 11] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 0x10, 2, 0x2f];

fn signers(reply: &mut Tlv) -> &mut Tlv {
    let data = reply.at(&[1, 1, 0]);
    let last = data.children().len() - 1;
    data.child(last)
}

/// The TSTInfo.
fn content(reply: &mut Tlv) -> Vec<u8> {
    reply.at(&[1, 1, 0, 2, 1, 0]).content()
}

fn attribute<'a>(attributes: &'a mut Tlv, oid: &[u8]) -> &'a mut Tlv {
    let is_it = |attribute: &mut Tlv| attribute.child(0).content() == oid;
    attributes
        .children()
        .iter_mut()
        .find_map(|a| is_it(a).then_some(a))
        .unwrap()
}

fn drop_attribute(attributes: &mut Tlv, oid: &[u8]) {
    attributes
        .children()
        .retain_mut(|attribute| attribute.child(0).content() != oid);
}

fn twice(attributes: &mut Tlv, oid: &[u8]) {
    let again = attribute(attributes, oid).clone();
    attributes.children().push(again);
}

/// `extensions [1]` with one that nobody knows.
fn extension(is_critical: bool) -> Tlv {
    let mut members = vec![Tlv::oid(&[0x2b, 7])];
    if is_critical {
        members.push(Tlv::new(1, [0xff]));
    }
    members.push(Tlv::octets([5, 0]));
    Tlv::of(0xa1, vec![Tlv::sequence(members)])
}

fn generalized(tbs: &mut Tlv) {
    for time in tbs.child(4).children() {
        let short = time.content();
        *time = Tlv::new(0x18, [b"20", short.as_slice()].concat());
    }
}
