//! The corpus: what the forge and the builders make, and the vectors; small, and valid but for some vectors.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use signhere_log::checkpoint::Checkpoint;
use signhere_log::memory::MemoryStorage;
use signhere_log::note::NoteSigner;
use signhere_log::sequencer::{Sequencer, SequencerConfig, Storage};
use signhere_log::static_ct::{LogEntry, TileLeaf, leaf_index_extension};
use signhere_log::storage::Journal as _;
use signhere_log::witness::AddCheckpoint;
use signhere_pki::cert::Certificate;
use signhere_pki::digest::HashAlgorithm;
use signhere_pki::jwt::{Jwks, mint_jwt};
use signhere_pki::key::KeyKind;
use signhere_pki::random::SystemRandom;
use signhere_pki::tsp::TimestampRequest;
use signhere_pki::{pem, sct};
use signhere_testkit::der::Tlv;
use signhere_testkit::forge::{self as made, Entry, Forge, Kind, MediaType, RootVersion, Stage};
use signhere_verify::formats::NPM_KEYS;
use signhere_verify::trust;

use crate::forge::{STATEMENT, V2, V2_KEY, V2_STATEMENT};

/// Writes the corpus, and the trusted root that its bundles are verified with.
pub(crate) fn write(folder: &Path) {
    let forge = Forge::new();
    let root = forge.trusted_root(RootVersion::V0_1).to_string();
    fs::write(folder.join("../trusted_root.json"), &root).unwrap();
    let seeds = Seeds(folder.to_owned());
    bundles(&seeds, &forge);
    lists(&seeds, &forge);
    trust(&seeds, &root);
    certificates(&seeds, &forge);
    logs(&seeds);
    tokens(&seeds);
}

struct Seeds(PathBuf);

impl Seeds {
    fn put(&self, target: &str, name: &str, input: impl AsRef<[u8]>) {
        let folder = self.0.join(target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), input).unwrap();
    }
}

fn bundles(seeds: &Seeds, forge: &Forge) {
    let intoto = |entry| Kind { entry, ..STATEMENT };
    let kinds = [
        ("v1", Kind::PLAIN),
        ("v2", V2),
        ("v1-statement", STATEMENT),
        ("v2-statement", V2_STATEMENT),
        ("v2-key", V2_KEY),
        ("intoto-001", intoto(Entry::IntotoV001)),
        ("intoto-002", intoto(Entry::IntotoV002)),
        (
            "dsse-002",
            Kind {
                entry: Entry::DsseV002,
                ..V2_STATEMENT
            },
        ),
        (
            "v0.1-chain",
            Kind {
                media_type: MediaType::V0_1,
                ..Kind::PLAIN
            },
        ),
    ];
    for (name, kind) in kinds {
        let mut stamps = Vec::new();
        let forged = forge.spoiled(kind, |stage| {
            if let Stage::Stamped(made) = stage {
                stamps.clone_from(made);
            }
        });
        for target in ["bundle", "verify"] {
            seeds.put(target, name, forged.to_bytes());
        }
        let entry = &forged.json["verificationMaterial"]["tlogEntries"][0];
        let declared = &entry["kindVersion"];
        let declared = [&declared["kind"], &declared["version"]].map(|text| text.as_str().unwrap());
        let body = raw(&entry["canonicalizedBody"]);
        let line = format!("{}\n", declared.join(" "));
        seeds.put("entry", name, [line.as_bytes(), &body].concat());
        seeds.put("bundle", &format!("entry-{name}"), entry.to_string());
        if let Some(text) = entry["inclusionProof"]["checkpoint"]["envelope"].as_str() {
            seeds.put("note", name, text);
            seeds.put("checkpoint", name, text);
        }
        for stamp in stamps {
            seeds.put("timestamp", name, &stamp);
            let token = Tlv::parse(&stamp).unwrap().child(1).to_der();
            seeds.put("timestamp", &format!("token-{name}"), &token);
            seeds.put("cms", name, token);
        }
        if let Some(envelope) = forged.json.get("dsseEnvelope") {
            let payload = raw(&envelope["payload"]);
            seeds.put("statement", name, &payload);
            let line = format!("{}\n", envelope["payloadType"].as_str().unwrap());
            seeds.put("dsse", name, [line.as_bytes(), &payload].concat());
        }
    }
}

