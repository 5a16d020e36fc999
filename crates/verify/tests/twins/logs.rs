//! What logs sign: promises, proofs, checkpoints.

use serde_json::{Value, json};
use signhere_pki::key::KeyKind;
use signhere_testkit::forge::{
    self as made, Forge, Forged, Kind, LogEntry, LogPlan, MediaType, Proof, SIGNED_AT, Stage,
    Witness,
};

use crate::How::{Bundle, Log, Logged, Made};
use crate::forge::{PROOF_ONLY, V2, V2_KEY};
use crate::{Twin, at, base64, of, proof as proof_json, unbase64};

const PLAIN: Kind = Kind::PLAIN;
const OLD: Kind = Kind {
    media_type: MediaType::V0_1,
    ..PLAIN
};

// A row a line.
#[rustfmt::skip]
pub(crate) const TWINS: &[Twin] = &[
    of("log-none", PLAIN, "no entry", Logged(Vec::clear), "SH-LOG-MISSING"),
    of("log-twice", PLAIN, "the same entry twice", Logged(|e| e.push(e[0].clone())), "SH-LOG-DUPLICATE"),
    of("log-twice-index", PLAIN, "the same entry again at another index", Logged(|e| { let mut again = e[0].clone(); again.index += 1; e.push(again) }), "SH-LOG-DUPLICATE"),
    of("log-second-bad", V2_KEY, "a second entry at another place, with a bad proof", Logged(|e| { let mut again = e[0].clone(); again.body.push(b' '); again.index = 6; proof(&mut again).index = 6; e.push(again) }), "SH-LOG-PROOF"),
    of("log-id-unknown", PLAIN, "the id of a log that nobody knows", Log(|l| l.log_id[0] ^= 1), "SH-LOG-UNKNOWN"),
    of("log-id-unknown-v2", V2, "the id of a log that nobody knows", Log(|l| l.log_id[0] ^= 1), "SH-LOG-UNKNOWN"),
    of("log-id-hint", V2, "the first four bytes of the log's id, which are its hint", Log(|l| l.log_id.truncate(4)), "SH-LOG-UNKNOWN"),
    of("log-id-longer", V2, "a byte more in the log's id", Log(|l| l.log_id.push(0)), "SH-LOG-UNKNOWN"),
    of("log-id-same-hint", V2, "another id with the same first four bytes", Log(|l| l.log_id[9] ^= 1), "SH-LOG-UNKNOWN"),
    of("log-id-of-other", V2, "the id of the other trusted log", Made(|forge, kind| { forge.spoiled(kind, |s| { if let Stage::Log(l) = s { l.log_id = forge.rekor_v1.id().to_vec() } }) }), "SH-LOG-CHECKPOINT-ORIGIN"),
    // The promise.
    of("promise-missing", PLAIN, "no promise, and so no time", Log(|l| l.promises = false), "SH-TIME-MISSING"),
    of("promise-missing-v0.1", OLD, "no promise in a v0.1 bundle", Log(|l| l.promises = false), "SH-LOG-PROMISE-MISSING"),
    of("promise-empty", PLAIN, "an empty promise", Logged(|e| e[0].promise = Some(vec![])), "SH-LOG-PROMISE"),
    of("promise-of-another-key", PLAIN, "a promise by another key", Made(promise_by_another), "SH-LOG-PROMISE"),
    of("promise-other-time", PLAIN, "another time than promised", Logged(|e| e[0].integrated_time += 1), "SH-LOG-PROMISE"),
    of("promise-other-index", PLAIN, "another index than promised", Logged(|e| e[0].index += 1), "SH-LOG-PROMISE"),
    of("promise-other-body", PLAIN, "a promise for another body", Made(promise_of_another), "SH-LOG-PROMISE"),
    of("promise-time-negative", PLAIN, "a promised time before 1970", Log(|l| l.integrated_time = -1), "SH-LOG-WINDOW"),
    of("promise-time-zero", PLAIN, "a promised time of zero", Log(|l| l.integrated_time = 0), "SH-LOG-WINDOW"),
    of("promise-time-milliseconds", PLAIN, "a promised time in milliseconds", Log(|l| l.integrated_time *= 1000), "SH-CERT-EXPIRED"),
    of("promise-time-largest", PLAIN, "the largest promised time there is", Log(|l| l.integrated_time = i64::MAX), "SH-CERT-EXPIRED"),
    of("promise-in-v2", V2, "a promise where the log makes none", Log(|l| l.promises = true), "SH-LOG-PROMISE-UNEXPECTED"),
    of("promise-time-in-v2", V2, "a time where the log states none", Log(|l| l.integrated_time = SIGNED_AT.unix()), "SH-LOG-TIME"),
    of("promise-alone-v0.1", OLD, "no proof in a v0.1 bundle", Log(|l| l.proves = false), ""),
    of("promise-alone", PLAIN, "no proof in a v0.3 bundle", Log(|l| l.proves = false), "SH-LOG-PROOF-MISSING"),
    of("promise-contradicts-proof", PLAIN, "a good promise beside a proof for another place", Logged(|e| proof(&mut e[0]).index = 4), "SH-LOG-PROOF"),
    // The proof.
    of("proof-index-other", V2, "another index in the proof, and outside of it", Logged(|e| { e[0].index = 4; proof(&mut e[0]).index = 4 }), "SH-LOG-PROOF"),
    of("proof-index-outer", V2, "another index outside of the proof", Logged(|e| e[0].index = 4), "SH-LOG-INDEX"),
    of("proof-index-inner", V2, "another index in the proof alone", Logged(|e| proof(&mut e[0]).index = 4), "SH-LOG-INDEX"),
    of("proof-index-beyond", PROOF_ONLY, "an index that is the tree's size", Logged(|e| proof(&mut e[0]).index = 11), "SH-LOG-PROOF"),
    of("proof-index-large", PROOF_ONLY, "the index 2^32 higher", Logged(|e| proof(&mut e[0]).index += 1 << 32), "SH-LOG-PROOF"),
    of("proof-index-v1-outer", PROOF_ONLY, "another outer index, which nobody signs", Logged(|e| e[0].index += 1), ""),
    of("proof-size-zero", PROOF_ONLY, "a tree of size zero", Logged(|e| proof(&mut e[0]).size = 0), "SH-LOG-PROOF"),
    of("proof-size-12", PLAIN, "a size for which the proof is as long", Logged(|e| proof(&mut e[0]).size = 12), "SH-LOG-CHECKPOINT-TREE"),
    of("proof-size-large", PLAIN, "a size with 2^32 added", Logged(|e| proof(&mut e[0]).size += 1 << 32), "SH-LOG-PROOF"),
    of("proof-root", PLAIN, "another root hash", Logged(|e| proof(&mut e[0]).root = vec![7; 32]), "SH-LOG-PROOF"),
    of("proof-hash", V2, "a bit in the first hash", Logged(|e| proof(&mut e[0]).hashes[0][0] ^= 1), "SH-LOG-PROOF"),
    of("proof-hash-missing", V2, "the last hash missing", Logged(|e| drop(proof(&mut e[0]).hashes.pop())), "SH-LOG-PROOF"),
    of("proof-hash-more", V2, "a hash more", Logged(|e| proof(&mut e[0]).hashes.push(vec![7; 32])), "SH-LOG-PROOF"),
    of("proof-hashes-none", V2, "no hashes", Logged(|e| proof(&mut e[0]).hashes.clear()), "SH-LOG-PROOF"),
    of("proof-hashes-reversed", V2, "the hashes the other way round", Logged(|e| proof(&mut e[0]).hashes.reverse()), "SH-LOG-PROOF"),
    of("proof-of-sibling", V2, "the proof of the leaf beside it", Made(proof_of_sibling), "SH-LOG-PROOF"),
    of("proof-body", PROOF_ONLY, "a space after the body", Logged(|e| e[0].body.push(b' ')), "SH-LOG-PROOF"),
    of("proof-body-order", PROOF_ONLY, "the body's members in another order", Logged(|e| e[0].body = reordered(&e[0].body)), "SH-LOG-PROOF"),
    of("proof-node-as-leaf", V2, "an inner node of the tree given for the leaf", Made(node_as_leaf), "SH-LOG-BODY"),
    of("proof-missing-v2", V2, "no proof", Log(|l| l.proves = false), "SH-LOG-PROOF-MISSING"),
    of("proof-tree-of-one", V2, "the only leaf of its tree", Log(|l| { l.tree_index = 0; l.tree_size = 1; l.index = 0 }), ""),
    of("proof-empty-object", PLAIN, "an empty object for a proof", Bundle(|b| at(b)["inclusionProof"] = json!({})), "SH-BUNDLE-FORM"),
    // The checkpoint.
    of("checkpoint-missing", V2, "no checkpoint", Logged(|e| proof(&mut e[0]).checkpoint = None), "SH-LOG-CHECKPOINT-MISSING"),
    of("checkpoint-missing-v1", PLAIN, "no checkpoint beside a good promise", Logged(|e| proof(&mut e[0]).checkpoint = None), "SH-LOG-CHECKPOINT-MISSING"),
    of("checkpoint-other-key", V2, "signed by another key under the log's name", Log(|l| l.signer = made::ed25519("another")), "SH-LOG-CHECKPOINT-SIGNATURE"),
    of("checkpoint-other-key-v1", PROOF_ONLY, "signed by another key under the log's name", Log(|l| l.signer = made::fresh(KeyKind::P256)), "SH-LOG-CHECKPOINT-SIGNATURE"),
    of("checkpoint-other-key-same-hint", V2, "signed by another key, with the log's hint", Made(hint_collision), "SH-LOG-CHECKPOINT-SIGNATURE"),
    of("checkpoint-hint-collision", V2, "before the log's line another with its name and hint", Logged(|e| checkpoint(e, colliding_line_first)), ""),
    of("checkpoint-other-name", V2, "signed under another name", Log(|l| l.name = "log.example".to_owned()), "SH-LOG-CHECKPOINT-SIGNATURE"),
    of("checkpoint-other-origin", V2, "of another origin", Log(|l| l.origin = "log.example".to_owned()), "SH-LOG-CHECKPOINT-ORIGIN"),
    of("checkpoint-origin-longer", V2, "of an origin that goes on", Log(|l| l.origin += ".evil.example"), "SH-LOG-CHECKPOINT-ORIGIN"),
    of("checkpoint-origin-case", V2, "of an origin in capitals", Log(|l| l.origin = l.origin.to_uppercase()), "SH-LOG-CHECKPOINT-ORIGIN"),
    of("checkpoint-origin-shard", V2, "of a shard of the log", Log(|l| l.origin += " - 7"), "SH-LOG-CHECKPOINT-ORIGIN"),
    of("checkpoint-origin-v1-shard", PROOF_ONLY, "of another shard of the log, signed", Log(|l| l.origin = l.origin.replace("1193", "2193")), ""),
    of("checkpoint-origin-v1-text", PROOF_ONLY, "of a shard that is no number", Log(|l| l.origin += "x"), "SH-LOG-CHECKPOINT-ORIGIN"),
    of("checkpoint-same-origin-other-log", V2, "of the other trusted log under this log's origin", Made(|forge, kind| { forge.spoiled(kind, |s| { if let Stage::Log(l) = s { l.signer = forge.rekor_v1.key.clone() } }) }), "SH-LOG-CHECKPOINT-SIGNATURE"),
    of("checkpoint-other-tree-size", V2, "of a larger tree, signed", Made(|forge, kind| checkpoint_of(forge, kind, 12, None)), "SH-LOG-CHECKPOINT-TREE"),
    of("checkpoint-other-tree-root", V2, "of a tree with another root, signed", Made(|forge, kind| checkpoint_of(forge, kind, 11, Some([7; 32]))), "SH-LOG-CHECKPOINT-TREE"),
    of("checkpoint-other-tree-v1", PLAIN, "of a larger tree, signed, beside a good promise", Made(|forge, kind| checkpoint_of(forge, kind, 12, None)), "SH-LOG-CHECKPOINT-TREE"),
    of("checkpoint-text-size", V2, "another size in its text", Logged(|e| checkpoint(e, |t| t.replacen("\n11\n", "\n12\n", 1))), "SH-LOG-CHECKPOINT-TREE"),
    of("checkpoint-text-size-zero", V2, "a zero before its size", Logged(|e| checkpoint(e, |t| t.replacen("\n11\n", "\n011\n", 1))), "SH-LOG-CHECKPOINT"),
    of("checkpoint-text-extension", V2, "a line more in its text", Logged(|e| checkpoint(e, |t| t.replacen("\n\n", "\nmore\n\n", 1))), "SH-LOG-CHECKPOINT-SIGNATURE"),
    of("checkpoint-text-carriage-return", V2, "line ends as Windows has them", Logged(|e| checkpoint(e, |t| t.replace('\n', "\r\n"))), "SH-LOG-CHECKPOINT"),
    of("checkpoint-text-no-blank", V2, "no blank line", Logged(|e| checkpoint(e, |t| t.replacen("\n\n", "\n", 1))), "SH-LOG-CHECKPOINT-SIGNATURE"),
    of("checkpoint-text-unterminated", V2, "no line feed at the end", Logged(|e| checkpoint(e, |t| t.trim_end().to_owned())), "SH-LOG-CHECKPOINT"),
    of("checkpoint-text-trailing", V2, "an empty line at the end", Logged(|e| checkpoint(e, |t| t + "\n")), "SH-LOG-CHECKPOINT-SIGNATURE"),
    of("checkpoint-line-broken", V2, "a line that is no signature", Logged(|e| checkpoint(e, |t| t + "\u{2014} x\n")), "SH-LOG-CHECKPOINT"),
    of("checkpoint-line-hyphen", V2, "a hyphen for the dash before each signature", Logged(|e| checkpoint(e, |t| t.replace('\u{2014}', "-"))), "SH-LOG-CHECKPOINT"),
    of("checkpoint-line-unknown", V2, "a line of somebody unknown", Logged(|e| checkpoint(e, |t| t + "\u{2014} x AAAAAAAA\n")), ""),
    of("checkpoint-line-own-bad-too", V2, "the log's line again, its signature broken", Logged(|e| checkpoint(e, own_line_broken_too)), ""),
    of("checkpoint-lines-101", V2, "101 lines more", Logged(|e| checkpoint(e, |t| t + &"\u{2014} x AAAAAAAA\n".repeat(101))), "SH-LOG-CHECKPOINT"),
    of("checkpoint-witnesses-alone", V2, "the witnesses' lines alone", Logged(|e| { checkpoint(e, |t| { t.split_inclusive('\n').filter(|l| !l.starts_with("\u{2014} log")).collect() }) }), "SH-LOG-CHECKPOINT-SIGNATURE"),
    of("checkpoint-no-witness", V2, "no witness", Log(|l| l.witnesses = (vec![], vec![])), ""),
    of("checkpoint-more-witnesses", V2, "a third witness", Log(|l| l.witnesses.1.push(Witness::new("witness.example/c", 7))), ""),
    of("checkpoint-ed25519-plus-order", V2, "the order of the curve added to the signature's s", Logged(|e| checkpoint(e, plus_order)), "SH-LOG-CHECKPOINT-SIGNATURE"),
    of("checkpoint-huge", V2, "a line of 2 MiB", Logged(|e| checkpoint(e, |t| format!("{}{t}", "x".repeat(2 << 20)))), "SH-LOG-CHECKPOINT"),
    of("checkpoint-not-text", V2, "a control character in the origin", Log(|l| l.origin = format!("{}\u{1}", l.origin)), "SH-LOG-CHECKPOINT"),
    of("checkpoint-swapped", V2, "proof and checkpoint of another entry", Made(proof_of_another), "SH-LOG-PROOF"),
];

