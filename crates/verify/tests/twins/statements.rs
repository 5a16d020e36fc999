//! What is signed: the artifact, the envelope, the statement in it.

use serde_json::{Value, json};
use signhere_pki::digest::HashAlgorithm;
use signhere_testkit::forge::{ARTIFACT, Entry, Kind, SignPlan};

use crate::How::{Asked, Bundle, Entry as Logs, Sign};
use crate::forge::{STATEMENT, V2, V2_STATEMENT};
use crate::{Twin, base64, of, unbase64};

const PLAIN: Kind = Kind::PLAIN;
const INTOTO: Kind = Kind {
    entry: Entry::IntotoV002,
    ..STATEMENT
};

// A row a line.
#[rustfmt::skip]
pub(crate) const TWINS: &[Twin] = &[
    // The artifact.
    of("artifact-other", PLAIN, "another artifact", Asked(|c| c.artifact = b"another".to_vec()), "SH-ARTIFACT-DIGEST"),
    of("artifact-line-feed", PLAIN, "a line feed after the artifact", Asked(|c| c.artifact.push(b'\n')), "SH-ARTIFACT-DIGEST"),
    of("artifact-empty", PLAIN, "an empty artifact", Asked(|c| c.artifact.clear()), "SH-ARTIFACT-DIGEST"),
    of("artifact-is-its-digest", PLAIN, "the artifact's digest as the artifact", Asked(|c| c.artifact = HashAlgorithm::Sha256.digest(ARTIFACT).as_bytes().to_vec()), "SH-ARTIFACT-DIGEST"),
    of("artifact-other-statement", STATEMENT, "another artifact than the statement's", Asked(|c| c.artifact = b"another".to_vec()), "SH-ARTIFACT-SUBJECT"),
    of("artifact-signed-another", PLAIN, "another artifact signed than claimed", Sign(|s| s.instead = Some(b"another".to_vec())), "SH-SIGNATURE"),
    of("artifact-signed-its-digest", PLAIN, "the signature over the digest's bytes", Sign(|s| s.instead = Some(HashAlgorithm::Sha256.digest(ARTIFACT).as_bytes().to_vec())), "SH-SIGNATURE"),
    of("artifact-signed-its-hex", PLAIN, "the signature over the digest in hexadecimal", Sign(|s| s.instead = Some(HashAlgorithm::Sha256.digest(ARTIFACT).hex().into_bytes())), "SH-SIGNATURE"),
    // The envelope's encoding.
    of("pae-payload-alone", STATEMENT, "signed without the payload type", Sign(|s| s.instead = Some(s.payload.clone())), "SH-SIGNATURE"),
    of("pae-base64", STATEMENT, "signed over the payload's base64", Sign(|s| s.instead = Some(pae(s, base64(&s.payload).as_str().unwrap().as_bytes()))), "SH-SIGNATURE"),
    of("pae-version", STATEMENT, "signed as DSSEv2", Sign(|s| s.instead = Some(edited(s, "DSSEv1", "DSSEv2"))), "SH-SIGNATURE"),
    of("pae-length-zero", STATEMENT, "a leading zero in the length that was signed", Sign(|s| s.instead = Some(edited(s, "DSSEv1 28 ", "DSSEv1 028 "))), "SH-SIGNATURE"),
    of("pae-length-off", STATEMENT, "a length that is one off", Sign(|s| s.instead = Some(edited(s, "DSSEv1 28 ", "DSSEv1 29 "))), "SH-SIGNATURE"),
    of("pae-line-feed", STATEMENT, "a line feed at the end of what was signed", Sign(|s| { let mut all = pae(s, &s.payload); all.push(b'\n'); s.instead = Some(all) }), "SH-SIGNATURE"),
    of("pae-type-shifted", V2_STATEMENT, "the type's last byte moved to the payload", Bundle(|b| { let p = [b"n".as_slice(), &unbase64(&b["dsseEnvelope"]["payload"])].concat(); b["dsseEnvelope"]["payload"] = base64(&p); b["dsseEnvelope"]["payloadType"] = json!("application/vnd.in-toto+jso") }), "SH-ARTIFACT-PAYLOAD-TYPE"),
    of("payload-other", V2_STATEMENT, "another payload than was signed", Bundle(|b| b["dsseEnvelope"]["payload"] = base64(&text(|v| v["predicate"] = json!({})))), "SH-SIGNATURE"),
    of("payload-white-space", STATEMENT, "a space after the payload", Bundle(|b| { let p = [&unbase64(&b["dsseEnvelope"]["payload"])[..], b" "].concat(); b["dsseEnvelope"]["payload"] = base64(&p) }), "SH-SIGNATURE"),
    of("payload-empty", STATEMENT, "an empty payload", Sign(|s| s.payload.clear()), "SH-ARTIFACT-STATEMENT"),
    of("payload-type-signed", STATEMENT, "another payload type, signed", Sign(|s| s.payload_type = "text/plain".to_owned()), "SH-ARTIFACT-PAYLOAD-TYPE"),
    of("payload-type-empty", STATEMENT, "no payload type, signed", Sign(|s| s.payload_type.clear()), "SH-ARTIFACT-PAYLOAD-TYPE"),
    of("payload-type-parameter", STATEMENT, "a payload type with a parameter, signed", Sign(|s| s.payload_type += ";v=1"), "SH-ARTIFACT-PAYLOAD-TYPE"),
    of("payload-binary", STATEMENT, "a payload that is no text", Sign(|s| s.payload = vec![0xff; 64]), "SH-ARTIFACT-STATEMENT"),
    // The statement.
    of("statement-version-0.1", STATEMENT, "a statement of v0.1", Sign(|s| { put(s, |v| { v["_type"] = json!("https://in-toto.io/Statement/v0.1") }) }), ""),
    of("statement-version-2", STATEMENT, "a statement of v2", Sign(|s| put(s, |v| v["_type"] = json!("https://in-toto.io/Statement/v2"))), "SH-ARTIFACT-STATEMENT"),
    of("statement-type-http", STATEMENT, "its type with http://", Sign(|s| put(s, |v| v["_type"] = json!("http://in-toto.io/Statement/v1"))), "SH-ARTIFACT-STATEMENT"),
    of("statement-no-type", STATEMENT, "a statement without a type", Sign(|s| put(s, |v| crate::remove(v, "_type"))), "SH-ARTIFACT-STATEMENT"),
    of("statement-no-predicate-type", STATEMENT, "a statement without a predicate type", Sign(|s| put(s, |v| crate::remove(v, "predicateType"))), "SH-ARTIFACT-STATEMENT"),
    of("statement-no-predicate", STATEMENT, "a statement without a predicate", Sign(|s| put(s, |v| crate::remove(v, "predicate"))), ""),
    of("statement-no-subject", STATEMENT, "no subject", Sign(|s| put(s, |v| v["subject"] = json!([]))), "SH-ARTIFACT-STATEMENT"),
    of("statement-subject-object", STATEMENT, "the subject without a list around it", Sign(|s| put(s, |v| v["subject"] = v["subject"][0].clone())), "SH-ARTIFACT-STATEMENT"),
    of("statement-subject-no-digest", STATEMENT, "a subject without a digest", Sign(|s| put(s, |v| crate::remove(&mut v["subject"][0], "digest"))), "SH-ARTIFACT-DIGEST-MISSING"),
    of("statement-subject-other-first", STATEMENT, "another subject before the right one", Sign(|s| { put(s, |v| { let right = v["subject"][0].clone(); v["subject"] = json!([other(), right]) }) }), ""),
    of("statement-subject-twice", STATEMENT, "the right subject twice", Sign(|s| put(s, |v| crate::repeat(&mut v["subject"], 2))), ""),
    of("statement-subject-same-name", STATEMENT, "two subjects of one name, the second right", Sign(|s| { put(s, |v| { let right = v["subject"][0].clone(); let mut first = other(); first["name"] = right["name"].clone(); v["subject"] = json!([first, right]) }) }), ""),
    of("statement-1025-subjects", STATEMENT, "1,025 subjects", Sign(|s| put(s, |v| crate::repeat(&mut v["subject"], 1025))), "SH-ARTIFACT-STATEMENT"),
    of("statement-digest-other-name", STATEMENT, "the right digest named sha512", Sign(|s| rename_digest(s, "sha512")), "SH-ARTIFACT-SUBJECT"),
    of("statement-digest-capitals-name", STATEMENT, "the right digest named SHA256", Sign(|s| rename_digest(s, "SHA256")), "SH-ARTIFACT-DIGEST-MISSING"),
    of("statement-digest-dash", STATEMENT, "the right digest named sha-256", Sign(|s| rename_digest(s, "sha-256")), "SH-ARTIFACT-DIGEST-MISSING"),
    of("statement-digest-git", STATEMENT, "the right digest named gitCommit", Sign(|s| rename_digest(s, "gitCommit")), "SH-ARTIFACT-DIGEST-MISSING"),
    of("statement-digest-capitals", STATEMENT, "the digest in capitals", Sign(|s| digest(s, |d| d.to_uppercase())), ""),
    of("statement-digest-prefix", STATEMENT, "the first 62 digits of the digest", Sign(|s| digest(s, |d| d[..62].to_owned())), "SH-ARTIFACT-SUBJECT"),
    of("statement-digest-longer", STATEMENT, "two digits more", Sign(|s| digest(s, |d| d + "00")), "SH-ARTIFACT-SUBJECT"),
    of("statement-digest-base64", STATEMENT, "the digest in base64", Sign(|s| { digest(s, |_| { base64(HashAlgorithm::Sha256.digest(ARTIFACT).as_bytes()).as_str().unwrap().to_owned() }) }), "SH-ARTIFACT-SUBJECT"),
    of("statement-digest-number", STATEMENT, "a number for a digest", Sign(|s| put(s, |v| v["subject"][0]["digest"]["sha256"] = json!(7))), "SH-ARTIFACT-STATEMENT"),
    of("statement-digest-contradiction", STATEMENT, "the right SHA-256 beside a wrong SHA-512", Sign(|s| { put(s, |v| { v["subject"][0]["digest"]["sha512"] = json!("00".repeat(64)) }) }), ""),
    of("statement-digest-twice", STATEMENT, "the digest's name twice", Sign(|s| { edit(s, |t| { t.replace(r#""digest":{"#, r#""digest":{"sha256":"00","#) }) }), "SH-ARTIFACT-STATEMENT"),
    of("statement-subject-member-twice", STATEMENT, "`subject` twice", Sign(|s| { edit(s, |t| { t.replace(r#""subject":"#, r#""subject":[],"subject":"#) }) }), "SH-ARTIFACT-STATEMENT"),
    of("statement-predicate-twice", STATEMENT, "`predicate` twice", Sign(|s| { edit(s, |t| { t.replace(r#""predicate":"#, r#""predicate":{},"predicate":"#) }) }), "SH-ARTIFACT-STATEMENT"),
    of("statement-duplicate-in-predicate", STATEMENT, "a name twice inside the predicate", Sign(|s| edit(s, |t| t.replace(r#""by":"#, r#""by":1,"by":"#))), "SH-ARTIFACT-STATEMENT"),
    of("statement-not-utf8", STATEMENT, "a byte in the predicate that is not UTF-8", Sign(|s| { let place = s.payload.windows(5).position(|w| w == b"forge").unwrap(); s.payload[place] = 0xff }), "SH-ARTIFACT-STATEMENT"),
    of("statement-positions", STATEMENT, "a list of the members' values in place of the object", Sign(|s| { put(s, |v| { *v = json!([v["_type"], v["subject"], v["predicateType"]]) }) }), "SH-ARTIFACT-STATEMENT"),
    of("statement-deep", STATEMENT, "a predicate nested 100 deep", Sign(|s| { edit(s, |t| { t.replace(r#""the forge""#, &("[".repeat(100) + &"]".repeat(100))) }) }), "SH-ARTIFACT-STATEMENT"),
    of("statement-trailing", STATEMENT, "a second document after the statement", Sign(|s| edit(s, |t| t + "{}")), "SH-ARTIFACT-STATEMENT"),
    of("statement-bom", STATEMENT, "a byte order mark before the statement", Sign(|s| edit(s, |t| format!("\u{feff}{t}"))), "SH-ARTIFACT-STATEMENT"),
    // What the entry says of it.
    of("entry-digest-other", PLAIN, "the entry's digest is another", Logs(|e| e.body["spec"]["data"]["hash"]["value"] = json!("07".repeat(32))), "SH-LOG-DIGEST"),
    of("entry-digest-capitals", PLAIN, "the entry's digest in capitals", Logs(|e| { let d = &mut e.body["spec"]["data"]["hash"]["value"]; *d = json!(d.as_str().unwrap().to_uppercase()) }), ""),
    of("entry-digest-algorithm", PLAIN, "the entry's digest named sha512", Logs(|e| e.body["spec"]["data"]["hash"]["algorithm"] = json!("sha512")), "SH-LOG-BODY"),
    of("entry-digest-algorithm-capitals", PLAIN, "the entry's digest named SHA256", Logs(|e| e.body["spec"]["data"]["hash"]["algorithm"] = json!("SHA256")), "SH-LOG-BODY"),
    of("entry-digest-v2", V2, "the entry's digest is another", Logs(|e| e.body["spec"]["hashedRekordV002"]["data"]["digest"] = base64(&[7; 32])), "SH-LOG-DIGEST"),
    of("entry-digest-of-payload", V2_STATEMENT, "the digest of the payload where that of its encoding belongs", Logs(|e| { e.body["spec"]["hashedRekordV002"]["data"]["digest"] = base64(HashAlgorithm::Sha256.digest(&text(|_| ())).as_bytes()) }), "SH-LOG-DIGEST"),
    of("entry-payload-digest", STATEMENT, "the entry's payload digest is another", Logs(|e| e.body["spec"]["payloadHash"]["value"] = json!("07".repeat(32))), "SH-LOG-DIGEST"),
    of("entry-envelope-digest", STATEMENT, "the entry's envelope digest is another", Logs(|e| e.body["spec"]["envelopeHash"]["value"] = json!("07".repeat(32))), ""),
    of("entry-intoto-payload-digest", INTOTO, "the intoto entry's payload digest is another", Logs(|e| e.body["spec"]["content"]["payloadHash"]["value"] = json!("07".repeat(32))), "SH-LOG-DIGEST"),
    of("entry-intoto-signature", INTOTO, "the intoto entry's signature is another", Logs(|e| e.body["spec"]["content"]["envelope"]["signatures"][0]["sig"] = base64(b"AAAA")), "SH-LOG-SIGNATURE"),
];

fn pae(plan: &SignPlan, payload: &[u8]) -> Vec<u8> {
    signhere_verify::dsse::pae(&plan.payload_type, payload)
}

fn edited(plan: &SignPlan, from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(pae(plan, &plan.payload)).unwrap();
    assert!(text.contains(from), "{text}");
    text.replacen(from, to, 1).into_bytes()
}

/// The payload's JSON, changed.
fn put(plan: &mut SignPlan, change: fn(&mut Value)) {
    let mut value = serde_json::from_slice(&plan.payload).unwrap();
    change(&mut value);
    plan.payload = value.to_string().into_bytes();
}

/// The payload's text, changed.
fn edit(plan: &mut SignPlan, change: fn(String) -> String) {
    let before = String::from_utf8(plan.payload.clone()).unwrap();
    plan.payload = change(before.clone()).into_bytes();
    assert_ne!(plan.payload, before.as_bytes());
}

fn digest(plan: &mut SignPlan, change: fn(String) -> String) {
    let mut value: Value = serde_json::from_slice(&plan.payload).unwrap();
    let digest = &mut value["subject"][0]["digest"]["sha256"];
    *digest = change(digest.as_str().unwrap().to_owned()).into();
    plan.payload = value.to_string().into_bytes();
}

fn rename_digest(plan: &mut SignPlan, name: &str) {
    let mut value: Value = serde_json::from_slice(&plan.payload).unwrap();
    crate::rename(&mut value["subject"][0]["digest"], "sha256", name);
    plan.payload = value.to_string().into_bytes();
}

fn other() -> Value {
    json!({ "name": "another", "digest": { "sha256": "07".repeat(32) } })
}

/// A statement about the artifact, changed.
fn text(change: fn(&mut Value)) -> Vec<u8> {
    let digest = HashAlgorithm::Sha256.digest(ARTIFACT);
    let mut value = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "predicate": { "by": "the forge" },
        "predicateType": "https://forge.example/predicate/v1",
        "subject": [{ "digest": { "sha256": digest.hex() }, "name": "artifact" }],
    });
    change(&mut value);
    value.to_string().into_bytes()
}
