//! SPIFFE: a JWT-SVID in a file, as spiffe-helper keeps one. The Workload API itself is gRPC over
//! a socket, which would bring a gRPC stack for one call.

use std::path::Path;

use super::{AmbientProblem, Asked, Secret, secret};

pub(super) const REMEDY: &str = "let spiffe-helper write a JWT-SVID for the audience `sigstore` \
     (`jwt_svids` in its configuration) and name the file in SIGNHERE_SPIFFE_JWT_SVID";

const FILE_VARIABLE: &str = "SIGNHERE_SPIFFE_JWT_SVID";

pub(super) fn ask(asked: &Asked<'_>) -> Result<Option<Secret>, AmbientProblem> {
    if let Some(path) = asked.env.var(FILE_VARIABLE).filter(|path| !path.is_empty()) {
        let contents = asked.env.read(Path::new(&path))?;
        return secret(contents).map(Some);
    }
    match asked.env.var("SPIFFE_ENDPOINT_SOCKET") {
        Some(socket) if !socket.is_empty() => Err(AmbientProblem::WorkloadApi(socket)),
        _ => Ok(None),
    }
}
