//! A sound bundle under another trusted root.

use serde_json::{Value, json};
use signhere_testkit::forge::{self as made, Kind, SIGNED_AT};

use crate::How::Root;
use crate::forge::{PROOF_ONLY, V2, V2_KEY};
use crate::{Twin, base64, of};

const PLAIN: Kind = Kind::PLAIN;

// A row a line.
#[rustfmt::skip]
pub(crate) const TWINS: &[Twin] = &[
    of("root-log-retired", PLAIN, "the log ended a second before the promise", Root(|r| ends(&mut r["tlogs"][0]["publicKey"]["validFor"], -1)), "SH-LOG-WINDOW"),
    of("root-log-last-second", PLAIN, "the log ended in the promise's second", Root(|r| ends(&mut r["tlogs"][0]["publicKey"]["validFor"], 0)), ""),
    of("root-log-future", PLAIN, "the log began a second after the promise", Root(|r| starts(&mut r["tlogs"][0]["publicKey"]["validFor"], 1)), "SH-LOG-WINDOW"),
    of("root-log-retired-v2", V2, "the log ended a second before the timestamp", Root(|r| ends(&mut r["tlogs"][1]["publicKey"]["validFor"], -1)), "SH-LOG-WINDOW"),
    of("root-log-future-v2", V2, "the log began a second after the timestamp", Root(|r| starts(&mut r["tlogs"][1]["publicKey"]["validFor"], 1)), "SH-LOG-WINDOW"),
    of("root-log-retired-proof", PROOF_ONLY, "the log of a proof without a promise ended before the timestamp", Root(|r| ends(&mut r["tlogs"][0]["publicKey"]["validFor"], -1)), "SH-LOG-WINDOW"),
    of("root-log-retired-key", V2_KEY, "a retired log, and nothing that proves a time", Root(|r| ends(&mut r["tlogs"][1]["publicKey"]["validFor"], -1)), "SH-TIME-MISSING"),
    of("root-log-no-start", PLAIN, "the log has no start", Root(|r| crate::remove(&mut r["tlogs"][0]["publicKey"]["validFor"], "start")), "the root"),
    of("root-log-other-key", V2, "another key for the log", Root(|r| { r["tlogs"][1]["publicKey"]["rawBytes"] = base64(made::ed25519("another").public_key().spki_der()) }), "SH-LOG-CHECKPOINT-SIGNATURE"),
    of("root-log-other-name", V2, "another name for the log", Root(|r| r["tlogs"][1]["baseUrl"] = json!("https://log.example")), "SH-LOG-CHECKPOINT-ORIGIN"),
    of("root-log-none", PLAIN, "no log of signatures is listed", Root(|r| r["tlogs"] = json!([])), "SH-LOG-UNKNOWN"),
    of("root-log-same-id", V2, "both logs under one id", Root(|r| r["tlogs"][0]["logId"] = r["tlogs"][1]["logId"].clone()), "the root"),
    of("root-log-twice", V2, "the log twice", Root(|r| { let again = r["tlogs"][1].clone(); r["tlogs"].as_array_mut().unwrap().push(again) }), ""),
    of("root-ca-none", V2, "no certificate authority", Root(|r| r["certificateAuthorities"] = json!([])), "SH-CERT-UNTRUSTED"),
    of("root-ca-retired", V2, "the certificate authority ended a second before", Root(|r| ends(&mut r["certificateAuthorities"][0]["validFor"], -1)), "SH-CERT-WINDOW"),
    of("root-ca-future", V2, "the certificate authority began a second after", Root(|r| starts(&mut r["certificateAuthorities"][0]["validFor"], 1)), "SH-CERT-WINDOW"),
    of("root-ca-reversed", V2, "the certificate authority's chain the other way round", Root(|r| { r["certificateAuthorities"][0]["certChain"]["certificates"].as_array_mut().unwrap().reverse() }), "SH-TRUST-AUTHORITY"),
    of("root-ca-no-root", V2, "the certificate authority without its root", Root(|r| { drop(r["certificateAuthorities"][0]["certChain"]["certificates"].as_array_mut().unwrap().pop()) }), ""),
    of("root-ca-of-tsa", V2, "the timestamp authority's chain for the certificate authority's", Root(|r| { r["certificateAuthorities"][0]["certChain"] = r["timestampAuthorities"][0]["certChain"].clone() }), "SH-CERT-UNTRUSTED"),
    of("root-ct-none", V2, "no certificate log is listed", Root(|r| r["ctlogs"] = json!([])), ""),
    of("root-ct-future", V2, "the certificate log began a second after", Root(|r| starts(&mut r["ctlogs"][0]["publicKey"]["validFor"], 1)), "SH-SCT-WINDOW"),
    of("root-ct-retired", V2, "the certificate log ended before the certificate", Root(|r| ends(&mut r["ctlogs"][0]["publicKey"]["validFor"], -61)), "SH-SCT-WINDOW"),
    of("root-ct-other-key", V2, "another key for the certificate log", Root(|r| { r["ctlogs"][0]["publicKey"]["rawBytes"] = base64(made::fresh(signhere_pki::key::KeyKind::P256).public_key().spki_der()) }), "SH-SCT"),
    of("root-ct-is-rekor", V2, "the log of signatures for the certificate log", Root(|r| r["ctlogs"][0] = r["tlogs"][0].clone()), "SH-SCT-UNKNOWN"),
    of("root-tsa-none", V2, "no timestamp authority", Root(|r| r["timestampAuthorities"] = json!([])), "SH-TIME-UNTRUSTED"),
    of("root-tsa-retired", V2, "the timestamp authority ended a second before", Root(|r| ends(&mut r["timestampAuthorities"][0]["validFor"], -1)), "SH-TIME-WINDOW"),
    of("root-tsa-future", V2, "the timestamp authority began a second after", Root(|r| starts(&mut r["timestampAuthorities"][0]["validFor"], 1)), "SH-TIME-WINDOW"),
    of("root-tsa-root-alone", V2, "the timestamp authority's root alone is listed", Root(|r| { drop(r["timestampAuthorities"][0]["certChain"]["certificates"].as_array_mut().unwrap().remove(0)) }), ""),
    of("root-tsa-of-ca", V2, "the certificate authority's chain for the timestamp authority's", Root(|r| { r["timestampAuthorities"][0]["certChain"] = r["certificateAuthorities"][0]["certChain"].clone() }), "SH-TIME-UNTRUSTED"),
];

fn ends(window: &mut Value, seconds: i64) {
    window["end"] = json!(SIGNED_AT.plus_seconds(seconds).to_string());
}

fn starts(window: &mut Value, seconds: i64) {
    window["start"] = json!(SIGNED_AT.plus_seconds(seconds).to_string());
}