fn proof(entry: &mut LogEntry) -> &mut Proof {
    entry.proof.as_mut().unwrap()
}

fn checkpoint(entries: &mut [LogEntry], change: fn(String) -> String) {
    let proof = proof(&mut entries[0]);
    proof.checkpoint = proof.checkpoint.take().map(change);
}

/// The log's own line: before it, its name, its bytes, after it.
fn own_line(text: &str) -> (usize, &str, Vec<u8>) {
    let start = text.find("\u{2014} log2026").unwrap();
    let line = text[start..].lines().next().unwrap();
    let (head, encoded) = line.rsplit_once(' ').unwrap();
    (start, head, unbase64(&Value::from(encoded)))
}

fn line(head: &str, bytes: &[u8]) -> String {
    format!("{head} {}\n", base64(bytes).as_str().unwrap())
}

fn colliding_line_first(text: String) -> String {
    let (start, head, mut bytes) = own_line(&text);
    bytes[4..].reverse();
    format!("{}{}{}", &text[..start], line(head, &bytes), &text[start..])
}

fn own_line_broken_too(text: String) -> String {
    let (_, head, mut bytes) = own_line(&text);
    bytes[20] ^= 1;
    text.clone() + &line(head, &bytes)
}

/// RFC 8032 section 5.1.7 wants s below the order: with it added the equation holds as well.
fn plus_order(text: String) -> String {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let (start, head, mut bytes) = own_line(&text);
    let old = line(head, &bytes);
    let mut carried = 0;
    for (digit, order) in bytes[4 + 32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*digit) + u16::from(order) + carried;
        *digit = sum.to_le_bytes()[0];
        carried = sum >> 8;
    }
    let after = &text[start + old.len()..];
    format!("{}{}{after}", &text[..start], line(head, &bytes))
}

