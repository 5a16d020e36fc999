//! The bundle's JSON and its form.

use serde_json::{Value, json};
use signhere_testkit::forge::{Kind, MediaType};

use crate::How::{Bundle, Text};
use crate::forge::{STATEMENT, V2, V2_KEY, V2_STATEMENT};
use crate::{Twin, at, material, of, proof, remove, rename, repeat, respell};

const PLAIN: Kind = Kind::PLAIN;
const CHAIN: Kind = Kind {
    media_type: MediaType::V0_2,
    ..PLAIN
};

// A row a line.
#[rustfmt::skip]
pub(crate) const TWINS: &[Twin] = &[
    // The text.
    of("json-trailing-object", PLAIN, "a second document follows", Text(|t| format!("{t}{{}}")), "SH-BUNDLE-JSON"),
    of("json-trailing-comma", PLAIN, "a comma before the last brace", Text(|t| format!("{},}}", &t[..t.len() - 1])), "SH-BUNDLE-JSON"),
    of("json-bom", PLAIN, "a byte order mark comes first", Text(|t| format!("\u{feff}{t}")), "SH-BUNDLE-JSON"),
    of("json-nul-after", PLAIN, "a NUL follows", Text(|t| format!("{t}\0")), "SH-BUNDLE-JSON"),
    of("json-comment", PLAIN, "a comment", Text(|t| t.replacen('{', "{/* */", 1)), "SH-BUNDLE-JSON"),
    of("json-single-quotes", PLAIN, "a name in single quotes", Text(|t| t.replacen("\"mediaType\"", "'mediaType'", 1)), "SH-BUNDLE-JSON"),
    of("json-cut-off", PLAIN, "the last byte is missing", Text(|t| t[..t.len() - 1].to_owned()), "SH-BUNDLE-JSON"),
    of("json-empty", PLAIN, "nothing at all", Text(|_| String::new()), "SH-BUNDLE-JSON"),
    of("json-array", PLAIN, "the bundle in an array", Text(|t| format!("[{t}]")), "SH-BUNDLE-FORM"),
    of("json-null", PLAIN, "null", Text(|_| "null".to_owned()), "SH-BUNDLE-FORM"),
    of("json-lines", PLAIN, "two bundles, a line each", Text(|t| format!("{t}\n{t}")), "SH-BUNDLE-JSON"),
    of("json-duplicate-first-wrong", PLAIN, "`mediaType` twice, the first wrong", Text(|t| t.replacen('{', r#"{"mediaType":"x","#, 1)), "SH-BUNDLE-JSON"),
    of("json-duplicate-last-wrong", PLAIN, "`mediaType` twice, the last wrong", Text(|t| format!(r#"{},"mediaType":"x"}}"#, &t[..t.len() - 1])), "SH-BUNDLE-JSON"),
    of("json-duplicate-escaped", PLAIN, "`mediaType` twice, once with an escaped letter", Text(|t| t.replacen('{', r#"{"media\u0054ype":"x","#, 1)), "SH-BUNDLE-JSON"),
    of("json-duplicate-spelling", PLAIN, "`mediaType` and `media_type`", Text(|t| t.replacen('{', r#"{"media_type":"x","#, 1)), "SH-BUNDLE-JSON"),
    of("json-duplicate-unknown", PLAIN, "an unknown name twice", Text(|t| t.replacen('{', r#"{"x":1,"x":2,"#, 1)), "SH-BUNDLE-JSON"),
    of("json-duplicate-nested", PLAIN, "`keyId` twice, the first another log's", Text(|t| t.replacen(r#""keyId":"#, r#""keyId":"AAAA","keyId":"#, 1)), "SH-BUNDLE-JSON"),
    of("json-deep-unknown", PLAIN, "an unknown field nested 65 deep", Text(|t| nested(t, 65)), "SH-BUNDLE-LIMIT"),
    of("json-deep-100000", PLAIN, "an unknown field nested 100,000 deep", Text(|t| nested(t, 100_000)), "SH-BUNDLE-LIMIT"),
    of("json-depth-allowed", PLAIN, "an unknown field nested 60 deep", Text(|t| nested(t, 60)), ""),
    of("json-many-unknown", PLAIN, "1,100,000 values in an unknown field", Text(|t| t.replacen('{', &format!(r#"{{"x":[{}7],"#, "7,".repeat(1_100_000)), 1)), "SH-BUNDLE-LIMIT"),
    of("json-lone-surrogate", PLAIN, "half of a surrogate pair in an unknown text", Text(|t| t.replacen('{', r#"{"x":"\ud800","#, 1)), "SH-BUNDLE-JSON"),
    of("json-control-character", PLAIN, "a line feed inside a text", Text(|t| t.replacen("\"mediaType\":\"", "\"mediaType\":\"\n", 1)), "SH-BUNDLE-JSON"),
    of("json-unknown-field", PLAIN, "an unknown field", Bundle(|b| b["x"] = json!(7)), ""),
    of("json-unknown-nested", PLAIN, "an unknown field in the log entry", Bundle(|b| at(b)["x"] = json!({})), ""),
    of("json-white-space", PLAIN, "white space everywhere", Text(pretty), ""),
    // Names and values in other spellings.
    of("spelling-snake-case", PLAIN, "`verification_material`", Bundle(|b| rename(b, "verificationMaterial", "verification_material")), ""),
    of("spelling-snake-media-type", V2, "`media_type`", Bundle(|b| rename(b, "mediaType", "media_type")), ""),
    of("spelling-capitals", PLAIN, "`VerificationMaterial`", Bundle(|b| rename(b, "verificationMaterial", "VerificationMaterial")), "SH-BUNDLE-FORM"),
    of("spelling-base64url", PLAIN, "base64 in the other alphabet", Bundle(|b| { respell(b, "/messageSignature/signature", |t| { t.replace('+', "-").replace('/', "_") }) }), ""),
    of("spelling-base64-unpadded", PLAIN, "base64 without padding", Bundle(|b| respell(b, "/messageSignature/signature", |t| t.replace('=', ""))), ""),
    of("spelling-base64-line-feed", PLAIN, "a line feed in base64", Bundle(|b| { respell(b, "/messageSignature/signature", |t| { format!("{}\n{}", &t[..8], &t[8..]) }) }), "SH-BUNDLE-FORM"),
    of("spelling-base64-space", PLAIN, "a space after base64", Bundle(|b| respell(b, "/messageSignature/signature", |t| t + " ")), "SH-BUNDLE-FORM"),
    of("spelling-base64-mixed", PLAIN, "both alphabets in one text", Bundle(|b| { respell(b, "/verificationMaterial/certificate/rawBytes", |t| { t + "+_-/" }) }), "SH-BUNDLE-FORM"),
    of("spelling-base64-trailing-bits", PLAIN, "bits after the last byte that are not zero", Bundle(|b| respell(b, "/messageSignature/messageDigest/digest", trailing_bits)), "SH-BUNDLE-FORM"),
    of("spelling-base64-over-padded", PLAIN, "one `=` more", Bundle(|b| respell(b, "/messageSignature/messageDigest/digest", |t| t + "=")), "SH-BUNDLE-FORM"),
    of("spelling-int-number", PLAIN, "`logIndex` as a number", Bundle(|b| number(&mut at(b)["logIndex"])), ""),
    of("spelling-int-float", PLAIN, "`treeSize` as 11.0", Bundle(|b| proof(b)["treeSize"] = json!(11.0)), ""),
    of("spelling-int-exponent", PLAIN, "`treeSize` as 1.1e1", Text(|t| t.replacen(r#""treeSize":"11""#, r#""treeSize":1.1e1"#, 1)), ""),
    of("spelling-int-fraction", PLAIN, "`treeSize` as 11.5", Bundle(|b| proof(b)["treeSize"] = json!(11.5)), "SH-BUNDLE-FORM"),
    of("spelling-int-plus", PLAIN, "`treeSize` as +11", Bundle(|b| proof(b)["treeSize"] = json!("+11")), "SH-BUNDLE-FORM"),
    of("spelling-int-leading-zero", PLAIN, "`treeSize` as 011", Bundle(|b| proof(b)["treeSize"] = json!("011")), "SH-BUNDLE-FORM"),
    of("spelling-int-space", PLAIN, "`treeSize` with a space before it", Bundle(|b| proof(b)["treeSize"] = json!(" 11")), "SH-BUNDLE-FORM"),
    of("spelling-int-hexadecimal", PLAIN, "`treeSize` as 0xb", Bundle(|b| proof(b)["treeSize"] = json!("0xb")), "SH-BUNDLE-FORM"),
    of("spelling-int-negative", PLAIN, "`logIndex` below zero", Bundle(|b| at(b)["logIndex"] = json!("-1")), "SH-BUNDLE-FORM"),
    of("spelling-int-too-large", PLAIN, "`logIndex` over 2^63", Bundle(|b| at(b)["logIndex"] = json!("9223372036854775808")), "SH-BUNDLE-FORM"),
    of("spelling-int-wrapped", V2, "`logIndex` with 2^32 added", Bundle(|b| at(b)["logIndex"] = json!("4294967301")), "SH-LOG-INDEX"),
    of("spelling-int-bool", PLAIN, "`logIndex` as true", Bundle(|b| at(b)["logIndex"] = json!(true)), "SH-BUNDLE-FORM"),
    of("spelling-enum-number", PLAIN, "the digest's algorithm by number", Bundle(|b| claimed(b)["algorithm"] = json!(1)), ""),
    of("spelling-enum-number-text", PLAIN, "the digest's algorithm by number, as text", Bundle(|b| claimed(b)["algorithm"] = json!("1")), "SH-BUNDLE-DIGEST"),
    of("spelling-enum-lower-case", PLAIN, "the digest's algorithm in small letters", Bundle(|b| claimed(b)["algorithm"] = json!("sha2_256")), "SH-BUNDLE-DIGEST"),
    of("spelling-enum-other-name", PLAIN, "the digest's algorithm as SHA-256", Bundle(|b| claimed(b)["algorithm"] = json!("SHA-256")), "SH-BUNDLE-DIGEST"),
    of("spelling-enum-unspecified", PLAIN, "the digest's algorithm as 0", Bundle(|b| claimed(b)["algorithm"] = json!(0)), "SH-BUNDLE-DIGEST"),
    of("spelling-null", PLAIN, "null for a field that is absent", Bundle(|b| b["dsseEnvelope"] = Value::Null), ""),
    of("spelling-number-for-text", PLAIN, "a number where a text belongs", Bundle(|b| b["mediaType"] = json!(3)), "SH-BUNDLE-FORM"),
    // The form.
    of("form-media-type-missing", PLAIN, "no media type", Bundle(|b| remove(b, "mediaType")), "SH-BUNDLE-VERSION"),
    of("form-media-type-0.4", PLAIN, "media type v0.4", Bundle(|b| b["mediaType"] = json!("application/vnd.dev.sigstore.bundle.v0.4+json")), "SH-BUNDLE-VERSION"),
    of("form-media-type-case", PLAIN, "media type in capitals", Bundle(|b| b["mediaType"] = json!("APPLICATION/vnd.dev.sigstore.bundle.v0.3+json")), "SH-BUNDLE-VERSION"),
    of("form-media-type-space", PLAIN, "a space in the media type", Bundle(|b| b["mediaType"] = json!("application/vnd.dev.sigstore.bundle.v0.3+json ")), "SH-BUNDLE-VERSION"),
    of("form-media-type-older", PLAIN, "v0.2 with a single certificate", Bundle(|b| b["mediaType"] = json!(MediaType::V0_2.as_str())), "SH-BUNDLE-MATERIAL"),
    of("form-media-type-newer", CHAIN, "v0.3 with a chain", Bundle(|b| b["mediaType"] = json!(MediaType::V0_3.as_str())), "SH-BUNDLE-MATERIAL"),
    of("form-media-type-other-spelling", PLAIN, "the older spelling of v0.3", Bundle(|b| b["mediaType"] = json!(MediaType::V0_3Parameter.as_str())), ""),
    of("form-no-material", PLAIN, "no verification material", Bundle(|b| remove(b, "verificationMaterial")), "SH-BUNDLE-FORM"),
    of("form-no-content", PLAIN, "nothing signed", Bundle(|b| remove(b, "messageSignature")), "SH-BUNDLE-FORM"),
    of("form-two-contents", PLAIN, "a message signature and an envelope", Bundle(|b| { b["dsseEnvelope"] = json!({ "payload": "e30=", "payloadType": "t", "signatures": [{ "sig": "AAAA" }] }) }), "SH-BUNDLE-FORM"),
    of("form-empty-second-content", STATEMENT, "an envelope and an empty message signature", Bundle(|b| b["messageSignature"] = json!({})), "SH-BUNDLE-FORM"),
    of("form-no-key", V2_KEY, "no key material", Bundle(|b| remove(material(b), "publicKey")), "SH-BUNDLE-NO-KEY"),
    of("form-two-keys", PLAIN, "a certificate and a key", Bundle(|b| material(b)["publicKey"] = json!({ "hint": "h" })), "SH-BUNDLE-FORM"),
    of("form-certificate-and-chain", PLAIN, "a certificate and an empty chain", Bundle(|b| material(b)["x509CertificateChain"] = json!({ "certificates": [] })), "SH-BUNDLE-FORM"),
    of("form-key-for-certificate", PLAIN, "a key hint in place of the certificate", Bundle(|b| { remove(material(b), "certificate"); material(b)["publicKey"] = json!({ "hint": "h" }) }), "SH-POLICY-NEEDS-KEY"),
    of("form-empty-chain", CHAIN, "an empty chain", Bundle(|b| material(b)["x509CertificateChain"]["certificates"] = json!([])), "SH-BUNDLE-NO-KEY"),
    of("form-chain-of-17", CHAIN, "17 certificates in the chain", Bundle(|b| repeat(&mut material(b)["x509CertificateChain"]["certificates"], 17)), "SH-BUNDLE-LIMIT"),
    of("form-chain-reversed", CHAIN, "the chain the other way round", Bundle(|b| { material(b)["x509CertificateChain"]["certificates"].as_array_mut().unwrap().reverse() }), "SH-SIGNATURE"),
    of("form-chain-leaf-twice", CHAIN, "the leaf twice in the chain", Bundle(|b| { let list = &mut material(b)["x509CertificateChain"]["certificates"]; list[1] = list[0].clone() }), ""),
    of("form-chain-leaf-alone", CHAIN, "the leaf alone in the chain", Bundle(|b| { drop(material(b)["x509CertificateChain"]["certificates"].as_array_mut().unwrap().pop()) }), ""),
    of("form-no-log-id", PLAIN, "no log id", Bundle(|b| remove(at(b), "logId")), "SH-LOG-UNKNOWN"),
    of("form-no-kind", PLAIN, "no kind and version", Bundle(|b| remove(at(b), "kindVersion")), "SH-BUNDLE-FORM"),
    of("form-no-body", PLAIN, "no body", Bundle(|b| remove(at(b), "canonicalizedBody")), "SH-BUNDLE-FORM"),
    of("form-33-entries", PLAIN, "33 log entries", Bundle(|b| repeat(&mut material(b)["tlogEntries"], 33)), "SH-BUNDLE-LIMIT"),
    of("form-200-entries", PLAIN, "200 log entries", Bundle(|b| repeat(&mut material(b)["tlogEntries"], 200)), "SH-BUNDLE-LIMIT"),
    of("form-33-timestamps", V2, "33 timestamps", Bundle(|b| { repeat(&mut material(b)["timestampVerificationData"]["rfc3161Timestamps"], 33) }), "SH-BUNDLE-LIMIT"),
    of("form-65-hashes", PLAIN, "65 hashes in the proof", Bundle(|b| repeat(&mut proof(b)["hashes"], 65)), "SH-BUNDLE-LIMIT"),
    of("form-100000-hashes", PLAIN, "100,000 hashes in the proof", Bundle(|b| repeat(&mut proof(b)["hashes"], 100_000)), "SH-BUNDLE-LIMIT"),
    of("form-short-hash", PLAIN, "a hash of 3 bytes in the proof", Bundle(|b| proof(b)["hashes"][0] = json!("AAAA")), "SH-BUNDLE-FORM"),
    of("form-short-root", PLAIN, "a root hash of 3 bytes", Bundle(|b| proof(b)["rootHash"] = json!("AAAA")), "SH-BUNDLE-FORM"),
    of("form-claim-short", PLAIN, "a claimed digest of 3 bytes", Bundle(|b| claimed(b)["digest"] = json!("AAAA")), "SH-BUNDLE-FORM"),
    of("form-no-claim", PLAIN, "no claimed digest", Bundle(|b| remove(&mut b["messageSignature"], "messageDigest")), ""),
    of("form-claim-of-another", PLAIN, "the claimed digest of something else", Bundle(|b| claimed(b)["digest"] = json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")), "SH-ARTIFACT-DIGEST"),
    of("form-claim-algorithm", PLAIN, "the claimed digest as SHA2_512", Bundle(|b| claimed(b)["algorithm"] = json!("SHA2_512")), "SH-BUNDLE-FORM"),
    of("form-signature-missing", PLAIN, "no signature", Bundle(|b| remove(&mut b["messageSignature"], "signature")), "SH-BUNDLE-FORM"),
    of("form-signature-empty", PLAIN, "an empty signature", Bundle(|b| b["messageSignature"]["signature"] = json!("")), "SH-BUNDLE-FORM"),
    of("form-envelope-no-signature", STATEMENT, "an envelope without a signature", Bundle(|b| b["dsseEnvelope"]["signatures"] = json!([])), "SH-BUNDLE-SIGNATURES"),
    of("form-envelope-two-signatures", STATEMENT, "an envelope signed twice", Bundle(|b| repeat(&mut b["dsseEnvelope"]["signatures"], 2)), "SH-BUNDLE-SIGNATURES"),
    of("form-envelope-17-signatures", STATEMENT, "an envelope signed 17 times", Bundle(|b| repeat(&mut b["dsseEnvelope"]["signatures"], 17)), "SH-BUNDLE-LIMIT"),
    of("form-envelope-key-id", STATEMENT, "a key id in the envelope", Bundle(|b| b["dsseEnvelope"]["signatures"][0]["keyid"] = json!("k")), ""),
    of("form-envelope-payload-type", V2_STATEMENT, "another payload type", Bundle(|b| b["dsseEnvelope"]["payloadType"] = json!("text/plain")), "SH-ARTIFACT-PAYLOAD-TYPE"),
    of("form-envelope-payload-type-case", V2_STATEMENT, "the payload type in capitals", Bundle(|b| b["dsseEnvelope"]["payloadType"] = json!("application/vnd.in-toto+JSON")), "SH-ARTIFACT-PAYLOAD-TYPE"),
];

fn nested(text: &str, depth: usize) -> String {
    let deep = "[".repeat(depth) + &"]".repeat(depth);
    text.replacen('{', &format!(r#"{{"x":{deep},"#), 1)
}

fn pretty(text: &str) -> String {
    let value: Value = serde_json::from_str(text).unwrap();
    serde_json::to_string_pretty(&value).unwrap()
}

fn claimed(bundle: &mut Value) -> &mut Value {
    &mut bundle["messageSignature"]["messageDigest"]
}

fn number(value: &mut Value) {
    *value = json!(value.as_str().unwrap().parse::<i64>().unwrap());
}

/// The last character before the padding of a 32-byte value holds four bits that mean something and two that do not.
fn trailing_bits(text: String) -> String {
    let last = text.len() - 2;
    let changed = char::from(text.as_bytes()[last] + 1);
    format!("{}{changed}=", &text[..last])
}
