use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::Value;
use signhere_pki::{
    chain::{Chain, ChainError},
    tsp::{TimestampToken, TspError, VerifiedTimestamp},
};

use crate::support::{bundles, chains, corpus, decode, json, trusted_root};

/// A bundle's first timestamp and the signature that it is over.
fn timestamp(bundle: &Value) -> Option<(Vec<u8>, Vec<u8>)> {
    let data = &bundle["verificationMaterial"]["timestampVerificationData"];
    let timestamp = data["rfc3161Timestamps"].get(0)?;
    let signature = match &bundle["messageSignature"] {
        Value::Null => &bundle["dsseEnvelope"]["signatures"][0]["sig"],
        message => &message["signature"],
    };
    Some((decode(&timestamp["signedTimestamp"]), decode(signature)))
}

fn verify(
    timestamp: &[u8],
    message: &[u8],
    chains: &[Chain],
) -> Result<VerifiedTimestamp, TspError> {
    let token = TimestampToken::from_response(timestamp)?;
    let results: Vec<_> = chains
        .iter()
        .map(|chain| token.verify(message, chain))
        .collect();
    let best = results.iter().position(Result::is_ok).unwrap_or(0);
    results.into_iter().nth(best).unwrap()
}

#[test]
fn every_timestamp_holds_or_fails_for_its_reason() {
    let Some(corpus) = corpus() else { return };
    let mut held = 0;
    for (case, bundle) in bundles(&corpus) {
        let Some((timestamp, message)) = timestamp(&bundle) else {
            continue;
        };
        let chains = chains(&trusted_root(&corpus, &case), "timestampAuthorities");
        let result = verify(&timestamp, &message, &chains);
        match case.as_str() {
            "rekor2-timestamp-payload-mismatch_fail" => {
                assert!(
                    matches!(result, Err(TspError::ImprintMismatch { .. })),
                    "{result:?}"
                );
            }
            "rekor2-timestamp-outside-tsa-cert-validity_fail" => {
                assert!(
                    matches!(
                        result,
                        Err(TspError::Chain(
                            ChainError::Expired { .. } | ChainError::NotYetValid { .. }
                        ))
                    ),
                    "{result:?}"
                );
            }
            "rekor2-timestamp-untrusted-tsa-with-embedded-cert_fail" => {
                assert!(
                    matches!(
                        result,
                        Err(TspError::Chain(ChainError::IssuerMismatch { .. }))
                    ),
                    "{result:?}"
                );
            }
            _ => {
                let verified = result.expect(&case);
                assert!(
                    verified.authority.validity().contains(verified.time),
                    "{case}"
                );
                held += 1;
            }
        }
    }
    assert!(held >= 12, "{held}");
}

#[test]
fn githubs_timestamp_holds_under_githubs_chains_alone() {
    let Some(corpus) = corpus() else { return };
    let bundle =
        json(&corpus.join("bundles-github/github-private-attestation.sigstore.json")).unwrap();
    let (timestamp, message) = timestamp(&bundle).unwrap();
    let root = |name: &str| json(&corpus.join("trust").join(name)).unwrap();

    let github = chains(&root("github.trusted_root.json"), "timestampAuthorities");
    let verified = verify(&timestamp, &message, &github).unwrap();
    assert_eq!(
        verified.authority.subject(),
        "CN=TSA Timestamping,O=GitHub\\, Inc."
    );

    // The token embeds no certificate.
    let public = chains(
        &root("public-good.trusted_root.json"),
        "timestampAuthorities",
    );
    assert_eq!(
        verify(&timestamp, &message, &public),
        Err(TspError::SignerNotFound)
    );
}

#[test]
fn a_mutated_timestamp_proves_no_other_time() {
    let Some(corpus) = corpus() else { return };
    for case in [
        "rekor2-timestamp-with-embedded-cert",
        "rekor2-dsse-happy-path",
    ] {
        let bundle = json(
            &corpus
                .join("bundles")
                .join(case)
                .join("bundle.sigstore.json"),
        )
        .unwrap();
        let (timestamp, message) = timestamp(&bundle).unwrap();
        let chains = chains(&trusted_root(&corpus, case), "timestampAuthorities");
        let original = verify(&timestamp, &message, &chains).unwrap();

        let mutation = (0..timestamp.len(), any::<u8>());
        TestRunner::default()
            .run(&mutation, |(position, byte)| {
                let mut mutant = timestamp.clone();
                mutant[position] = byte;
                // Hints outside the signed part may change; what is proven may not.
                if let Ok(verified) = verify(&mutant, &message, &chains) {
                    prop_assert_eq!(&verified, &original);
                }
                prop_assert!(TimestampToken::from_response(&timestamp[..position]).is_err());
                Ok(())
            })
            .unwrap();
    }
}