/// The line of another key, under the log's hint.
fn hint_collision(forge: &Forge, kind: Kind) -> Forged {
    let hint = forge.rekor_v2.id();
    forge.spoiled(kind, |stage| match stage {
        Stage::Log(plan) => plan.signer = made::ed25519("another"),
        Stage::Logged(entries) => {
            let proof = proof(&mut entries[0]);
            let text = proof.checkpoint.take().unwrap();
            let (start, head, mut bytes) = own_line(&text);
            let old = line(head, &bytes);
            bytes[..4].copy_from_slice(&hint[..4]);
            let after = &text[start + old.len()..];
            let text = format!("{}{}{after}", &text[..start], line(head, &bytes));
            proof.checkpoint = Some(text);
        }
        _ => {}
    })
}

fn promise_by_another(forge: &Forge, kind: Kind) -> Forged {
    let mut other = None;
    forge.spoiled(kind, |stage| {
        if let Stage::Log(plan) = &stage {
            let key = made::fresh(KeyKind::P256);
            other = Some(LogPlan {
                signer: key,
                ..(**plan).clone()
            });
        }
    });
    let other = other.unwrap();
    let mut promise = None;
    forge.spoiled(kind, |stage| match stage {
        Stage::Log(plan) => *plan = other.clone(),
        Stage::Logged(entries) => promise = entries[0].promise.clone(),
        _ => {}
    });
    forge.spoiled(kind, |stage| {
        if let Stage::Logged(entries) = stage {
            entries[0].promise = promise.clone();
        }
    })
}