fn lists(seeds: &Seeds, forge: &Forge) {
    let digest = HashAlgorithm::Sha256.digest(made::ARTIFACT).hex();
    let list = format!("{digest}  a.tar.gz\n{digest} *dist/b.whl\nSHA256 (c (1).txt) = {digest}\n");
    seeds.put("checksums", "three", list);
    let bundle = forge.bundle(STATEMENT).json;
    let npm = json!({ "attestations": [{ "predicateType": "p", "bundle": bundle }] });
    seeds.put("attestations", "npm", npm.to_string());
    seeds.put("attestations", "npm-keys", NPM_KEYS);
    let entry = &bundle["verificationMaterial"]["tlogEntries"][0];
    let pypi = json!({
        "version": 1,
        "attestation_bundles": [{
            "publisher": { "kind": "GitHub", "repository": "acme/tool", "workflow": "release.yml" },
            "attestations": [{
                "version": 1,
                "verification_material": {
                    "certificate": bundle["verificationMaterial"]["certificate"]["rawBytes"],
                    "transparency_entries": [entry],
                },
                "envelope": {
                    "statement": bundle["dsseEnvelope"]["payload"],
                    "signature": bundle["dsseEnvelope"]["signatures"][0]["sig"],
                },
            }],
        }],
    });
    seeds.put("attestations", "pypi", pypi.to_string());
}

fn trust(seeds: &Seeds, root: &str) {
    seeds.put("trusted-root", "forge", root);
    let v2 = Forge::new().trusted_root(RootVersion::V0_2);
    seeds.put("trusted-root", "forge-v0.2", v2.to_string());
    seeds.put("trusted-root", "public", trust::PUBLIC_GOOD);
    let config = trust::PUBLIC_GOOD_SIGNING_CONFIG;
    seeds.put("signing-config", "public", config);
    let both = json!({
        "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
        "trustedRoot": v2,
        "signingConfig": serde_json::from_str::<Value>(config).unwrap(),
    });
    seeds.put("trusted-root", "client-trust-config", both.to_string());
    for name in [
        "1.root.json",
        "3.targets.json",
        "5.snapshot.json",
        "timestamp.json",
    ] {
        seeds.put("tuf", name, vector(&format!("tuf/{name}")));
    }
}

fn certificates(seeds: &Seeds, forge: &Forge) {
    let forged = forge.bundle(Kind::PLAIN);
    let leaf = raw(&forged.json["verificationMaterial"]["certificate"]["rawBytes"]);
    seeds.put("certificate", "leaf", &leaf);
    let leaf = Certificate::from_der(&leaf).unwrap();
    seeds.put("sct", "one", leaf.extension(&sct::LIST_EXTENSION).unwrap());
    for name in [
        "ok",
        "ok-tsa",
        "ok-rsa-pss",
        "name-constraints",
        "leaf-unknown-critical",
    ] {
        let text = String::from_utf8(vector(&format!("chains/{name}.pem"))).unwrap();
        let first = &Certificate::list_from_pem(&text).unwrap()[0];
        seeds.put("certificate", name, first.der());
    }
    for kind in [
        KeyKind::P256,
        KeyKind::P384,
        KeyKind::P521,
        KeyKind::Ed25519,
        KeyKind::Rsa2048,
    ] {
        let key = made::fresh(kind);
        seeds.put("key", &format!("{kind}.pem"), key.public_key().to_pem());
        seeds.put("key", &kind.to_string(), key.public_key().spki_der());
    }
    for name in [
        "p521-sec1.key",
        "p384-with-parameters.key",
        "rsa2048-pkcs1.pub",
    ] {
        seeds.put("key", name, vector(&format!("keys/{name}")));
    }
    for name in ["cosign-p256.key", "cosign-ed25519-no-passphrase.key"] {
        seeds.put("cosign-key", name, vector(&format!("keys/{name}")));
    }
    for name in ["ok", "ok-fraction", "ok-p521", "refused"] {
        let text = String::from_utf8(vector(&format!("timestamps/{name}.pem"))).unwrap();
        let blocks = pem::decode_all(&text).unwrap();
        seeds.put(
            "timestamp",
            name,
            blocks.last().unwrap().contents.as_slice(),
        );
    }
    let imprint = HashAlgorithm::Sha256.digest(b"the message");
    let request = TimestampRequest::new(imprint, &SystemRandom).unwrap();
    seeds.put("timestamp-request", "one", request.to_der().unwrap());
}

