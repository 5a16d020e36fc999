use std::fs;

use proptest::{prelude::*, test_runner::TestRunner};
use signhere_pki::{
    cert::{Certificate, San},
    chain::{ChainError, Purpose},
    fulcio,
    sct::SctList,
};

use crate::support::{
    bundles, certificate_lists, chains, corpus, ct_logs, json, leaf, middle, trusted_root,
};

#[test]
fn every_chain_of_every_trusted_root_holds() {
    let Some(corpus) = corpus() else { return };
    let mut seen = 0;
    for entry in fs::read_dir(corpus.join("trust")).unwrap() {
        let root = json(&entry.unwrap().path()).unwrap();
        for chain in chains(&root, "certificateAuthorities") {
            assert!(chain.listed_leaf().is_none());
            seen += 1;
        }
        for chain in chains(&root, "timestampAuthorities") {
            let tsa = chain.listed_leaf().unwrap().clone();
            chain
                .verify_leaf(&tsa, middle(&tsa), Purpose::TimeStamping)
                .unwrap();
            let error =
                chain.verify_leaf(&tsa, tsa.not_after().plus_seconds(1), Purpose::TimeStamping);
            assert!(
                matches!(error, Err(ChainError::Expired { .. })),
                "{error:?}"
            );
            seen += 1;
        }
    }
    assert_eq!(seen, 19);
}

#[test]
fn every_leaf_has_a_chain_a_log_and_an_identity() {
    let Some(corpus) = corpus() else { return };
    let mut seen = 0;
    for (case, bundle) in bundles(&corpus) {
        let Some(leaf) = leaf(&bundle) else { continue };
        if leaf.is_ca() {
            assert_eq!(case, "bundle-with-root-cert_fail");
            continue;
        }
        assert_eq!(leaf.subject(), "", "{case}");
        assert!(
            matches!(leaf.san(), Some(San::Uri(_) | San::Email(_))),
            "{case}"
        );
        assert!(
            fulcio::issuer(&leaf).is_some_and(|issuer| issuer.starts_with("https://")),
            "{case}"
        );

        let root = trusted_root(&corpus, &case);
        let chains = chains(&root, "certificateAuthorities");
        if case == "intoto-expired-certificate_fail" {
            // Issued for a time when its CA has long expired.
            let error = chains[0].verify_leaf(&leaf, middle(&leaf), Purpose::CodeSigning);
            assert!(
                matches!(error, Err(ChainError::Expired { .. })),
                "{error:?}"
            );
            continue;
        }
        let verified = chains.iter().find_map(|chain| {
            let issuer = chain
                .verify_leaf(&leaf, middle(&leaf), Purpose::CodeSigning)
                .ok()?;
            Some((chain, issuer))
        });
        let Some((chain, issuer)) = verified else {
            panic!("{case}: no chain");
        };
        let wrong_purpose = chain.verify_leaf(&leaf, middle(&leaf), Purpose::TimeStamping);
        assert!(
            matches!(wrong_purpose, Err(ChainError::MissingEku { .. })),
            "{case}"
        );

        let scts = SctList::from_certificate(&leaf).unwrap();
        let logs = ct_logs(&root);
        let log = |id| logs.iter().find(|log| log.key_id() == id);
        assert!(!scts.as_slice().is_empty(), "{case}");
        for sct in scts.as_slice() {
            sct.verify(&leaf, issuer, log(sct.log_id).unwrap())
                .expect(&case);
        }
        seen += 1;
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn a_mutated_certificate_is_refused_or_has_no_chain() {
    let Some(corpus) = corpus() else { return };
    let root = json(&corpus.join("trust/public-good.trusted_root.json")).unwrap();
    let chains = chains(&root, "certificateAuthorities");
    let leaf =
        leaf(&json(&corpus.join("bundles/happy-path-v0.3/bundle.sigstore.json")).unwrap()).unwrap();
    let der = leaf.der().to_vec();
    let at = middle(&leaf);

    let mutation = (0..der.len(), any::<u8>());
    TestRunner::default()
        .run(&mutation, |(position, byte)| {
            let mut mutant = der.clone();
            prop_assume!(mutant[position] != byte);
            mutant[position] = byte;
            if let Ok(mutant) = Certificate::from_der(&mutant) {
                let _ = SctList::from_certificate(&mutant);
                let _ = fulcio::all(&mutant);
                let verdict = chains
                    .iter()
                    .find(|chain| chain.verify_leaf(&mutant, at, Purpose::CodeSigning).is_ok());
                prop_assert!(verdict.is_none(), "byte {position} to {byte}");
            }
            prop_assert!(Certificate::from_der(&der[..position]).is_err());
            Ok(())
        })
        .unwrap();
}

#[test]
fn trailing_and_unknown_data_is_refused() {
    let Some(corpus) = corpus() else { return };
    let root = json(&corpus.join("trust/staging.trusted_root.json")).unwrap();
    for certificate in certificate_lists(&root, "certificateAuthorities").concat() {
        let again = Certificate::from_pem(&certificate.to_pem()).unwrap();
        assert_eq!(again, certificate);
        let longer = [certificate.der(), &[0]].concat();
        assert!(Certificate::from_der(&longer).is_err());
    }
}
