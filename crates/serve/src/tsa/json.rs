//! Timestamp requests in JSON, which Sigstore's timestamp authority takes beside RFC 3161's DER.

use der::asn1::ObjectIdentifier;
use serde::Deserialize;
use serde_json::Number;
use signhere_pki::digest::{Digest, HashAlgorithm};
use signhere_pki::tsp::TimestampRequest;

use crate::http::problem::Problem;
use crate::proto::Bytes;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    artifact_hash: Bytes,
    hash_algorithm: String,
    #[serde(default)]
    certificates: bool,
    nonce: Option<Number>,
    #[serde(rename = "tsaPolicyOID")]
    tsa_policy_oid: Option<String>,
}

/// The request in `body`.
pub(super) fn parse(body: &[u8]) -> Result<TimestampRequest, Problem> {
    let wire: Wire = serde_json::from_slice(body).map_err(|e| {
        Problem::invalid(format!(
            "the request is not the JSON of a timestamp request: {e}"
        ))
    })?;
    let algorithm = HashAlgorithm::from_name(&wire.hash_algorithm)
        .ok_or_else(|| Problem::invalid("hashAlgorithm must be sha256, sha384 or sha512"))?;
    let imprint = Digest::new(algorithm, &wire.artifact_hash.0)
        .map_err(|_| Problem::invalid(format!("artifactHash is no {} digest", algorithm.name())))?;
    let nonce = wire.nonce.as_ref().map(integer).transpose()?;
    let policy = wire.tsa_policy_oid.filter(|text| !text.is_empty());
    let policy = policy.map(|text| ObjectIdentifier::new(&text)).transpose();
    let policy = policy.map_err(|_| Problem::invalid("tsaPolicyOID is no object identifier"))?;
    Ok(TimestampRequest {
        imprint,
        policy,
        nonce,
        certificate_requested: wire.certificates,
    })
}

/// The content octets of the nonce's INTEGER: the fewest that hold it, with room for the sign.
fn integer(number: &Number) -> Result<Vec<u8>, Problem> {
    let value = number
        .as_u64()
        .ok_or_else(|| Problem::invalid("nonce must be an integer from 0 to 2^64 - 1"))?;
    let octets: Vec<u8> = value
        .to_be_bytes()
        .into_iter()
        .skip_while(|octet| *octet == 0)
        .collect();
    match octets.first() {
        None => Ok(vec![0]),
        Some(first) if *first >= 0x80 => Ok([&[0], octets.as_slice()].concat()),
        Some(_) => Ok(octets),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_are_minimal_positive_integers() {
        for (value, octets) in [
            (0u64, vec![0]),
            (127, vec![127]),
            (128, vec![0, 128]),
            (256, vec![1, 0]),
            (u64::MAX, [&[0][..], &[0xff; 8]].concat()),
        ] {
            assert_eq!(integer(&Number::from(value)), Ok(octets), "{value}");
        }
        assert!(integer(&Number::from(-1)).is_err());
    }

    #[test]
    fn a_request_as_sigstore_js_sends_it() {
        let body = br#"{"artifactHash":"ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=","hashAlgorithm":"sha256","certificates":true,"nonce":1123343434}"#;
        let request = parse(body).unwrap();
        assert_eq!(request.imprint, HashAlgorithm::Sha256.digest(b"abc"));
        assert_eq!(
            request.nonce,
            Some(1_123_343_434_u32.to_be_bytes().to_vec())
        );
        assert!(request.certificate_requested);
        assert_eq!(request.policy, None);
    }
}
