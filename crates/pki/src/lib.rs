//! Keys, X.509, SCTs, CMS, RFC 3161 and JWTs: pure functions over bytes, a time and a random source.
