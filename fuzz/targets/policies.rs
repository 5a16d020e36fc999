//! What says who may: TUF metadata, tokens, key files.

use std::sync::OnceLock;

use signhere_pki::cosign_key;
use signhere_pki::jwt::{Jwks, Jwt, JwtExpect, verify_jwt};
use signhere_pki::key::PrivateKey;
use signhere_pki::time::Time;
use signhere_verify::policy::{
    FilePattern, Identity, Issuer, TrustFile, with_signer, without_signer,
};
use signhere_verify::tuf::{Metadata, Role, Root, Snapshot, Targets, Timestamp};

pub(crate) const TUF_TOKENS: &[&str] = &[
    "\"_type\":\"root\"",
    "\"_type\":\"timestamp\"",
    "\"_type\":\"snapshot\"",
    "\"_type\":\"targets\"",
    "\"spec_version\":\"1.0.31\"",
    "\"version\":1",
    "\"expires\":\"2030-01-01T00:00:00Z\"",
    "\"keyids\":[],\"threshold\":1",
    "\"delegations\":",
    "\"succinct_roles\":{\"bit_length\":32,",
    "\"path_hash_prefixes\":[\"\"]",
    "\"paths\":[\"*\"]",
    "\"terminating\":true",
    "18446744073709551615",
];

pub(crate) const TRUST_FILE_TOKENS: &[&str] = &[
    "[signers.a]\n",
    "[instances.a]\n",
    "identity = \"ada@example.test\"\n",
    "issuer = \"https://issuer.example.test\"\n",
    "files = [\"*\"]\n",
    "revoked = 2026-01-31T00:00:00Z\n",
    "key_file = \"a.pub\"\n",
    "*",
    "\"\"\"",
    "a.a.a.a.a.a.",
    "[[[[[[[[",
    "\u{202e}",
];

pub(crate) const IDENTITY_TOKENS: &[&str] = &[
    "*",
    "/*",
    "@refs/heads/",
    "@refs/tags/*",
    "https://",
    "spiffe://",
    "//",
    "/../",
    "%2f",
    "@",
    "!",
    "\n",
    ".evil.example",
];

pub(crate) const JWT_TOKENS: &[&str] = &[
    ".",
    "..",
    "eyJhbGciOiJub25lIn0",
    "eyJhbGciOiJFUzI1NiJ9",
    "{\"keys\":[",
    "\"kty\":\"EC\"",
    "\"kty\":\"OKP\"",
    "\"kty\":\"RSA\"",
    "\"kty\":\"oct\"",
    "\"crv\":\"P-256\"",
    "\"n\":\"",
    "\"e\":\"AQAB\"",
];

pub(crate) const KEY_TOKENS: &[&str] = &[
    "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n",
    "-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n",
    "-----BEGIN CERTIFICATE-----\n",
    "-----",
    "\r\n",
    "====",
];

/// Every role: what is signed is JSON that reads as itself, and a delegation answers for any path.
pub(crate) fn tuf(input: &[u8]) {
    if let Some(root) = metadata::<Root>(input) {
        let _ = root.verify_self();
        let _ = root.verify_next(&root);
    }
    metadata::<Timestamp>(input);
    if let Some(snapshot) = metadata::<Snapshot>(input) {
        let _ = snapshot.signed().document("targets");
    }
    if let Some(targets) = metadata::<Targets>(input)
        && let Some(delegations) = &targets.signed().delegations
    {
        for role in delegations.roles_for("a/path/to/a file") {
            assert!(delegations.authority(&role).is_some());
        }
    }
}

fn metadata<T: Role>(input: &[u8]) -> Option<Metadata<T>> {
    let metadata = Metadata::<T>::parse(input).ok()?;
    assert_eq!(metadata.bytes(), input);
    assert!(metadata.payload().len() <= 2 * input.len());
    let _ = metadata.check_expiry(Time::from_unix(0));
    Some(metadata)
}

