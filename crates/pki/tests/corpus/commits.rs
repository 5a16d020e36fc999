use std::fs;

use serde_json::Value;
use signhere_pki::{
    chain::Purpose,
    cms::{CmsError, SignedData},
    fulcio, pem,
    sct::SctList,
};

use crate::support::{chains, corpus, ct_logs, json};

/// The signed text of a commit or tag, and its detached signature.
fn split(object: &str) -> Option<(String, Vec<u8>)> {
    let (payload, armored) = match object.split_once("\ngpgsig ") {
        Some((before, after)) => {
            let end = after.find("\n").and_then(|_| {
                let mut offset = 0;
                after
                    .split_inclusive('\n')
                    .enumerate()
                    .find_map(|(line, text)| {
                        let is_over = line > 0 && !text.starts_with(' ');
                        if !is_over {
                            offset += text.len();
                        }
                        is_over.then_some(offset)
                    })
            })?;
            let (signature, rest) = after.split_at(end);
            (format!("{before}\n{rest}"), signature.replace("\n ", "\n"))
        }
        None => {
            let start = object.find("-----BEGIN SIGNED MESSAGE-----")?;
            (object[..start].to_owned(), object[start..].to_owned())
        }
    };
    let der = pem::decode_one(&armored, "SIGNED MESSAGE").ok()?;
    Some((payload, der.to_vec()))
}

#[test]
fn every_signature_of_gitsign_is_decided_right() {
    let Some(corpus) = corpus() else { return };
    let root = json(&corpus.join("trust/public-good.trusted_root.json")).unwrap();
    let chains = chains(&root, "certificateAuthorities");
    let logs = ct_logs(&root);
    let mut valid = 0;
    for line in fs::read_to_string(corpus.join("git/expected.jsonl"))
        .unwrap()
        .lines()
    {
        let expected: Value = serde_json::from_str(line).unwrap();
        let oid = expected["oid"].as_str().unwrap();
        let object = fs::read(corpus.join("git/objects").join(oid)).unwrap();
        let object = String::from_utf8(object).unwrap();
        assert_eq!(expected["signature"], "valid", "{oid}");
        let (payload, der) = split(&object).expect(oid);
        let signed = SignedData::from_der(&der).unwrap();
        assert_eq!(signed.content(), None, "{oid}");
        let signer = signed
            .certificates()
            .iter()
            .find(|certificate| signed.signer().is(certificate))
            .unwrap();
        assert_eq!(signed.verify(payload.as_bytes(), signer), Ok(()), "{oid}");
        let tampered = [payload.as_bytes(), b"\n"].concat();
        assert!(matches!(
            signed.verify(&tampered, signer),
            Err(CmsError::MessageDigest { .. })
        ));

        let issuer = chains.iter().find_map(|chain| {
            chain
                .verify_leaf(signer, signer.not_before(), Purpose::CodeSigning)
                .ok()
        });
        assert_eq!(issuer.is_some(), expected["chain"] == "valid", "{oid}");
        assert_eq!(
            Some(issuer.unwrap().subject()),
            expected["issued_by"].as_str(),
            "{oid}"
        );
        let scts = SctList::from_certificate(signer).unwrap();
        assert_eq!(
            scts.as_slice().is_empty(),
            expected["sct"] == "none",
            "{oid}"
        );
        for sct in scts.as_slice() {
            let log = logs.iter().find(|log| log.key_id() == sct.log_id).unwrap();
            assert_eq!(sct.verify(signer, issuer.unwrap(), log), Ok(()), "{oid}");
        }
        assert_eq!(
            fulcio::issuer(signer).as_deref(),
            expected["oidc_issuer"].as_str(),
            "{oid}"
        );
        let san = signer.san().unwrap();
        let names = expected["san"].as_array().unwrap();
        let [name] = names.as_slice() else {
            panic!("{oid}: {names:?}")
        };
        assert_eq!(
            name.as_str().unwrap().split_once(':').unwrap().1,
            san.as_str(),
            "{oid}"
        );
        valid += 1;
    }
    assert!(valid > 50, "{valid}");
}