fn promise_of_another(forge: &Forge, kind: Kind) -> Forged {
    let mut promise = None;
    forge.spoiled(kind, |stage| {
        if let Stage::Logged(entries) = stage {
            promise = entries[0].promise.clone();
        }
    });
    forge.spoiled(kind, |stage| {
        if let Stage::Logged(entries) = stage {
            entries[0].promise = promise.clone();
        }
    })
}

fn proof_of_another(forge: &Forge, kind: Kind) -> Forged {
    let (mut other, mut own) = (forge.bundle(kind), forge.bundle(kind));
    *proof_json(&mut own.json) = proof_json(&mut other.json).clone();
    own
}

/// The leaf beside it has the leaf's own hash first, and then the same path.
fn proof_of_sibling(forge: &Forge, kind: Kind) -> Forged {
    forge.spoiled(kind, |stage| {
        if let Stage::Logged(entries) = stage {
            let own = signhere_log::merkle::leaf_hash(&entries[0].body).to_vec();
            let proof = proof(&mut entries[0]);
            proof.index -= 1;
            proof.hashes[0] = own;
            entries[0].index -= 1;
        }
    })
}

/// What is hashed for an inner node, as if it were an entry: leaves and nodes are hashed apart (RFC 9162 section 2.1.1).
fn node_as_leaf(forge: &Forge, kind: Kind) -> Forged {
    forge.spoiled(kind, |stage| {
        if let Stage::Logged(entries) = stage {
            let own = signhere_log::merkle::leaf_hash(&entries[0].body);
            let sibling = proof(&mut entries[0]).hashes.remove(0);
            entries[0].body = [sibling.as_slice(), &own].concat();
            entries[0].index = 2;
            proof(&mut entries[0]).index = 2;
            proof(&mut entries[0]).size = 6;
        }
    })
}

fn checkpoint_of(forge: &Forge, kind: Kind, size: u64, root: Option<[u8; 32]>) -> Forged {
    let mut log = None;
    forge.spoiled(kind, |stage| match stage {
        Stage::Log(plan) => log = Some(plan.clone()),
        Stage::Logged(entries) => {
            let proof = proof(&mut entries[0]);
            let root = root.map_or_else(|| proof.root.clone(), Vec::from);
            proof.checkpoint = Some(log.as_ref().unwrap().checkpoint(size, &root));
        }
        _ => {}
    })
}

fn reordered(body: &[u8]) -> Vec<u8> {
    let value: Value = serde_json::from_slice(body).unwrap();
    let [version, kind, spec] = ["apiVersion", "kind", "spec"].map(|name| value[name].to_string());
    format!(r#"{{"spec":{spec},"kind":{kind},"apiVersion":{version}}}"#).into_bytes()
}
