//! Names that the protocol buffers of Sigstore give to hash algorithms.

use signhere_pki::digest::HashAlgorithm;

/// `HashAlgorithm` of sigstore_common.proto.
pub(crate) const HASH_ALGORITHMS: [(i32, &str); 5] = [
    (1, "SHA2_256"),
    (2, "SHA2_384"),
    (3, "SHA2_512"),
    (4, "SHA3_256"),
    (5, "SHA3_384"),
];

/// Returns the hash algorithm of a protocol name.
pub(crate) fn hash_algorithm(name: &str) -> Option<HashAlgorithm> {
    HashAlgorithm::ALL
        .into_iter()
        .find(|algorithm| hash_name(*algorithm) == name)
}

/// Returns the protocol name of a hash algorithm.
pub(crate) fn hash_name(algorithm: HashAlgorithm) -> String {
    format!("SHA2_{}", algorithm.len() * 8)
}
