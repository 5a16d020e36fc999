use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::key::{KeyKind, PrivateKey, PublicKey, Scheme, Signer};

const NOW: Time = Time::from_unix(1_000_000);
const ISSUER: &str = "https://issuer.example";
const EXPECT: JwtExpect<'_> = JwtExpect {
    issuer: ISSUER,
    audience: "sigstore",
    now: NOW,
    leeway_seconds: 10,
};

fn claims() -> Value {
    json!({ "iss": ISSUER, "sub": "me", "aud": "sigstore", "iat": 999_990, "nbf": 999_990, "exp": 1_000_060 })
}

/// The claims with one changed, or taken away.
fn with(name: &str, value: Option<Value>) -> Value {
    let mut claims = claims();
    let members = claims.as_object_mut().unwrap();
    match value {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.remove(name),
    };
    claims
}

fn key() -> PrivateKey {
    PrivateKey::generate(KeyKind::P256).unwrap()
}

/// What comes of a well-signed token with these claims.
fn verdict(claims: &Value) -> Result<Jwt, JwtError> {
    let key = key();
    let token = mint_jwt(&key, "k", claims).unwrap();
    verify_jwt(&token, &Jwks::of("k", key.public_key()), &EXPECT)
}

/// A token of any header and claims, signed by `key` over whatever they are.
fn forge(header: &str, claims: &str, key: &PrivateKey) -> String {
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let signature = key.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn minted_tokens_verify_for_every_kind_of_key() {
    for kind in [
        KeyKind::P256,
        KeyKind::P384,
        KeyKind::P521,
        KeyKind::Ed25519,
        KeyKind::Rsa2048,
    ] {
        let key = PrivateKey::generate(kind).unwrap();
        let token = mint_jwt(&key, "k", &claims()).unwrap();
        let set = Jwks::parse(Jwks::of("k", key.public_key()).to_json().as_bytes()).unwrap();
        let jwt = verify_jwt(&token, &set, &EXPECT).unwrap();
        assert_eq!(
            (jwt.issuer(), jwt.subject(), jwt.audiences(), jwt.expiry()),
            (
                Some(ISSUER),
                Some("me"),
                vec!["sigstore"],
                Some(Time::from_unix(1_000_060))
            )
        );
        assert_eq!(Jwt::parse(&token), Ok(jwt));
    }
}

#[test]
fn every_rsa_algorithm_verifies_and_only_under_its_own_name() {
    let rsa = PrivateKey::generate(KeyKind::Rsa2048).unwrap();
    let set = Jwks::of("k", rsa.public_key());
    let algorithms = [
        ("RS256", Scheme::RsaPkcs1Sha256),
        ("RS384", Scheme::RsaPkcs1Sha384),
        ("RS512", Scheme::RsaPkcs1Sha512),
        ("PS256", Scheme::RsaPssSha256),
        ("PS384", Scheme::RsaPssSha384),
        ("PS512", Scheme::RsaPssSha512),
    ];
    for (name, _) in algorithms {
        for (signed_as, scheme) in algorithms {
            let signer = rsa.with_scheme(scheme).unwrap();
            let token = forge(
                &json!({ "alg": name, "kid": "k" }).to_string(),
                &claims().to_string(),
                &signer,
            );
            let verdict = verify_jwt(&token, &set, &EXPECT).map(|_| ());
            let expected = if name == signed_as {
                Ok(())
            } else {
                Err(JwtError::BadSignature)
            };
            assert_eq!(verdict, expected, "{name} signed as {signed_as}");
        }
    }
}

#[test]
fn the_es512_example_of_rfc_7515_verifies() {
    // RFC 7515 appendix A.4, whose payload is no claims: signature and form are checked on the parts.
    let set = br#"{"keys":[{"kty":"EC","crv":"P-521",
        "x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
        "y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}]}"#;
    let set = Jwks::parse(set).unwrap();
    let signature = URL_SAFE_NO_PAD
        .decode(
            "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7Xdt\
             AG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
        )
        .unwrap();
    let key = set.candidates(None, "ES512")[0];
    let algorithm = algorithm::Algorithm::from_name("ES512").unwrap();
    let signed = b"eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA";
    assert!(algorithm.verifies(key, signed, &signature));
    let short = signature[..131].to_vec();
    let swapped = [&signature[66..], &signature[..66]].concat();
    for other in [short, swapped, vec![0; 132]] {
        assert!(!algorithm.verifies(key, signed, &other));
    }
}

#[test]
fn what_a_token_says_is_checked_before_its_keys_are_known() {
    let key = key();
    let token = mint_jwt(&key, "k", &claims()).unwrap();
    let unverified = UnverifiedJwt::parse(&token).unwrap();
    assert_eq!(unverified.check(&EXPECT), Ok(()));
    assert_eq!(unverified.issuer(), Some(ISSUER));
    assert!(unverified.names_a_key());
    let unknown = JwtError::UnknownKey {
        algorithm: "ES256",
        key_id: Some("k".to_owned()),
    };
    assert_eq!(unverified.verify(&Jwks::default()), Err(unknown));
    let keys = Jwks::of("k", key.public_key());
    assert_eq!(unverified.verify(&keys), Ok(&Jwt::parse(&token).unwrap()));
    assert_eq!(
        unverified.verify(&Jwks::of("k", self::key().public_key())),
        Err(JwtError::BadSignature)
    );
    assert!(!format!("{unverified:?}").contains("eyJ"), "{unverified:?}");

    let other = forge("{\"alg\":\"HS256\"}", &claims().to_string(), &key);
    let refused = JwtError::UnsupportedAlgorithm {
        found: "HS256".to_owned(),
    };
    let unverified = UnverifiedJwt::parse(&other).unwrap();
    assert_eq!(unverified.check(&EXPECT), Err(refused));
    assert!(!unverified.names_a_key());
}

#[test]
fn the_example_of_rfc_7515_verifies() {
    // RFC 7515 appendix A.3: an ES256 token without audience, which is the first thing that is missed.
    let set =
        br#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
    let set = Jwks::parse(set).unwrap();
    let token = "eyJhbGciOiJFUzI1NiJ9.\
        eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
        DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let expect = JwtExpect {
        issuer: "joe",
        ..EXPECT
    };
    assert_eq!(
        verify_jwt(token, &set, &expect),
        Err(JwtError::MissingClaim { claim: "aud" })
    );
    let changed = token.replace("DtEh", "DtEi");
    assert_eq!(
        verify_jwt(&changed, &set, &expect),
        Err(JwtError::BadSignature)
    );
    // The same signature as ASN.1, which RFC 7518 section 3.4 does not allow.
    let key = key();
    let asn1 = forge(r#"{"alg":"ES256"}"#, &claims().to_string(), &key);
    assert_eq!(
        verify_jwt(&asn1, &Jwks::of("k", key.public_key()), &EXPECT),
        Err(JwtError::BadSignature)
    );
}

#[test]
fn claims_are_checked_and_named() {
    let mismatch = |claim, expected: &str, found: &str| JwtError::ClaimMismatch {
        claim,
        expected: expected.to_owned(),
        found: found.to_owned(),
    };
    let mistyped = |claim, expected| JwtError::ClaimType { claim, expected };
    let aud_type = || mistyped("aud", "a string or an array of strings");
    for (claim, value, expected) in [
        ("iss", None, JwtError::MissingClaim { claim: "iss" }),
        ("iss", Some(json!(1)), mistyped("iss", "a string")),
        (
            "iss",
            Some(json!("https://issuer.example/")),
            mismatch("iss", ISSUER, "https://issuer.example/"),
        ),
        (
            "iss",
            Some(json!("x".repeat(300))),
            mismatch("iss", ISSUER, &"x".repeat(200)),
        ),
        ("sub", None, JwtError::MissingClaim { claim: "sub" }),
        (
            "sub",
            Some(json!("")),
            JwtError::MissingClaim { claim: "sub" },
        ),
        ("sub", Some(json!(null)), mistyped("sub", "a string")),
        ("aud", None, JwtError::MissingClaim { claim: "aud" }),
        (
            "aud",
            Some(json!("sigstor")),
            mismatch("aud", "sigstore", "sigstor"),
        ),
        (
            "aud",
            Some(json!(["a", "b"])),
            mismatch("aud", "sigstore", "a,b"),
        ),
        ("aud", Some(json!(["sigstore", 1])), aud_type()),
        ("aud", Some(json!([])), aud_type()),
        ("aud", Some(json!({"sigstore": 1})), aud_type()),
        ("exp", None, JwtError::MissingClaim { claim: "exp" }),
        (
            "exp",
            Some(json!("1000060")),
            mistyped("exp", "a time in seconds"),
        ),
        (
            "exp",
            Some(json!(1e300)),
            mistyped("exp", "a time in seconds"),
        ),
        (
            "exp",
            Some(json!(999_990)),
            JwtError::Expired {
                expired_at: Time::from_unix(999_990),
                now: NOW,
            },
        ),
        (
            "exp",
            Some(json!(999_990.9)),
            JwtError::Expired {
                expired_at: Time::from_unix(999_990),
                now: NOW,
            },
        ),
        (
            "nbf",
            Some(json!(1_000_011)),
            JwtError::NotYetValid {
                not_before: Time::from_unix(1_000_011),
                now: NOW,
            },
        ),
        (
            "nbf",
            Some(json!("soon")),
            mistyped("nbf", "a time in seconds"),
        ),
        (
            "iat",
            Some(json!(1_000_011)),
            JwtError::IssuedInTheFuture {
                issued_at: Time::from_unix(1_000_011),
                now: NOW,
            },
        ),
        (
            "iat",
            Some(json!(null)),
            mistyped("iat", "a time in seconds"),
        ),
    ] {
        let claims = with(claim, value);
        assert_eq!(verdict(&claims), Err(expected), "{claims}");
    }
}

#[test]
fn claims_within_the_bounds_are_accepted() {
    for (claim, value) in [
        ("aud", Some(json!(["other", "sigstore"]))),
        ("exp", Some(json!(999_991))), // expired, within the leeway
        ("nbf", Some(json!(1_000_010))),
        ("iat", Some(json!(1_000_010.5))),
        ("nbf", None),
        ("iat", None),
    ] {
        let claims = with(claim, value);
        assert_eq!(verdict(&claims).map(|_| ()), Ok(()), "{claims}");
    }
}

#[test]
fn algorithms_are_refused_unless_they_fit_the_key() {
    let key = key();
    let set = Jwks::of("k", key.public_key());
    let token = |header: &str| forge(header, &claims().to_string(), &key);
    for name in [
        "none", "None", "HS256", "HS384", "HS512", "ES256K", "RSA1_5", "es256", "",
    ] {
        let refused = JwtError::UnsupportedAlgorithm {
            found: name.to_owned(),
        };
        let header = json!({ "alg": name, "kid": "k" }).to_string();
        assert_eq!(
            verify_jwt(&token(&header), &set, &EXPECT),
            Err(refused),
            "{name}"
        );
    }
    for algorithm in ["RS256", "PS256", "ES384", "EdDSA"] {
        let refused = JwtError::UnknownKey {
            algorithm,
            key_id: Some("k".to_owned()),
        };
        let header = json!({ "alg": algorithm, "kid": "k" }).to_string();
        assert_eq!(
            verify_jwt(&token(&header), &set, &EXPECT),
            Err(refused),
            "{algorithm}"
        );
    }
    // Unsigned, with the algorithm that says so.
    let unsigned = format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#),
        URL_SAFE_NO_PAD.encode(claims().to_string())
    );
    let refused = JwtError::UnsupportedAlgorithm {
        found: "none".to_owned(),
    };
    assert_eq!(verify_jwt(&unsigned, &set, &EXPECT), Err(refused));
}

#[test]
fn the_key_is_chosen_by_its_name_and_algorithm() {
    let [one, two] = [key(), key()];
    let token = mint_jwt(&one, "one", &claims()).unwrap();
    let unknown = || JwtError::UnknownKey {
        algorithm: "ES256",
        key_id: Some("one".to_owned()),
    };
    let verdict = |set: &Jwks| verify_jwt(&token, set, &EXPECT).map(|_| ());

    assert_eq!(
        verdict(&Jwks::of("two", two.public_key()).with("one", one.public_key())),
        Ok(())
    );
    assert_eq!(
        verdict(&Jwks::of("one", two.public_key())),
        Err(JwtError::BadSignature)
    );
    assert_eq!(verdict(&Jwks::of("two", one.public_key())), Err(unknown()));
    assert_eq!(verdict(&Jwks::default()), Err(unknown()));

    let other_use = Jwks::of("one", one.public_key())
        .to_json()
        .replace("ES256", "ES384");
    assert_eq!(
        verdict(&Jwks::parse(other_use.as_bytes()).unwrap()),
        Err(unknown())
    );
    let no_name = Jwks::of("one", one.public_key())
        .to_json()
        .replace("\"kid\"", "\"was\"");
    assert_eq!(
        verdict(&Jwks::parse(no_name.as_bytes()).unwrap()),
        Err(unknown())
    );
}

#[test]
fn malformed_tokens_are_refused() {
    let key = key();
    let set = Jwks::of("k", key.public_key());
    let header = r#"{"alg":"ES256","kid":"k"}"#;
    let malformed = |part| JwtError::Malformed { part };
    let signed = |header: &str, claims: &str| forge(header, claims, &key);
    let good = mint_jwt(&key, "k", &claims()).unwrap();
    for (token, expected) in [
        (String::new(), malformed("form")),
        ("a.b".to_owned(), malformed("form")),
        (format!("{good}.x"), malformed("form")),
        (format!(" {good}"), malformed("header")),
        (format!("{good}="), malformed("signature")),
        (signed("[]", "{}"), malformed("header")),
        (signed("{}", "{}"), malformed("header")),
        (
            signed(r#"{"alg":"ES256","alg":"none"}"#, "{}"),
            malformed("header"),
        ),
        (
            signed(r#"{"alg":"ES256","crit":["b64"],"b64":false}"#, "{}"),
            JwtError::CriticalExtensions,
        ),
        (
            signed(r#"{"alg":"ES256","crit":null}"#, "{}"),
            JwtError::CriticalExtensions,
        ),
        (signed(header, "[]"), malformed("claims")),
        (
            signed(header, r#"{"sub":"me","sub":"you"}"#),
            malformed("claims"),
        ),
        (signed(header, "{} {}"), malformed("claims")),
        (signed(header, &"[".repeat(10_000)), malformed("claims")),
        (
            "a".repeat(10 << 20),
            JwtError::TooLong {
                what: "token",
                limit: Jwt::MAX_LEN,
                found: 10 << 20,
            },
        ),
    ] {
        assert_eq!(
            verify_jwt(&token, &set, &EXPECT),
            Err(expected),
            "{token:.80}"
        );
    }
}

#[test]
fn key_sets_are_bounded_and_pass_over_what_they_cannot_use() {
    let good = Jwks::of("k", key().public_key());
    let set = |keys: &[Value]| Jwks::parse(json!({ "keys": keys }).to_string().as_bytes());
    let jwk = serde_json::from_str::<Value>(&good.to_json()).unwrap()["keys"][0].clone();
    let changed = |name: &str, value: &str| {
        let mut jwk = jwk.clone();
        jwk[name] = value.into();
        jwk
    };
    let with_operations = |operations: &[&str]| {
        let mut jwk = jwk.clone();
        jwk["key_ops"] = operations.into();
        jwk
    };
    let unusable = [
        json!(1),
        json!({}),
        json!({"kty": "oct", "k": "AAAA"}),
        json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"}),
        json!({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}),
        json!({"kty": "OKP", "crv": "X25519", "x": jwk["x"]}),
        changed("use", "enc"),
        with_operations(&["encrypt"]),
        changed("crv", "P-384"),
        changed("crv", "secp256k1"),
        changed("x", "AAAA"),
        changed("y", jwk["x"].as_str().unwrap()), // not on the curve
    ];
    for key in &unusable {
        assert_eq!(set(std::slice::from_ref(key)).unwrap().len(), 0, "{key}");
    }
    let mixed = [unusable.as_slice(), std::slice::from_ref(&jwk)].concat();
    assert_eq!(set(&mixed).unwrap().len(), 1);
    assert_eq!(
        set(&[with_operations(&["sign", "verify"])]).unwrap().len(),
        1
    );

    assert_eq!(set(&vec![jwk.clone(); 64]).unwrap().len(), 64);
    assert_eq!(
        set(&vec![jwk; 65]),
        Err(JwtError::TooManyKeys {
            limit: 64,
            found: 65
        })
    );
    assert_eq!(Jwks::parse(b"{}"), Err(JwtError::MalformedKeySet));
    assert_eq!(Jwks::parse(b"[]"), Err(JwtError::MalformedKeySet));
    assert_eq!(
        Jwks::parse(&vec![b' '; Jwks::MAX_LEN + 1]),
        Err(JwtError::TooLong {
            what: "key set",
            limit: Jwks::MAX_LEN,
            found: Jwks::MAX_LEN + 1
        })
    );
}

#[test]
fn a_set_of_every_kind_survives_writing_and_reading() {
    let kinds = [
        KeyKind::P256,
        KeyKind::P384,
        KeyKind::P521,
        KeyKind::Ed25519,
        KeyKind::Rsa2048,
    ];
    let keys: Vec<PublicKey> = kinds
        .map(|kind| PrivateKey::generate(kind).unwrap().public_key().clone())
        .into();
    let set = keys
        .iter()
        .fold(Jwks::default(), |set, key| set.with("k", key));
    let read = Jwks::parse(set.to_json().as_bytes()).unwrap();
    assert_eq!(read.candidates(Some("k"), "EdDSA").len(), 1);
    assert_eq!(read.len(), kinds.len());
    assert_eq!(Jwks::parse(read.to_json().as_bytes()), Ok(read));
}

#[test]
fn only_keys_with_a_token_algorithm_mint() {
    let refused = |scheme, kind| Err(JwtError::Key(KeyError::SchemeMismatch { scheme, kind }));
    let prehashing = PrivateKey::generate(KeyKind::Ed25519)
        .unwrap()
        .with_scheme(Scheme::Ed25519ph)
        .unwrap();
    assert_eq!(
        mint_jwt(&prehashing, "k", &claims()),
        refused(Scheme::Ed25519ph, KeyKind::Ed25519)
    );
    assert_eq!(
        mint_jwt(&key(), "k", &json!([])),
        Err(JwtError::Malformed { part: "claims" })
    );
}

#[test]
fn debug_shows_no_claim() {
    let token = mint_jwt(&key(), "k", &claims()).unwrap();
    let shown = format!("{:?}", Jwt::parse(&token).unwrap());
    assert_eq!(
        shown,
        r#"Jwt { algorithm: "ES256", key_id: Some("k"), .. }"#
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// No token survives a change of one of its characters.
    #[test]
    fn changed_tokens_are_refused(position: prop::sample::Index, change in "[A-Za-z0-9_=. -]") {
        let key = key();
        let token = mint_jwt(&key, "k", &claims()).unwrap();
        let at = position.index(token.len());
        let changed = [&token[..at], &change, &token[at + 1..]].concat();
        let verdict = verify_jwt(&changed, &Jwks::of("k", key.public_key()), &EXPECT);
        prop_assert_eq!(verdict.is_ok(), changed == token);
    }

    #[test]
    fn readers_hold(text in "\\PC{0,100}", claims in "[{}\\[\\]\":,a-z0-9.]{0,60}") {
        let _ = Jwt::parse(&text);
        let _ = Jwt::parse(&forge("{\"alg\":\"ES256\"}", &claims, &key()));
        let _ = Jwks::parse(claims.as_bytes());
    }
}