fn logs(seeds: &Seeds) {
    let origin = "log.example/fuzz";
    let signer = || NoteSigner::new(origin, Box::new(made::ed25519(origin))).unwrap();
    let checkpoint = Checkpoint {
        origin: origin.to_owned(),
        size: 7,
        root: [7; 32],
        extensions: vec!["more".to_owned()],
    };
    let note = checkpoint.sign(&signer()).unwrap();
    seeds.put("checkpoint", "text", checkpoint.to_text());
    seeds.put("checkpoint", "note", &note);
    seeds.put("note", "one", &note);
    let vkey = signer().verifier().to_vkey();
    seeds.put("note", "key", &vkey);
    seeds.put(
        "witness",
        "one",
        AddCheckpoint::body(3, &[[1; 32], [2; 32]], &note),
    );
    let policy = format!(
        "# a policy\nlog {vkey} https://log.example\nwitness a {vkey}\ngroup g any a\nquorum g\n"
    );
    seeds.put("log-policy", "one", policy);

    seeds.put("tile", "path", "tile/0/x001/067.p/255");
    seeds.put("tile", "entries-path", "tile/entries/000");
    seeds.put("tile", "hashes", [&[1][..], &[7; 64]].concat());
    seeds.put("tile", "entries", b"\x01\x00\x05first\x00\x06second");
    for (name, entry) in [
        ("certificate", LogEntry::Certificate(vec![7; 16])),
        (
            "precertificate",
            LogEntry::Precertificate {
                issuer_key_hash: [7; 32],
                tbs_certificate: vec![8; 16],
                pre_certificate: vec![9; 16],
            },
        ),
    ] {
        let leaf = TileLeaf {
            timestamp_ms: 1_780_315_200_250,
            entry,
            extensions: leaf_index_extension(7).unwrap(),
            chain: vec![[1; 32], [2; 32]],
        };
        let leaf = leaf.encode().unwrap();
        seeds.put("tile", name, [&[0], leaf.as_slice()].concat());
        seeds.put("ct-leaf", name, leaf);
    }

    let memory = MemoryStorage::new();
    let storage = Storage {
        objects: Arc::new(memory.objects()),
        journal: Box::new(memory.journal()),
        lock: Box::new(memory.lock()),
        high_water: None,
    };
    let mut log = Sequencer::open(SequencerConfig::new(origin, signer()), storage).unwrap();
    for batch in [
        vec![b"first".to_vec(), b"second".to_vec()],
        vec![b"third".to_vec()],
    ] {
        log.append_batch(batch).unwrap();
    }
    for (number, record) in memory.journal().read().unwrap().iter().enumerate() {
        let (body, _) = record.split_last_chunk::<32>().unwrap();
        seeds.put("record", &number.to_string(), body);
    }

    let sizes = |a: u64, b: u64| [a.to_be_bytes(), b.to_be_bytes()].concat();
    seeds.put(
        "proof",
        "inclusion",
        [sizes(5, 11), [7; 32 * 4].to_vec()].concat(),
    );
    seeds.put(
        "proof",
        "consistency",
        [sizes(11, 21), [7; 32 * 5].to_vec()].concat(),
    );
    seeds.put(
        "proof",
        "largest",
        [sizes(u64::MAX - 1, u64::MAX), [7; 32 * 64].to_vec()].concat(),
    );
}

fn tokens(seeds: &Seeds) {
    seeds.put("trust-file", "two", TRUST_FILE);
    let workflow = "https://github.com/acme/tool/.github/workflows/release.yml@refs/tags/";
    seeds.put("identity", "tag", format!("{workflow}*\n{workflow}v1.2.3"));
    let any = workflow.replace("tool", "*");
    seeds.put("identity", "repository", format!("{any}v1\n{workflow}v1"));
    seeds.put("identity", "address", "ada@example.test\nada@example.test");
    seeds.put("identity", "user", "ada!example.test\nada!example.test");

    let key = made::fresh(KeyKind::P256);
    let claims = json!({
        "iss": "https://issuer.example.test", "sub": "ada", "aud": ["sigstore"],
        "exp": 1_780_315_260, "iat": 1_780_315_200, "email": "ada@example.test", "email_verified": true,
    });
    seeds.put("jwt", "token", mint_jwt(&key, "k", &claims).unwrap());
    for kind in [KeyKind::P256, KeyKind::Ed25519, KeyKind::Rsa2048] {
        let keys = Jwks::of("k", made::fresh(kind).public_key());
        seeds.put("jwt", &format!("keys-{kind}"), keys.to_json());
    }
}

const TRUST_FILE: &str = r#"# who may sign here
[signers.ada]
identity = "ada@example.test"
issuer = "https://issuer.example.test"
files = ["*.tar.gz", "dist/*.whl"]
from = 2026-01-31T00:00:00Z

[signers.release]
identity = "https://github.com/acme/tool/.github/workflows/release.yml@refs/tags/*"
issuer = "https://token.actions.githubusercontent.com"
"#;

fn raw(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

fn vector(path: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
    fs::read(folder.join(path)).unwrap()
}