/// A trust file: each signer in it can be written into another one, and read from there.
pub(crate) fn trust_file(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    let read = |text: &str| {
        TrustFile::parse(text, "trust.toml", None, &|_| {
            Err("no files here".to_owned())
        })
    };
    let Ok(file) = read(text) else { return };
    let people = file.people();
    for rule in file.git.iter().flat_map(|git| &git.rules) {
        let signers = rule.signers.iter().map(String::as_str);
        assert!((1..=people.count(signers)).contains(&rule.threshold));
        let patterns = rule.refs.iter().chain(rule.paths.iter().flatten());
        for pattern in patterns.filter(|pattern| !pattern.as_str().contains('*')) {
            assert!(pattern.matches(pattern.as_str().as_bytes()));
        }
    }
    for signer in file.signers {
        let alone = with_signer("", &signer).unwrap_or_default();
        let again = read(&alone).map(|file| file.signers);
        assert_eq!(again.as_deref(), Ok([signer.clone()].as_slice()), "{alone}");
        // Refused where a team or rule has the name.
        let without = without_signer(text, &signer.name).unwrap_or_default();
        assert!(
            read(&without)
                .is_ok_and(|file| file.signers.iter().all(|other| other.name != signer.name))
        );
    }
}

/// Two lines: an identity of a trust file, and one of a certificate. What matches has the same origin, the same depth
/// and every part that is written out.
pub(crate) fn identity(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    let (listed, found) = text.split_once('\n').unwrap_or((text, text));
    let _ = (Issuer::parse(listed), FilePattern::parse(listed));
    let Ok(identity) = Identity::parse(listed) else {
        return;
    };
    for kind in ["email", "uri", "otherName"] {
        if !identity.matches(found, kind) {
            continue;
        }
        assert_eq!(kind, identity.kind().as_str());
        if identity.is_exact() {
            assert_eq!(listed, found);
            continue;
        }
        assert!(
            found
                .chars()
                .all(|c| c.is_ascii_graphic() && !"*%?#\\".contains(c))
        );
        let origin = |text: &str| text.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        assert_eq!(origin(listed), origin(found));
        let path = |text: &str| {
            text.split("@refs/")
                .next()
                .unwrap_or_default()
                .matches('/')
                .count()
        };
        assert_eq!(path(listed), path(found));
        for part in listed.split(['/', '@']).filter(|part| *part != "*") {
            assert!(found.split(['/', '@']).any(|other| other == part), "{part}");
        }
    }
    if let Ok(pattern) = FilePattern::parse(listed) {
        let matched = pattern.matches(found, Some(found));
        assert!(!matched || pattern.as_str().contains('*') || listed == found);
    }
}

/// A token of anybody, or a key set.
pub(crate) fn jwt(input: &[u8]) {
    static KEYS: OnceLock<Jwks> = OnceLock::new();
    let keys = KEYS.get_or_init(|| {
        let key = PrivateKey::from_pem(include_str!("../../testdata/keys/p521-sec1.key"));
        let key = key.unwrap_or_else(|error| panic!("{error}"));
        Jwks::of("k", key.public_key())
    });
    if let Ok(set) = Jwks::parse(input) {
        assert!(Jwks::parse(set.to_json().as_bytes()).is_ok());
    }
    let Ok(token) = str::from_utf8(input) else {
        return;
    };
    if let Ok(jwt) = Jwt::parse(token) {
        let _ = (jwt.issuer(), jwt.audiences(), jwt.expiry());
    }
    let expect = JwtExpect {
        issuer: "https://issuer.example.test",
        audience: "sigstore",
        now: Time::from_unix(1_780_315_200),
        leeway_seconds: 60,
    };
    assert!(
        verify_jwt(token, keys, &expect).is_err(),
        "nobody has the key"
    );
}

/// A key file, but for what would take a tenth of a second each: deriving the key.
pub(crate) fn cosign_key(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    let is_key = cosign_key::is_encrypted_key(text);
    let costs = [32_768, 65_536, 131_072].map(|n| format!("\"N\":{n}"));
    let derives = signhere_pki::pem::only_block(text).is_ok_and(|block| {
        let json = String::from_utf8_lossy(&block.contents).replace(char::is_whitespace, "");
        costs.iter().any(|cost| json.contains(cost))
    });
    if !derives {
        let key = cosign_key::decrypt(text, b"");
        assert!(key.is_err() || is_key);
    }
    let _ = signhere_pki::pem::decode_all(text);
}
